/* SPDX-License-Identifier: ISC */
/*
 * The page allocator's own words and figures, shared by the page*.c files and
 * nobody else: what the 64 bits that page.h draws mean, blocks (2^order pages,
 * aligned to that) and runs (any number of pages).
 */
#ifndef FATA_CORE_PAGE_IMPL_H
#define FATA_CORE_PAGE_IMPL_H

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
#define N_RECLAIM         2 /* the heap, the stacks */

struct page_state {
	struct page_section *sections;
	size_t total, free; /* pages */
	size_t memory;      /* bytes of the guest */
	size_t (*reclaim[N_RECLAIM])(void);
};

extern struct page_state page_state;

static inline unsigned log2_floor(size_t n)
{
	return 63 - __builtin_clzll(n);
}

static inline size_t section_pages(const struct page_section *s)
{
	return s->bytes >> PAGE_SHIFT;
}

static inline void *page_at(const struct page_section *s, size_t i)
{
	return (void *)(s->base + (i << PAGE_SHIFT));
}

static inline uint64_t free_word(unsigned order, uint32_t prev, uint32_t next)
{
	return TAG_FREE | (uint64_t)order << ORDER_SHIFT |
	       (uint64_t)prev << LINK_BITS | next;
}

static inline unsigned word_order(uint64_t w)
{
	return w >> ORDER_SHIFT & 31;
}

static inline uint32_t word_prev(uint64_t w)
{
	return w >> LINK_BITS & LINK_NONE;
}

static inline uint32_t word_next(uint64_t w)
{
	return w & LINK_NONE;
}

static inline bool is_free(uint64_t w)
{
	return (w & TAG_MASK) == TAG_FREE;
}

/* The section of an address, NULL if there is none. */
struct page_section *page_section_of(const void *p);

/* --- page_block.c: free blocks, in lists by order ---------------------- */

/* Take a free block out of its list. Its pages still count as free. */
void page_block_unlink(struct page_section *s, size_t i);

/* Free a block, merged as far as its buddies allow. */
void page_block_free(struct page_section *s, size_t i, unsigned order);

/* Take a block of this order out of the lists; its section, or NULL. */
struct page_section *page_block_take(unsigned order, size_t *at);

/* Free n pages from i on, as the largest aligned blocks that fit. */
void page_run_free(struct page_section *s, size_t i, size_t n);

/* --- page_run.c: runs of any length ------------------------------------ */

/* Free pages from i on, where a block begins; counts until `enough`. */
size_t page_run_length(const struct page_section *s, size_t i, size_t enough);

/*
 * Take pages [at, at + n) out of the run of free blocks that begins at `from`,
 * and free again what of the first and last blocks is not wanted.
 */
void page_run_take(struct page_section *s, size_t from, size_t at, size_t n);

/* Take n pages, the first aligned to `align` pages; their section, or NULL. */
struct page_section *page_run_alloc(size_t n, size_t align, size_t *at);

#endif
