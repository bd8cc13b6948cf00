/* SPDX-License-Identifier: ISC */
/*
 * The page allocator: binary buddies over the identity-mapped memory.
 *
 * It is the only source of memory: the heap, stacks, page tables, rings and
 * grants all come from here. Its records are beside the pages, never in them
 * (page.h draws them), so a stray write into free memory cannot lead it astray
 * and a free page costs 8 bytes.
 *
 * Contents: a free page holds whatever its last user left; page_alloc and
 * page_alloc_range clear what they give. So nothing leaks to a peer through a
 * granted page, memory that is never used is never touched, and the heap does
 * not pay for it.
 *
 * Here is the interface; page_block.c has the free blocks, page_run.c makes
 * runs of any length of them.
 */
#include <errno.h>
#include <string.h>

#include "core/assert.h"
#include "core/page_impl.h"

static void section_add(uintptr_t start, size_t pages)
{
	size_t records = sizeof(struct page_section) + pages * sizeof(uint64_t);
	size_t used = (records + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct page_section *s = (void *)start, **at = &page_state.sections;
	unsigned i;

	page_state.memory += pages << PAGE_SHIFT;
	if (used >= pages)
		return;
	memset(s, 0, used << PAGE_SHIFT);
	s->base = start + (used << PAGE_SHIFT);
	s->bytes = (pages - used) << PAGE_SHIFT;
	for (i = 0; i <= PAGE_ORDER_MAX; i++)
		s->list[i] = LINK_NONE;
	while (*at && (*at)->bytes < s->bytes)
		at = &(*at)->next;
	s->next = *at;
	*at = s;
	page_state.total += pages - used;
	page_section_hot = s;
	page_run_free(s, 0, pages - used);
}

void page_add(uintptr_t start, uintptr_t end)
{
	size_t n;

	if (start < PAGE_SIZE)
		start = PAGE_SIZE;
	if (start > UINTPTR_MAX - PAGE_SIZE)
		return;
	start = (start + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1);
	end &= ~(uintptr_t)(PAGE_SIZE - 1);
	while (start < end) {
		n = (end - start) >> PAGE_SHIFT;
		if (n > SECTION_PAGES_MAX)
			n = SECTION_PAGES_MAX;
		section_add(start, n);
		start += n << PAGE_SHIFT;
	}
}

void page_note_other(size_t bytes)
{
	page_state.memory += bytes;
}

size_t page_memory(void)
{
	return page_state.memory;
}

void page_add_reclaim(size_t (*fn)(void))
{
	unsigned n = 0;

	while (page_state.reclaim[n] && page_state.reclaim[n] != fn)
		ASSERT(++n < N_RECLAIM);
	page_state.reclaim[n] = fn;
}

/* Has anybody given something back? */
static bool reclaim(void)
{
	size_t got = 0;

	for (unsigned n = 0; n < N_RECLAIM && page_state.reclaim[n]; n++)
		got += page_state.reclaim[n]();
	return got;
}

unsigned page_order(size_t n)
{
	return n <= PAGE_SIZE ? 0 : log2_floor((n - 1) >> PAGE_SHIFT) + 1;
}

void *page_alloc_raw(unsigned order)
{
	struct page_section *s;
	size_t i;

	if (order > PAGE_ORDER_MAX)
		return NULL;
	s = page_block_take(order, &i);
	if (!s && reclaim())
		s = page_block_take(order, &i);
	if (!s)
		return NULL;
	s->word[i] = TAG_USED | (uint64_t)order << ORDER_SHIFT;
	return page_at(s, i);
}

void *page_alloc(unsigned order)
{
	void *p = page_alloc_raw(order);

	return p ? memset(p, 0, (size_t)PAGE_SIZE << order) : NULL;
}

static uint64_t range_word(size_t n)
{
	return TAG_USED | (uint64_t)ORDER_RANGE << ORDER_SHIFT | n;
}

void *page_alloc_range_raw(size_t n, size_t align)
{
	struct page_section *s;
	size_t i;

	ASSERT(n && align && !(align & (align - 1)));
	if (n > page_state.total || align > SECTION_PAGES_MAX)
		return NULL;
	s = page_run_alloc(n, align, &i);
	if (!s && reclaim())
		s = page_run_alloc(n, align, &i);
	if (!s)
		return NULL;
	s->word[i] = range_word(n);
	return page_at(s, i);
}

void *page_alloc_range(size_t n)
{
	void *p = page_alloc_range_raw(n, 1);

	return p ? memset(p, 0, n << PAGE_SHIFT) : NULL;
}

/* The page number of p, whose word must be `want`; anything else panics. */
static size_t used_page(struct page_section *s, const void *p, uint64_t want,
			const char *what, size_t size)
{
	uintptr_t a = (uintptr_t)p;
	uint64_t w;

	if (!s || a & (PAGE_SIZE - 1))
		fata_panic("%s(%p, %zu): not an address of a page", what, p,
			   size);
	w = s->word[(a - s->base) >> PAGE_SHIFT];
	if (w == want)
		return (a - s->base) >> PAGE_SHIFT;
	if (w >= PAGE_TAG_OWNED)
		fata_panic("%s(%p, %zu): the page is the heap's", what, p,
			   size);
	if ((w & TAG_MASK) != TAG_USED)
		fata_panic("%s(%p, %zu): not allocated or freed twice", what, p,
			   size);
	if (word_order(w) == ORDER_RANGE)
		fata_panic("%s(%p, %zu): it is a range of %zu pages", what, p,
			   size, (size_t)(w & COUNT_MASK));
	fata_panic("%s(%p, %zu): it is of order %u", what, p, size,
		   word_order(w));
}

void page_free(void *p, unsigned order)
{
	struct page_section *s = page_section_of(p);
	uint64_t want = TAG_USED | (uint64_t)order << ORDER_SHIFT;
	size_t i;

	if (order > PAGE_ORDER_MAX)
		fata_panic("page_free(%p, %u): no such order", p, order);
	i = used_page(s, p, want, "page_free", order);
	s->word[i] = 0;
	page_block_free(s, i, order);
}

void page_free_range(void *p, size_t n)
{
	struct page_section *s = page_section_of(p);
	size_t i = used_page(s, p, range_word(n), "page_free_range", n);

	s->word[i] = 0;
	page_run_free(s, i, n);
}

int page_resize_range(void *p, size_t from, size_t to)
{
	struct page_section *s = page_section_of(p);
	size_t i = used_page(s, p, range_word(from), "page_resize_range", from);

	ASSERT(to);
	if (to > from) {
		if (page_run_length(s, i + from, to - from) < to - from)
			return -ENOMEM;
		page_run_take(s, i + from, i + from, to - from);
	}
	s->word[i] = range_word(to);
	if (to < from)
		page_run_free(s, i + to, from - to);
	return 0;
}

void page_own(void *p, size_t n, void *owner)
{
	struct page_section *s = page_section_of(p);
	size_t i = ((uintptr_t)p - s->base) >> PAGE_SHIFT;

	while (n--)
		s->word[i++] = PAGE_TAG_OWNED | (uintptr_t)owner;
}

void *page_owner(const void *p)
{
	struct page_section *s = page_section_of(p);

	if (!s)
		return NULL;
	return page_word_owner(s, ((uintptr_t)p - s->base) >> PAGE_SHIFT);
}

void page_disown(void *p, size_t n, size_t pages)
{
	struct page_section *s = page_section_of(p);
	size_t i = ((uintptr_t)p - s->base) >> PAGE_SHIFT;

	memset(&s->word[i], 0, n * sizeof(uint64_t));
	s->word[i] = range_word(pages);
}

void page_stat(struct page_stat *stat)
{
	const struct page_section *s;
	size_t block;

	stat->total = page_state.total;
	stat->free = page_state.free;
	stat->largest = 0;
	for (s = page_state.sections; s; s = s->next) {
		if (!s->orders)
			continue;
		block = (size_t)1 << (31 - __builtin_clz(s->orders));
		if (block > stat->largest)
			stat->largest = block;
	}
}
