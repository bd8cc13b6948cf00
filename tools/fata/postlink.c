/* SPDX-License-Identifier: ISC */
/*
 * From a linked ELF file to an image (postlink.h).
 *
 * link.ld ends with a segment of its own for .fata.symbols, the last in the
 * address space, so that it can grow without moving anything:
 *
 *     before:  ... | .data .bss | 16 bytes |                 sections...
 *     after:   ... | .data .bss | gone     |                 sections... blob
 *                                  ^ the segment and the section point there
 *
 * The symbol table and debug information stay for gdb; `strip` may take them,
 * the blob is part of a segment and stays.
 */
#include "postlink.h"
#include "elf.h"
#include "symblob.h"
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HIGHEST_END           (1ull << 30)
#define XEN_NOTE_PHYS32_ENTRY 18 /* xen/include/public/elfnote.h */

static int verify_segments(const struct elf *e, const char *out)
{
	for (unsigned i = 0; i < e->segments; i++) {
		Elf64_Phdr p = elf_segment(e, i);

		if (p.p_type != PT_LOAD)
			continue;
		if ((p.p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
			return fail("%s: segment at 0x%llx is both writable "
				    "and executable (an object has a section "
				    "of both kinds)",
				    out, (unsigned long long)p.p_vaddr);
		if (p.p_paddr + p.p_memsz > HIGHEST_END)
			return fail(
				"%s: the image ends at 0x%llx, beyond the "
				"limit of 1 GiB",
				out,
				(unsigned long long)(p.p_paddr + p.p_memsz));
	}
	return 0;
}

static int verify_entry(const struct elf *e, const char *out)
{
	struct elf_note n = {0};
	uint64_t entry = 0;

	while (elf_next_note(e, &n)) {
		if (strcmp(n.name, "Xen") || n.type != XEN_NOTE_PHYS32_ENTRY ||
		    n.size < 4)
			continue;
		memcpy(&entry, n.desc, n.size < 8 ? 4 : 8);
		if (!elf_address_in(e, entry, PF_X))
			return fail("%s: the PVH entry 0x%llx is not in the "
				    "text",
				    out, (unsigned long long)entry);
		return 0;
	}
	if (n.bad)
		return fail("%s: malformed ELF note", out);
	return fail("%s: no PVH entry note: Xen could not boot it (was the "
		    "linker script replaced?)",
		    out);
}

/* The segment that holds the section's address, as an index, or -1. */
static int segment_of(const struct elf *e, const Elf64_Shdr *s)
{
	for (unsigned i = 0; i < e->segments; i++) {
		Elf64_Phdr p = elf_segment(e, i);

		if (p.p_type == PT_LOAD && p.p_vaddr == s->sh_addr)
			return i;
	}
	return -1;
}

static void patch(const struct elf *e, uint8_t *image, int segment, int section,
		  uint64_t offset, uint64_t size)
{
	Elf64_Phdr p = elf_segment(e, segment);
	Elf64_Shdr s = elf_section(e, section);

	p.p_offset = offset;
	p.p_filesz = p.p_memsz = size;
	s.sh_offset = offset;
	s.sh_size = size;
	memcpy(image + e->header.e_phoff + segment * sizeof(p), &p, sizeof(p));
	memcpy(image + e->header.e_shoff + section * sizeof(s), &s, sizeof(s));
}

/* Does anything else live at or above the placeholder? */
static bool is_last(const struct elf *e, int segment)
{
	Elf64_Phdr mine = elf_segment(e, segment);

	for (int i = 0; i < (int)e->segments; i++) {
		Elf64_Phdr p = elf_segment(e, i);

		if (i != segment && p.p_type == PT_LOAD && p.p_memsz &&
		    p.p_vaddr + p.p_memsz > mine.p_vaddr)
			return false;
	}
	return true;
}

/* Appends the blob to the file's bytes and points the headers at it. */
static int add_symbols(const struct elf *e, struct text *image, const char *out)
{
	int section = elf_find_section(e, ".fata.symbols"), segment = -1;
	struct text blob = {0};
	uint64_t offset;
	Elf64_Phdr p;

	if (section >= 0) {
		Elf64_Shdr s = elf_section(e, section);

		segment = segment_of(e, &s);
	}
	if (segment < 0 || !is_last(e, segment))
		return fail("%s: no last segment for .fata.symbols (was the "
			    "linker script replaced?)",
			    out);
	symblob_make(e, &blob);
	p = elf_segment(e, segment);
	text_add(image, e->data, e->size);
	/* a loader may map the file: offset and address agree modulo 4096 */
	offset = e->size + ((p.p_vaddr - e->size) & 4095);
	while (image->n < offset)
		text_add(image, "", 1);
	text_add(image, blob.s, blob.n);
	patch(e, (uint8_t *)image->s, segment, section, offset, blob.n);
	text_free(&blob);
	return 0;
}

static int make_image(const struct elf *e, const char *to)
{
	struct text image = {0};
	struct elf result;
	char why[128];
	int err = add_symbols(e, &image, to);

	/* what is written is what was verified */
	if (!err && elf_open(&result, image.s, image.n, why))
		err = fail("%s: %s", to, why);
	if (!err)
		err = verify_segments(&result, to);
	if (!err)
		err = verify_entry(&result, to);
	if (!err) {
		err = file_write(to, image.s, image.n, 0777);
		if (err)
			err = fail("cannot write %s: %s", to, strerror(-err));
	}
	text_free(&image);
	return err;
}

int postlink(const char *from, const char *to)
{
	struct elf e;
	uint8_t *data;
	char why[128];
	size_t size;
	int err = file_read(from, &data, &size);

	if (err)
		return fail("cannot read back %s: %s", from, strerror(-err));
	if (elf_open(&e, data, size, why))
		err = fail("%s: %s", to, why);
	else
		err = make_image(&e, to);
	free(data);
	return err;
}
