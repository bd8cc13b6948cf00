/* SPDX-License-Identifier: ISC */
/*
 * What the rest of the kernel tells the heap, beside include/fata/heap.h.
 */
#ifndef FATA_CORE_HEAP_H
#define FATA_CORE_HEAP_H

#include <fata/heap.h>

/*
 * Where large allocations go when there are enough free pages but not in a
 * row: map(n) gives n pages of address space backed by any free pages, page
 * aligned, or NULL; unmap gives them back.
 */
void heap_set_fallback(void *(*map)(size_t pages),
		       void (*unmap)(void *p, size_t pages));

/* A stack was made (bytes > 0) or dropped (bytes < 0). */
void heap_account_stack(ssize_t bytes);

#endif
