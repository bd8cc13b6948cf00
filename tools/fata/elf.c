/* SPDX-License-Identifier: ISC */
/*
 * A bounded ELF reader (elf.h). The tool opens what a user names, which may
 * be no image at all, so every offset is checked before it is followed.
 *
 *     Ehdr --e_phoff--> Phdr[segments] --p_offset--> contents, notes
 *          --e_shoff--> Shdr[sections] --sh_offset-> symbols, strings
 */
#include "elf.h"

#include <stdio.h>
#include <string.h>

bool elf_inside(const struct elf *e, uint64_t offset, uint64_t n)
{
	return offset <= e->size && n <= e->size - offset;
}

static int check_header(const struct elf *e, char why[128])
{
	const Elf64_Ehdr *h = &e->header;
	const char *wrong = NULL;

	if (h->e_ident[EI_CLASS] != ELFCLASS64)
		wrong = "a 32-bit ELF file (expected x86-64)";
	else if (h->e_ident[EI_DATA] != ELFDATA2LSB)
		wrong = "a big-endian ELF file (expected x86-64)";
	else if (h->e_machine != EM_X86_64)
		wrong = "an ELF file for another CPU (expected x86-64)";
	else if (h->e_type == ET_REL)
		wrong = "an object file, not linked (link it with fata cc)";
	else if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		wrong = "an ELF file, but no executable";
	else if (h->e_phnum == 0)
		wrong = "an ELF file without segments (corrupt)";
	else if (h->e_phentsize != sizeof(Elf64_Phdr))
		wrong = "corrupt: program headers of a wrong size";
	if (wrong)
		snprintf(why, 128, "%s", wrong);
	return wrong ? -1 : 0;
}

static int check_tables(struct elf *e, char why[128])
{
	const Elf64_Ehdr *h = &e->header;

	if (!elf_inside(e, h->e_phoff, h->e_phnum * sizeof(Elf64_Phdr))) {
		snprintf(why, 128,
			 "truncated: program headers end beyond the "
			 "file's %zu bytes",
			 e->size);
		return -1;
	}
	e->segments = h->e_phnum;
	if (h->e_shoff == 0 || h->e_shnum == 0)
		return 0; /* no section headers: stripped of all */
	if (h->e_shentsize != sizeof(Elf64_Shdr) ||
	    !elf_inside(e, h->e_shoff, h->e_shnum * sizeof(Elf64_Shdr))) {
		snprintf(why, 128,
			 "truncated: section headers end beyond the "
			 "file's %zu bytes",
			 e->size);
		return -1;
	}
	e->sections = h->e_shnum;
	if (h->e_shstrndx < e->sections)
		e->names = elf_section(e, h->e_shstrndx);
	return 0;
}

static int check_segments(const struct elf *e, char why[128])
{
	for (unsigned i = 0; i < e->segments; i++) {
		Elf64_Phdr p = elf_segment(e, i);

		if (!elf_inside(e, p.p_offset, p.p_filesz)) {
			snprintf(why, 128,
				 "truncated: segment %u ends beyond "
				 "the file's %zu bytes",
				 i, e->size);
			return -1;
		}
		if (p.p_type == PT_LOAD &&
		    (p.p_filesz > p.p_memsz ||
		     p.p_paddr + p.p_memsz < p.p_paddr ||
		     p.p_vaddr + p.p_memsz < p.p_vaddr)) {
			snprintf(why, 128,
				 "corrupt: segment %u has impossible "
				 "addresses",
				 i);
			return -1;
		}
	}
	return 0;
}

/* The first bytes, up to the header. */
static int check_magic(struct elf *e, char why[128])
{
	if (e->size == 0) {
		snprintf(why, 128, "an empty file");
		return -1;
	}
	if (e->size < SELFMAG || memcmp(e->data, ELFMAG, SELFMAG) != 0) {
		snprintf(why, 128, "not an ELF file");
		return -1;
	}
	if (e->size < sizeof(e->header)) {
		snprintf(why, 128, "truncated: %zu bytes are no ELF header",
			 e->size);
		return -1;
	}
	memcpy(&e->header, e->data, sizeof(e->header));
	return 0;
}

int elf_open(struct elf *e, const void *data, size_t size, char why[128])
{
	*e = (struct elf){.data = data, .size = size};
	if (check_magic(e, why) || check_header(e, why) || check_tables(e, why))
		return -1;
	return check_segments(e, why);
}

int elf_open_core(struct elf *e, const void *data, size_t size, char why[128])
{
	*e = (struct elf){.data = data, .size = size};
	if (check_magic(e, why))
		return -1;
	if (e->header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->header.e_type != ET_CORE) {
		snprintf(why, 128, "not a 64-bit core");
		return -1;
	}
	return check_tables(e, why);
}

Elf64_Phdr elf_segment(const struct elf *e, unsigned i)
{
	Elf64_Phdr p;

	memcpy(&p, e->data + e->header.e_phoff + i * sizeof(p), sizeof(p));
	return p;
}

Elf64_Shdr elf_section(const struct elf *e, unsigned i)
{
	Elf64_Shdr s;

	memcpy(&s, e->data + e->header.e_shoff + i * sizeof(s), sizeof(s));
	return s;
}

const char *elf_string(const struct elf *e, const Elf64_Shdr *table,
		       uint64_t offset)
{
	const char *s;

	if (table->sh_type != SHT_STRTAB || offset >= table->sh_size ||
	    !elf_inside(e, table->sh_offset, table->sh_size))
		return "";
	s = (const char *)e->data + table->sh_offset + offset;
	return memchr(s, '\0', table->sh_size - offset) ? s : "";
}

const char *elf_section_name(const struct elf *e, const Elf64_Shdr *s)
{
	return elf_string(e, &e->names, s->sh_name);
}

int elf_find_section(const struct elf *e, const char *name)
{
	for (unsigned i = 0; i < e->sections; i++) {
		Elf64_Shdr s = elf_section(e, i);

		if (strcmp(elf_section_name(e, &s), name) == 0)
			return i;
	}
	return -1;
}

void elf_symbols(const struct elf *e, struct elf_symbols *s)
{
	*s = (struct elf_symbols){0};
	for (unsigned i = 0; i < e->sections; i++) {
		Elf64_Shdr t = elf_section(e, i);

		if (t.sh_type != SHT_SYMTAB || t.sh_link >= e->sections ||
		    !elf_inside(e, t.sh_offset, t.sh_size))
			continue;
		s->table = t;
		s->strings = elf_section(e, t.sh_link);
		s->count = t.sh_size / sizeof(Elf64_Sym);
		return;
	}
}

Elf64_Sym elf_symbol(const struct elf *e, const struct elf_symbols *s, size_t i,
		     const char **name)
{
	Elf64_Sym sym;

	memcpy(&sym, e->data + s->table.sh_offset + i * sizeof(sym),
	       sizeof(sym));
	*name = elf_string(e, &s->strings, sym.st_name);
	return sym;
}

/*
 * One note: namesz, descsz, type (4 bytes each), name, desc, both padded to 4
 * bytes. Xen and Linux read all notes so, whatever the segment's alignment.
 */
static bool read_note(const uint8_t *p, uint64_t left, struct elf_note *n,
		      uint64_t *used)
{
	uint32_t head[3];
	uint64_t name, desc;

	if (left < sizeof(head))
		return false;
	memcpy(head, p, sizeof(head));
	name = ((uint64_t)head[0] + 3) & ~3ull;
	desc = ((uint64_t)head[1] + 3) & ~3ull;
	/* the padding of the last desc may be missing */
	if (sizeof(head) + name + head[1] > left)
		return false;
	snprintf(n->name, sizeof(n->name), "%.*s",
		 (int)(head[0] > 15 ? 15 : head[0]),
		 (const char *)p + sizeof(head));
	n->type = head[2];
	n->desc = p + sizeof(head) + name;
	n->size = head[1];
	*used = sizeof(head) + name + desc;
	return true;
}

bool elf_next_note(const struct elf *e, struct elf_note *n)
{
	for (; n->segment < e->segments; n->segment++, n->at = 0) {
		Elf64_Phdr p = elf_segment(e, n->segment);
		uint64_t used;

		if (p.p_type != PT_NOTE || n->at >= p.p_filesz)
			continue;
		if (!read_note(e->data + p.p_offset + n->at, p.p_filesz - n->at,
			       n, &used)) {
			n->bad = true;
			return false;
		}
		n->at += used;
		return true;
	}
	return false;
}

bool elf_address_in(const struct elf *e, uint64_t address, uint32_t flags)
{
	for (unsigned i = 0; i < e->segments; i++) {
		Elf64_Phdr p = elf_segment(e, i);

		if (p.p_type == PT_LOAD && (p.p_flags & flags) == flags &&
		    address >= p.p_paddr && address - p.p_paddr < p.p_memsz)
			return true;
	}
	return false;
}
