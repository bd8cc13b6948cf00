/* SPDX-License-Identifier: ISC */
/*
 * Reading a 64-bit x86 ELF file that may be anything: truncated, corrupt or
 * hostile.
 *
 * Interface: elf_open checks the header and both tables once. Every accessor
 * copies what it returns out of the file (which may be unaligned) and checks
 * that it lies inside; nothing here reads outside of [data, data + size), and
 * every walk ends after at most `size` steps. The file's bytes must outlive
 * the struct.
 */
#ifndef TOOL_ELF_H
#define TOOL_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf {
	const uint8_t *data;
	size_t size;
	Elf64_Ehdr header;
	unsigned segments, sections;
	Elf64_Shdr names; /* the section names' table; size 0: none */
};

/* 0, or -1 with what is wrong in `why` (at least 128 bytes). */
int elf_open(struct elf *e, const void *data, size_t size, char why[128]);

/* The same for a dump of Xen's: an ET_CORE that has only sections. */
int elf_open_core(struct elf *e, const void *data, size_t size, char why[128]);

/* Is [offset, offset + n) inside the file? */
bool elf_inside(const struct elf *e, uint64_t offset, uint64_t n);

/* Program header i < e->segments, section header i < e->sections. */
Elf64_Phdr elf_segment(const struct elf *e, unsigned i);
Elf64_Shdr elf_section(const struct elf *e, unsigned i);

/* The string at `offset` of a string table, or "" if it is not one. */
const char *elf_string(const struct elf *e, const Elf64_Shdr *table,
		       uint64_t offset);
const char *elf_section_name(const struct elf *e, const Elf64_Shdr *s);

/* The index of a section, or -1. */
int elf_find_section(const struct elf *e, const char *name);

/* The symbols: how many, and each one with its name. 0 if stripped. */
struct elf_symbols {
	Elf64_Shdr table, strings;
	size_t count;
};
void elf_symbols(const struct elf *e, struct elf_symbols *s);
Elf64_Sym elf_symbol(const struct elf *e, const struct elf_symbols *s, size_t i,
		     const char **name);

/*
 * All notes of all PT_NOTE segments:
 *
 *     struct elf_note n = {0};
 *     while (elf_next_note(e, &n)) ...
 *
 * A malformed note ends the walk, with n.bad set.
 */
struct elf_note {
	char name[16]; /* NUL-ended, cut when longer */
	uint32_t type;
	const uint8_t *desc;
	uint32_t size;
	bool bad;
	/* where the walk is */
	unsigned segment;
	uint64_t at;
};
bool elf_next_note(const struct elf *e, struct elf_note *n);

/* Does a PT_LOAD segment with all of `flags` hold this physical address? */
bool elf_address_in(const struct elf *e, uint64_t address, uint32_t flags);

#endif
