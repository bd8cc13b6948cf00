/* SPDX-License-Identifier: ISC */
/*
 * The program's own notes, found through its program headers: the host's linker
 * keeps them but knows no names for them. Replaces core/manifest.c's lookup by
 * the names of the linker script.
 *
 * Interface: core/manifest.h.
 */
#include "core/manifest.h"

#include <errno.h>
#include <link.h>
#include <string.h>

struct search {
	uint32_t type;
	unsigned n;
	const char *found;
};

static void search_notes(struct search *s, const char *p, const char *end,
			 size_t align)
{
	size_t mask = (align < 4 ? 4 : align) - 1;

	while (p + sizeof(ElfW(Nhdr)) <= end && !s->found) {
		const ElfW(Nhdr) *note = (const void *)p;
		const char *name = p + sizeof(*note);
		const char *text = name + ((note->n_namesz + mask) & ~mask);

		/* ours have a name field of 8 bytes, whatever the alignment */
		if (note->n_namesz == 5 && !memcmp(name, "Fata", 5)) {
			text = name + 8;
			if (note->n_type == s->type && !s->n--)
				s->found = text;
		}
		p = text + ((note->n_descsz + mask) & ~mask);
	}
}

/* The program itself comes first; libraries have no notes of ours. */
static int search_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		const char *p = (const char *)info->dlpi_addr + h->p_vaddr;

		if (h->p_type == PT_NOTE)
			search_notes(arg, p, p + h->p_memsz, h->p_align);
	}
	return 1;
}

const char *manifest_name(uint32_t type, unsigned n)
{
	struct search s = {.type = type, .n = n};

	dl_iterate_phdr(search_object, &s);
	return s.found;
}
