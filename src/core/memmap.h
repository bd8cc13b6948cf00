/* SPDX-License-Identifier: ISC */
/*
 * A set of physical address ranges: sorted, disjoint, never adjacent. Built
 * from whatever a loader reports, in any order, overlapping or not.
 */
#ifndef FATA_CORE_MEMMAP_H
#define FATA_CORE_MEMMAP_H

#include <stdint.h>

#define MEMMAP_MAX 64

struct memmap {
	unsigned n;
	struct memmap_range {
		uint64_t start, end; /* end: one past the last byte */
	} r[MEMMAP_MAX];
};

/*
 * Add [start, end) to the set. When the table is full the smallest range is
 * forgotten. An empty range changes nothing.
 */
void memmap_add(struct memmap *m, uint64_t start, uint64_t end);

/* Take [start, end) out of the set. */
void memmap_remove(struct memmap *m, uint64_t start, uint64_t end);

/* Shrink every range to whole pages and forget those that vanish. */
void memmap_align(struct memmap *m);

/*
 * Take `size` bytes (whole pages) out of the set, as low as possible but not
 * below `floor` nor beyond `limit`; their address, or 0.
 */
uint64_t memmap_take(struct memmap *m, uint64_t size, uint64_t floor,
		     uint64_t limit);

/* The sum of all ranges, in bytes. */
uint64_t memmap_total(const struct memmap *m);

#endif
