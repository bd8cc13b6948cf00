/* SPDX-License-Identifier: ISC */
/*
 * Page tables: four levels, sealed.
 *
 * The tables are visible only through PML4 entry 510, which points at the PML4
 * itself without the write bit: so every table page appears read-only at an
 * address computed from the address that it maps, and nowhere else. A second
 * PML4 differs in that entry alone, which points at itself and has the bit:
 *
 *     CR3 -> sealed PML4 [0 ... 509]  --+--> the tables of all other levels
 *                        [510] r/o      |
 *            open PML4   [0 ... 509]  --+
 *                        [510] r/w
 *
 * It is in CR3 for the few instructions that change an entry (paging.c);
 * nothing can interrupt them. docs/memory-map.md draws the address space.
 */
#ifndef FATA_ARCH_PAGING_H
#define FATA_ARCH_PAGING_H

#include <arch/x86_64/regs.h>
#include <core/memmap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGING_RO (PTE_P | PTE_NX)
#define PAGING_RW (PTE_P | PTE_W | PTE_NX)
#define PAGING_RX PTE_P

/* Ours to use: the page belongs to this mapping (vm.c). */
#define PTE_OWNED 0x200

/* The frame number's bits in an entry. */
#define PTE_FRAME 0x000ffffffffff000ull

/* The region of vm.c: half of the second TiB, above all identity mappings. */
#define PAGING_VM_START 0x10000000000ull
#define PAGING_VM_END 0x18000000000ull

/*
 * Leave the boot tables: map `ram` (what is free) and `reserved` as they are,
 * writable and not executable, the image's parts in their own permissions, and
 * nothing below the image. Table pages are taken out of `ram`. Panics when
 * that is too small.
 */
void paging_init(struct memmap *ram, const struct memmap *reserved);

/* Map one page; -ENOMEM when no table page can be had. */
int paging_map(uintptr_t va, uint64_t pa, uint64_t flags);

/*
 * Write n entries for consecutive addresses where nothing is mapped yet.
 * -ENOMEM when no table page can be had; some may be written then.
 */
int paging_map_run(uintptr_t va, const uint64_t *entries, unsigned n);

/* The entry that maps va (4 KiB), or 0. Large pages report a made-up one. */
uint64_t paging_entry(uintptr_t va);

/*
 * Replace the entries of n consecutive addresses that share one table, which
 * must be there, and forget the old translations.
 */
void paging_replace_run(uintptr_t va, const uint64_t *entries, unsigned n);

/*
 * The 4 KiB entries of va and what follows it in its 2 MiB, to be read; NULL
 * when there is no table for them: then all of the 2 MiB is empty.
 */
const uint64_t *paging_table(uintptr_t va);

/*
 * Identity-map physical pages that are no RAM of ours: shared pages, the
 * grant window. 0, -ENOMEM.
 */
int paging_map_identity(uint64_t pa, size_t size, uint64_t flags);

#endif
