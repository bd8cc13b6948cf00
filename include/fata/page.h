/* SPDX-License-Identifier: ISC */
/*
 * Whole pages of memory: contiguous, aligned to their size, shareable with
 * other domains. Below the heap, and for what the heap must not be used for:
 * grants, rings, device buffers.
 */
#ifndef FATA_PAGE_H
#define FATA_PAGE_H

#include <fata/base.h>

FATA_BEGIN

/* 4 KiB, as Xen's own (XEN_PAGE_SIZE). */
#define PAGE_SHIFT 12
#ifndef PAGE_SIZE /* libc's <limits.h> has it too */
#define PAGE_SIZE 4096
#endif

/* The largest order: 2^18 pages, 1 GiB. */
#define PAGE_ORDER_MAX 18

/*
 * 2^order pages, aligned to that size and always zeroed, so that they can be
 * shared at once. NULL when there is no such block. Freed with page_free and
 * the same order. Does not block.
 */
void *page_alloc(unsigned order);

/* Free what page_alloc gave. A wrong order or address panics. */
void page_free(void *p, unsigned order);

/* The smallest order whose block holds n bytes. */
unsigned page_order(size_t n);

/* Pages, exact at the moment of the call. */
struct page_stat {
	size_t total;	/* managed by the allocator */
	size_t free;	/* in no use */
	size_t largest;	/* the order of the largest free block, in pages */
};

/* O(number of orders). */
void page_stat(struct page_stat *s);

FATA_END
#endif
