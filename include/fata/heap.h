/* SPDX-License-Identifier: ISC */
/*
 * The heap: what malloc and free use, with checks and exact figures.
 *
 * Every allocation ends in a canary made from a secret and its address, and
 * the allocator's own records are not next to the data. A canary is checked
 * when the allocation is freed or resized and by heap_check; damage, a double
 * free and a wild free end in a panic that names the address.
 */
#ifndef FATA_HEAP_H
#define FATA_HEAP_H

#include <fata/base.h>

FATA_BEGIN

/* Bytes, all of them exact at the moment of the call. */
struct heap_stat {
	size_t total;	  /* memory that the guest was given, image included */
	size_t heap;	  /* taken from the page allocator by the heap */
	size_t live;	  /* asked for by the program and not freed yet */
	size_t peak;	  /* the largest `live` so far */
	size_t free;	  /* pages nobody has + what the heap could reuse */
	size_t stack;	  /* stacks of all tasks, guards not counted */
	uint64_t allocs;  /* successful allocations since the start */
	uint64_t frees;	  /* frees since the start */
	uint64_t failures; /* allocations refused */
};

/* The running figures. O(1), does not block. */
void heap_quick_stat(struct heap_stat *s);

/*
 * The same figures by walking the whole heap, checking each canary and record
 * on the way; a figure that differs from the running one is a bug and panics.
 * O(heap), does not block.
 */
void heap_stat(struct heap_stat *s);

/*
 * Give the pages that the heap keeps for reuse back to the page allocator;
 * returns the bytes given. Small allocations share spans of up to 64 KiB, which
 * go as a whole: one that still holds an allocation stays. O(1), no blocking.
 */
size_t heap_trim(void);

/* Check each canary and record; panics at the first damage. O(heap). */
void heap_check(void);

/*
 * Allocate `size` bytes, like malloc: the caller's, until heap_free; NULL when
 * memory is short. malloc and free are these very functions. No blocking.
 */
void *heap_alloc(size_t size) __attribute__((malloc, alloc_size(1)));

/*
 * n times `size` bytes, all 0, like calloc; NULL also when the product does not
 * fit a size_t. No blocking.
 */
void *heap_calloc(size_t n, size_t size) __attribute__((malloc));

/*
 * `size` bytes at a multiple of `align`, like aligned_alloc; NULL also when
 * align is no power of two. The size may be any. No blocking.
 */
void *heap_alloc_aligned(size_t align, size_t size);

/* Like realloc: NULL when memory is short, and p stays valid. */
void *heap_realloc(void *p, size_t size);

/* Like free; p may be NULL. */
void heap_free(void *p);

/* How many bytes p may hold: at least what was asked for. */
size_t heap_usable(const void *p);

FATA_END
#endif
