/* SPDX-License-Identifier: ISC */
/*
 * Disjoint address ranges with attributes, in a balanced tree: find by
 * address, find the lowest gap of a size, cut at an address. The tree knows
 * nothing of pages; vm.c gives meaning to the attributes.
 *
 * A treap: ordered by address, balanced by random priorities. Each node also
 * knows the largest gap between the ranges below it, so that a search for
 * free addresses is O(log n).
 */
#ifndef FATA_CORE_RANGE_H
#define FATA_CORE_RANGE_H

#include <stdint.h>

struct range {
	uint64_t start, end; /* end: one past the last address */
	unsigned prot;	     /* the user's attributes */
	uint32_t priority;
	struct range *left, *right;
	uint64_t low, high, gap; /* of the subtree: extent, largest inner gap */
};

struct range_tree {
	struct range *root;
	uint64_t start, end; /* where ranges may lie */
	uint64_t seed;	     /* of the priorities; any value */
};

/* The range that holds the address, else NULL. */
struct range *range_find(const struct range_tree *t, uint64_t address);

/* The first range that ends after the address, else NULL. */
struct range *range_after(const struct range_tree *t, uint64_t address);

/* The lowest free address with `size` bytes, aligned; 0 if there is none. */
uint64_t range_gap(const struct range_tree *t, uint64_t size, uint64_t align);

/* Insert r, whose start, end and prot are set and which overlaps nothing. */
void range_insert(struct range_tree *t, struct range *r);

/* Take r out; it is the caller's again. */
void range_remove(struct range_tree *t, struct range *r);

/*
 * Cut r at an address strictly inside: r keeps the lower part, `upper` becomes
 * the rest with the same attributes.
 */
void range_cut(struct range_tree *t, struct range *r, struct range *upper,
	       uint64_t at);

#endif
