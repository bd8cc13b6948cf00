/* SPDX-License-Identifier: ISC */
/*
 * Sections of memory and their free blocks: binary buddies.
 *
 * Each section has a list of free blocks per order, linked through the words of
 * their first pages, and a bit for each list that is not empty; so taking and
 * freeing a block cost a step per order at most, whatever the size of memory.
 * Small page_state.sections come first, to keep the large ones whole.
 */
#include "core/page_impl.h"

static struct page_section nothing;
struct page_section *page_section_hot = &nothing;

struct page_state page_state;

struct page_section *page_section_search(uintptr_t a)
{
	struct page_section *s;

	for (s = page_state.sections; s; s = s->next)
		if (a - s->base < s->bytes) {
			page_section_hot = s;
			return s;
		}
	return NULL;
}

struct page_section *page_section_of(const void *p)
{
	struct page_section *s = page_section_hot;

	if ((uintptr_t)p - s->base < s->bytes)
		return s;
	return page_section_search((uintptr_t)p);
}

static void block_link(struct page_section *s, size_t i, unsigned order)
{
	uint32_t head = s->list[order];

	s->word[i] = free_word(order, LINK_NONE, head);
	if (head != LINK_NONE)
		s->word[head] = free_word(order, i, word_next(s->word[head]));
	s->list[order] = i;
	s->orders |= 1u << order;
}

void page_block_unlink(struct page_section *s, size_t i)
{
	uint64_t w = s->word[i];
	unsigned order = word_order(w);
	uint32_t prev = word_prev(w), next = word_next(w);

	if (prev != LINK_NONE)
		s->word[prev] =
			free_word(order, word_prev(s->word[prev]), next);
	else
		s->list[order] = next;
	if (next != LINK_NONE)
		s->word[next] =
			free_word(order, prev, word_next(s->word[next]));
	if (s->list[order] == LINK_NONE)
		s->orders &= ~(1u << order);
	s->word[i] = 0;
}

/* The buddy's page number; beyond the section if it has none. */
static size_t buddy(const struct page_section *s, size_t i, unsigned order)
{
	size_t first = s->base >> PAGE_SHIFT;

	return ((first + i) ^ (size_t)1 << order) - first;
}

void page_block_free(struct page_section *s, size_t i, unsigned order)
{
	size_t b, n = section_pages(s);

	page_state.free += (size_t)1 << order;
	for (; order < PAGE_ORDER_MAX; order++) {
		b = buddy(s, i, order);
		if (b >= n || !is_free(s->word[b]) ||
		    word_order(s->word[b]) != order)
			break;
		page_block_unlink(s, b);
		if (b < i)
			i = b;
	}
	block_link(s, i, order);
}

void page_run_free(struct page_section *s, size_t i, size_t n)
{
	size_t first = s->base >> PAGE_SHIFT;
	unsigned order, align;

	while (n) {
		order = log2_floor(n);
		align = __builtin_ctzll(first + i);
		if (order > align)
			order = align;
		if (order > PAGE_ORDER_MAX)
			order = PAGE_ORDER_MAX;
		page_block_free(s, i, order);
		i += (size_t)1 << order;
		n -= (size_t)1 << order;
	}
}

struct page_section *page_block_take(unsigned order, size_t *at)
{
	struct page_section *s;
	unsigned have;
	size_t i;

	for (s = page_state.sections; s; s = s->next)
		if (s->orders >> order)
			break;
	if (!s)
		return NULL;
	have = order + __builtin_ctz(s->orders >> order);
	i = s->list[have];
	page_block_unlink(s, i);
	while (have > order) {
		have--;
		block_link(s, i + ((size_t)1 << have), have);
	}
	page_state.free -= (size_t)1 << order;
	*at = i;
	return s;
}
