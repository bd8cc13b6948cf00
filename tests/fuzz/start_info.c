/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing what a loader hands over: the input is the start_info structure (its
 * magic is set right), then a memory map, modules and a command line that its
 * pointers are made to point at. Whatever it says, the result is in order:
 * ranges ascend, do not touch, and strings end.
 *
 *     1 byte     bits 0..3: which pointers point into the input
 *     56 bytes   struct hvm_start_info
 *     the rest   what they point at
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>
#include "xen/start_info.h"

/* Counts are those of this input: a loader's pointers are to be trusted. */
static uint32_t at_most(uint32_t n, size_t room, size_t each)
{
	return n < room / each ? n : (uint32_t)(room / each);
}

static void in_order(const struct memmap *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->r[i].start >= m->r[i].end ||
		    (i && m->r[i - 1].end >= m->r[i].start))
			abort();
}

static void point(struct hvm_start_info *si, unsigned bits, const uint8_t *rest,
		  size_t room)
{
	si->magic = XEN_HVM_START_MAGIC_VALUE;
	si->version = bits & 1;
	si->memmap_paddr = bits & 2 ? (uintptr_t)rest : 0;
	si->memmap_entries = at_most(si->memmap_entries, room,
				     sizeof(struct hvm_memmap_table_entry));
	si->modlist_paddr = bits & 4 ? (uintptr_t)rest : 0;
	si->nr_modules =
		at_most(si->nr_modules, room, sizeof(struct hvm_modlist_entry));
	si->cmdline_paddr = bits & 8 ? (uintptr_t)rest : 0;
	si->rsdp_paddr = 0;
}

/* A module's words are strings somewhere: here, or nowhere. */
static void point_modules(struct hvm_start_info *si, uint8_t *rest)
{
	struct hvm_modlist_entry *m = (void *)rest;

	for (unsigned i = 0; si->modlist_paddr && i < si->nr_modules; i++)
		m[i].cmdline_paddr =
			m[i].cmdline_paddr & 1 ? (uintptr_t)rest : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_info b = {.cmdline = NULL};
	struct hvm_start_info si;
	uint8_t *rest;
	size_t room;

	if (size < 1 + sizeof(si))
		return 0;
	memcpy(&si, data + 1, sizeof(si));
	room = size - 1 - sizeof(si);
	rest = calloc(1, room + 1); /* ends a string, if nothing else does */
	if (!rest)
		abort();
	memcpy(rest, data + 1 + sizeof(si), room);
	point(&si, *data, rest, room);
	point_modules(&si, rest);
	if (start_info_parse(&si, &b) == 0) {
		in_order(&b.ram);
		in_order(&b.reserved);
		if (b.cmdline && strlen(b.cmdline) > 65536)
			abort();
	}
	free(rest);
	return 0;
}
