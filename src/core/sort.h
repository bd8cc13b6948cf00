/* SPDX-License-Identifier: ISC */
/*
 * Sorting an array in place, without memory: Shell's sort, for what is short
 * or nearly in order. Equal elements may change places. Inline, so that each
 * use has its own comparison within.
 */
#ifndef FATA_CORE_SORT_H
#define FATA_CORE_SORT_H

#include <core/assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SORT_SIZE_MOST 32

/* n elements of `size` bytes; before(a, b): a belongs before b. */
static inline __attribute__((always_inline)) void
sort(void *base, size_t n, size_t size,
     bool (*before)(const void *a, const void *b))
{
	unsigned char *at = base;
	unsigned char x[SORT_SIZE_MOST] __attribute__((aligned(16)));

	ASSERT(size <= sizeof(x));
	for (size_t gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11) {
		for (size_t i = gap; i < n; i++) {
			size_t j = i;

			memcpy(x, at + i * size, size);
			for (; j >= gap && before(x, at + (j - gap) * size);
			     j -= gap)
				memcpy(at + j * size, at + (j - gap) * size,
				       size);
			memcpy(at + j * size, x, size);
		}
	}
}

#endif
