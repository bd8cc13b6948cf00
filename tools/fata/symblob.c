/* SPDX-License-Identifier: ISC */
/*
 * Writing the symbol blob (symblob.h) from an ELF symbol table.
 *
 * Several symbols often share an address: a weak public alias beside our
 * fata$name, musl's printf beside __printf. A backtrace shows one, the one
 * that a reader knows: plain before prefixed, global before local.
 */
#include "symblob.h"

#include <stdlib.h>
#include <string.h>

struct function {
	uint32_t address;
	uint32_t rank; /* the least one of an address is kept */
	const char *name;
};

static uint32_t rank_of(const Elf64_Sym *s, const char *name, bool ours)
{
	return (name[0] == '_' ? 4 : 0) | (ours ? 2 : 0) |
	       (ELF64_ST_BIND(s->st_info) == STB_LOCAL ? 1 : 0);
}

static int by_address(const void *a, const void *b)
{
	const struct function *f = a, *g = b;

	if (f->address != g->address)
		return f->address < g->address ? -1 : 1;
	if (f->rank != g->rank)
		return f->rank < g->rank ? -1 : 1;
	return strcmp(f->name, g->name);
}

static size_t collect(const struct elf *e, struct function *f,
		      const struct elf_symbols *table)
{
	size_t n = 0;

	for (size_t i = 0; i < table->count; i++) {
		const char *name;
		Elf64_Sym s = elf_symbol(e, table, i, &name);
		bool ours = starts_with(name, "fata$");

		if (ELF64_ST_TYPE(s.st_info) != STT_FUNC ||
		    s.st_shndx == SHN_UNDEF || s.st_value > UINT32_MAX)
			continue;
		if (ours)
			name += strlen("fata$");
		if (!*name)
			continue;
		f[n++] = (struct function){s.st_value, rank_of(&s, name, ours),
					   name};
	}
	return n;
}

static size_t unique(struct function *f, size_t n)
{
	size_t kept = 0;

	qsort(f, n, sizeof(*f), by_address);
	for (size_t i = 0; i < n; i++)
		if (!kept || f[kept - 1].address != f[i].address)
			f[kept++] = f[i];
	return kept;
}

static void add_u32(struct text *t, uint32_t n)
{
	text_add(t, &n, sizeof(n)); /* x86 writes it the right way round */
}

size_t symblob_make(const struct elf *e, struct text *out)
{
	static const char zeros[16];
	struct text strings = {0};
	struct elf_symbols table;
	struct function *f;
	uint32_t size;
	size_t n;

	elf_symbols(e, &table);
	f = xmalloc(table.count * sizeof(*f));
	n = unique(f, collect(e, f, &table));
	for (size_t i = 0; i < 4; i++)
		add_u32(out, 0);
	for (size_t i = 0; i < n; i++) {
		add_u32(out, f[i].address);
		add_u32(out, strings.n);
		text_add(&strings, f[i].name, strlen(f[i].name) + 1);
	}
	const uint32_t offset = out->n;

	text_add(out, strings.s, strings.n);
	text_add(out, zeros, -out->n & 15);
	size = out->n;
	memcpy(out->s, (uint32_t[]){SYMBLOB_MAGIC, size, n, offset}, 16);
	text_free(&strings);
	free(f);
	return n;
}
