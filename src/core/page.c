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
 * A range of n pages is cut from a block, its rest freed at once. When no
 * single block is large enough, neighbouring free blocks are joined: any run
 * of n free pages contains a free block of order floor(log2(n + 1)) - 1, so
 * only the lists from that order on are looked at, and at most SEARCH_MAX
 * blocks of them.
 */
#include <errno.h>
#include <string.h>

#include "core/assert.h"
#include "core/page.h"

#define TAG_MASK          (3ull << 62)
#define TAG_FREE          (1ull << 62)
#define TAG_USED          (2ull << 62)
#define ORDER_SHIFT       57
#define ORDER_RANGE       31
#define COUNT_MASK        ((1ull << ORDER_SHIFT) - 1)
#define LINK_BITS         28
#define LINK_NONE         ((1u << LINK_BITS) - 1)
#define SECTION_PAGES_MAX ((size_t)LINK_NONE)
#define SEARCH_MAX        4096

static struct page_section nothing;
struct page_section *page_section_hot = &nothing;

static struct page_section *sections;
static size_t total_pages, free_pages, memory;
static size_t (*reclaim)(void);

static unsigned log2_floor(size_t n)
{
	return 63 - __builtin_clzll(n);
}

static size_t section_pages(const struct page_section *s)
{
	return s->bytes >> PAGE_SHIFT;
}

static void *page_at(const struct page_section *s, size_t i)
{
	return (void *)(s->base + (i << PAGE_SHIFT));
}

struct page_section *page_section_search(uintptr_t a)
{
	struct page_section *s;

	for (s = sections; s; s = s->next)
		if (a - s->base < s->bytes) {
			page_section_hot = s;
			return s;
		}
	return NULL;
}

static struct page_section *section_of(const void *p)
{
	struct page_section *s = page_section_hot;

	if ((uintptr_t)p - s->base < s->bytes)
		return s;
	return page_section_search((uintptr_t)p);
}

/* --- blocks and their lists ---------------------------------------------- */

static uint64_t free_word(unsigned order, uint32_t prev, uint32_t next)
{
	return TAG_FREE | (uint64_t)order << ORDER_SHIFT |
	       (uint64_t)prev << LINK_BITS | next;
}

static unsigned word_order(uint64_t w)
{
	return w >> ORDER_SHIFT & 31;
}

static uint32_t word_prev(uint64_t w)
{
	return w >> LINK_BITS & LINK_NONE;
}

static uint32_t word_next(uint64_t w)
{
	return w & LINK_NONE;
}

static bool is_free(uint64_t w)
{
	return (w & TAG_MASK) == TAG_FREE;
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

static void block_unlink(struct page_section *s, size_t i)
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

/* Free one block, merged as far as its buddies allow. */
static void block_free(struct page_section *s, size_t i, unsigned order)
{
	size_t b, n = section_pages(s);

	free_pages += (size_t)1 << order;
	for (; order < PAGE_ORDER_MAX; order++) {
		b = buddy(s, i, order);
		if (b >= n || !is_free(s->word[b]) ||
		    word_order(s->word[b]) != order)
			break;
		block_unlink(s, b);
		if (b < i)
			i = b;
	}
	block_link(s, i, order);
}

/* Free n pages from i on, as the largest aligned blocks that fit. */
static void run_free(struct page_section *s, size_t i, size_t n)
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
		block_free(s, i, order);
		i += (size_t)1 << order;
		n -= (size_t)1 << order;
	}
}

/* Take a block of this order out of the lists; its section, or NULL. */
static struct page_section *block_take(unsigned order, size_t *at)
{
	struct page_section *s;
	unsigned have;
	size_t i;

	for (s = sections; s; s = s->next)
		if (s->orders >> order)
			break;
	if (!s)
		return NULL;
	have = order + __builtin_ctz(s->orders >> order);
	i = s->list[have];
	block_unlink(s, i);
	while (have > order) {
		have--;
		block_link(s, i + ((size_t)1 << have), have);
	}
	free_pages -= (size_t)1 << order;
	*at = i;
	return s;
}

/* --- runs ------------------------------------------------------------------
 */

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

/* Free pages from i on, where a block begins; counts until `enough`. */
static size_t free_after(const struct page_section *s, size_t i, size_t enough)
{
	size_t n = 0, size;

	for (; n < enough && i + n < section_pages(s); n += size) {
		if (!is_free(s->word[i + n]))
			break;
		size = (size_t)1 << word_order(s->word[i + n]);
	}
	return n;
}

/*
 * Take pages [at, at + n) out of the run of free blocks that begins at `from`,
 * and free again what of the last and first blocks is not wanted.
 */
static void run_take(struct page_section *s, size_t from, size_t at, size_t n)
{
	size_t size, end = from;

	while (end < at + n) {
		size = (size_t)1 << word_order(s->word[end]);
		block_unlink(s, end);
		free_pages -= size;
		end += size;
	}
	run_free(s, from, at - from);
	run_free(s, at + n, end - (at + n));
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
	return free_after(s, i, *at - i + n) >= *at - i + n;
}

/* Join neighbouring blocks into a run of n pages. */
static struct page_section *run_join(size_t n, size_t align, size_t *at)
{
	unsigned order, lowest = log2_floor(n + 1) - 1, left = SEARCH_MAX;
	struct page_section *s;
	size_t from;
	uint32_t i;

	if (lowest > PAGE_ORDER_MAX)
		lowest = PAGE_ORDER_MAX;
	for (s = sections; s; s = s->next) {
		if (section_pages(s) < n)
			continue;
		for (order = lowest; order <= PAGE_ORDER_MAX; order++)
			for (i = s->list[order]; i != LINK_NONE && left;
			     i = word_next(s->word[i]), left--)
				if (run_around(s, i, n, align, &from, at)) {
					run_take(s, from, *at, n);
					return s;
				}
	}
	return NULL;
}

static struct page_section *run_alloc(size_t n, size_t align, size_t *at)
{
	size_t block = n > align ? n : align;
	unsigned order = page_order(block << PAGE_SHIFT);
	struct page_section *s;

	if (order <= PAGE_ORDER_MAX) {
		s = block_take(order, at);
		if (s) {
			run_free(s, *at + n, ((size_t)1 << order) - n);
			return s;
		}
	}
	return run_join(n, align, at);
}

/* --- the interface ------------------------------------------------------- */

static void section_add(uintptr_t start, size_t pages)
{
	size_t records = sizeof(struct page_section) + pages * sizeof(uint64_t);
	size_t used = (records + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct page_section *s = (void *)start, **at = &sections;
	unsigned i;

	memory += pages << PAGE_SHIFT;
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
	total_pages += pages - used;
	page_section_hot = s;
	run_free(s, 0, pages - used);
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
	memory += bytes;
}

size_t page_memory(void)
{
	return memory;
}

void page_set_reclaim(size_t (*fn)(void))
{
	reclaim = fn;
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
	s = block_take(order, &i);
	if (!s && reclaim && reclaim())
		s = block_take(order, &i);
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
	if (n > total_pages || align > SECTION_PAGES_MAX)
		return NULL;
	s = run_alloc(n, align, &i);
	if (!s && reclaim && reclaim())
		s = run_alloc(n, align, &i);
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
	struct page_section *s = section_of(p);
	uint64_t want = TAG_USED | (uint64_t)order << ORDER_SHIFT;
	size_t i;

	if (order > PAGE_ORDER_MAX)
		fata_panic("page_free(%p, %u): no such order", p, order);
	i = used_page(s, p, want, "page_free", order);
	s->word[i] = 0;
	block_free(s, i, order);
}

void page_free_range(void *p, size_t n)
{
	struct page_section *s = section_of(p);
	size_t i = used_page(s, p, range_word(n), "page_free_range", n);

	s->word[i] = 0;
	run_free(s, i, n);
}

int page_resize_range(void *p, size_t from, size_t to)
{
	struct page_section *s = section_of(p);
	size_t i = used_page(s, p, range_word(from), "page_resize_range", from);

	ASSERT(to);
	if (to > from) {
		if (free_after(s, i + from, to - from) < to - from)
			return -ENOMEM;
		run_take(s, i + from, i + from, to - from);
	}
	s->word[i] = range_word(to);
	if (to < from)
		run_free(s, i + to, from - to);
	return 0;
}

void page_own(void *p, size_t n, void *owner)
{
	struct page_section *s = section_of(p);
	size_t i = ((uintptr_t)p - s->base) >> PAGE_SHIFT;

	while (n--)
		s->word[i++] = PAGE_TAG_OWNED | (uintptr_t)owner;
}

void *page_owner(const void *p)
{
	struct page_section *s = section_of(p);

	if (!s)
		return NULL;
	return page_word_owner(s, ((uintptr_t)p - s->base) >> PAGE_SHIFT);
}

void page_disown(void *p, size_t n, size_t pages)
{
	struct page_section *s = section_of(p);
	size_t i = ((uintptr_t)p - s->base) >> PAGE_SHIFT;

	memset(&s->word[i], 0, n * sizeof(uint64_t));
	s->word[i] = range_word(pages);
}

void page_stat(struct page_stat *stat)
{
	const struct page_section *s;
	size_t block;

	stat->total = total_pages;
	stat->free = free_pages;
	stat->largest = 0;
	for (s = sections; s; s = s->next) {
		if (!s->orders)
			continue;
		block = (size_t)1 << (31 - __builtin_clz(s->orders));
		if (block > stat->largest)
			stat->largest = block;
	}
}
