/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing the memory map: the input is an E820 table, entries of 20 bytes.
 * Whatever stands in it, what is called RAM is in order, lies within what the
 * table calls RAM, and holds nothing that the table calls otherwise.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xen/start_info.h"

#define ENTRY 20
#define PAGE  4096

static uint64_t word(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* What the table says of one address: RAM, unless any entry says otherwise. */
static bool is_ram(const uint8_t *table, unsigned n, uint64_t address)
{
	bool ram = false;

	for (unsigned i = 0; i < n; i++, table += ENTRY) {
		uint64_t base = word(table), length = word(table + 8);
		uint32_t type;

		memcpy(&type, table + 16, sizeof(type));
		if (address < base || address - base >= length)
			continue;
		if (type != 1)
			return false;
		ram = true;
	}
	return ram;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_info b = {.cmdline = NULL};
	unsigned n = size / ENTRY;

	memory_map_add(&b, data, n, ENTRY);
	for (unsigned i = 0; i < b.ram.n; i++) {
		const struct memmap_range *r = &b.ram.r[i];

		if (r->start >= r->end || (i && r[-1].end >= r->start))
			abort();
		if (!is_ram(data, n, r->start) || !is_ram(data, n, r->end - 1))
			abort();
	}
	memmap_align(&b.ram);
	for (unsigned i = 0; i < b.ram.n; i++)
		if (b.ram.r[i].start % PAGE || b.ram.r[i].end % PAGE ||
		    b.ram.r[i].start >= b.ram.r[i].end)
			abort();
	return 0;
}
