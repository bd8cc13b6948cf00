/* SPDX-License-Identifier: ISC */
/*
 * Addresses to names of functions, by bisection; see symbols.h. A table that
 * makes no sense is none.
 */
#include <core/symbols.h>
#include <stddef.h>

struct header {
	uint32_t magic, size, count, strings;
};

struct symbol {
	uint32_t address, name;
};

static const struct header *table;

void symbols_init(const void *p)
{
	const struct header *h = p;

	if (h->magic != SYMBOLS_MAGIC || h->size < sizeof(*h) ||
	    h->strings < sizeof(*h) || h->strings > h->size ||
	    h->count > (h->strings - sizeof(*h)) / sizeof(struct symbol) ||
	    (h->size > h->strings && ((const char *)p)[h->size - 1] != '\0'))
		return;
	table = h;
}

const char *symbols_find(uint64_t address, uint64_t *offset)
{
	const struct symbol *s;
	uint32_t low = 0, high;

	if (!table || !table->count)
		return NULL;
	s = (const struct symbol *)(table + 1);
	for (high = table->count; low < high;) {
		uint32_t middle = low + (high - low) / 2;

		if (s[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || s[low - 1].name >= table->size - table->strings)
		return NULL;
	*offset = address - s[low - 1].address;
	return (const char *)table + table->strings + s[low - 1].name;
}
