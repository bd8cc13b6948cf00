/* SPDX-License-Identifier: ISC */
/*
 * Runs: any number of contiguous pages.
 *
 * A run is made of neighbouring free blocks: any run of n free pages contains a
 * block of order floor(log2(n + 1)) - 1, so only the lists from that order on
 * are looked at. Usually a single block that is large enough is cut and its
 * rest freed: the run can grow into it. Where the run takes a good part of what
 * is free, a few smaller blocks are tried before that, to use up such rests. If
 * there is no such block all are looked at, SEARCH_MAX at most.
 *
 *	order 1   order 3          order 2      a run of 13 for 9 pages, whose
 *	|  free | free           | free    |    largest block has 8: all three
 *	    ^---- taken ----^                   are unlinked, both ends freed
 */
#include "core/page_impl.h"

#define ROOMY      64 /* memory is, if that many runs are free */
#define SEARCH_FEW 4
#define SEARCH_MAX 4096

/* The first page of the free block that ends just before page i, or i. */
static size_t free_before(const struct page_section *s, size_t i)
{
	size_t b;
	unsigned order;

	for (order = 0; order <= PAGE_ORDER_MAX; order++) {
		b = i - ((size_t)1 << order);
		if (b >= i)
			break;
		if (is_free(s->word[b]) && word_order(s->word[b]) == order)
			return b;
	}
	return i;
}

size_t page_run_length(const struct page_section *s, size_t i, size_t enough)
{
	size_t n = 0, size;

	for (; n < enough && i + n < section_pages(s); n += size) {
		if (!is_free(s->word[i + n]))
			break;
		size = (size_t)1 << word_order(s->word[i + n]);
	}
	return n;
}

void page_run_take(struct page_section *s, size_t from, size_t at, size_t n)
{
	size_t size, end = from;

	while (end < at + n) {
		size = (size_t)1 << word_order(s->word[end]);
		page_block_unlink(s, end);
		page_state.free -= size;
		end += size;
	}
	page_run_free(s, from, at - from);
	page_run_free(s, at + n, end - (at + n));
}

/* A run of n free pages around block i: its first page in *at. */
static bool run_around(struct page_section *s, size_t i, size_t n, size_t align,
		       size_t *from, size_t *at)
{
	size_t first = s->base >> PAGE_SHIFT, b;

	while ((b = free_before(s, i)) != i)
		i = b;
	*from = i;
	*at = ((first + i + align - 1) & ~(align - 1)) - first;
	return page_run_length(s, i, *at - i + n) >= *at - i + n;
}

/* Join neighbouring blocks, one of which has an order in [low, high]. */
static struct page_section *run_join(size_t n, size_t align, unsigned low,
				     unsigned high, unsigned tries, size_t *at)
{
	struct page_section *s;
	unsigned order;
	size_t from;
	uint32_t i;

	for (s = page_state.sections; s; s = s->next) {
		if (section_pages(s) < n)
			continue;
		for (order = low; order <= high; order++)
			for (i = s->list[order]; i != LINK_NONE && tries;
			     i = word_next(s->word[i]), tries--)
				if (run_around(s, i, n, align, &from, at)) {
					page_run_take(s, from, *at, n);
					return s;
				}
	}
	return NULL;
}

struct page_section *page_run_alloc(size_t n, size_t align, size_t *at)
{
	size_t block = n > align ? n : align;
	unsigned order = page_order(block << PAGE_SHIFT);
	unsigned low = log2_floor(n + 1) - 1;
	struct page_section *s = NULL;

	if (low > PAGE_ORDER_MAX)
		low = PAGE_ORDER_MAX;
	if (order <= PAGE_ORDER_MAX) {
		if (n & (n - 1) && n > page_state.free / ROOMY)
			s = run_join(n, align, low, order - 1, SEARCH_FEW, at);
		if (s)
			return s;
		s = page_block_take(order, at);
		if (s) {
			page_run_free(s, *at + n, ((size_t)1 << order) - n);
			return s;
		}
	}
	return run_join(n, align, low, PAGE_ORDER_MAX, SEARCH_MAX, at);
}
