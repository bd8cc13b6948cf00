/* SPDX-License-Identifier: ISC */
/*
 * The inside of address ranges, shared by vm.c (ranges and their pages),
 * vm_lazy.c (pages at the first touch) and vm_stack.c.
 */
#ifndef FATA_ARCH_VM_INT_H
#define FATA_ARCH_VM_INT_H

#include <core/range.h>
#include <core/vm.h>
#include <fata/page.h>

#define VM_GUARD 16 /* a stack's guard: nothing is ever mapped */
#define VM_BATCH 32 /* entries that are changed together */

extern struct range_tree vm_tree;

static inline uint64_t vm_page_up(uint64_t n)
{
	return (n + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

/* Of a page with these permissions. */
uint64_t vm_entry_flags(unsigned prot);

/* Zeroed pages for n addresses (at most VM_BATCH) from `at` on; or -ENOMEM. */
int vm_put_pages(uint64_t at, unsigned n, uint64_t flags);

#endif
