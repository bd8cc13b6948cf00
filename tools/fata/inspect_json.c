/* SPDX-License-Identifier: ISC */
/*
 * `fata inspect --json`: the same facts as inspect.c, for programs. Numbers
 * are decimal; names come out of a file and are escaped whatever they hold.
 */
#include "inspect.h"

#include <string.h>

typedef unsigned long long ull;

/* Bytes that are not ASCII are written as if they were Latin-1. */
static void string(struct text *t, const char *s)
{
	text_add(t, "\"", 1);
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			text_printf(t, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			text_printf(t, "\\u%04x", c);
		else
			text_add(t, s, 1);
	}
	text_add(t, "\"", 1);
}

static void field(struct text *t, const char *key, const char *value)
{
	text_printf(t, "\"%s\": ", key);
	string(t, value);
}

static void names(struct text *t, const char *key, const struct strv *v)
{
	text_printf(t, "  \"%s\": [", key);
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			text_printf(t, ", ");
		string(t, v->v[i]);
	}
	text_printf(t, "],\n");
}

static void segments(const struct image *im, struct text *t)
{
	text_printf(t, "  \"segments\": [");
	for (unsigned i = 0; i < im->elf.segments; i++) {
		Elf64_Phdr p = elf_segment(&im->elf, i);

		text_printf(t, "%s\n    {", i ? "," : "");
		field(t, "type", inspect_segment_type(p.p_type));
		text_printf(t,
			    ", \"address\": %llu, \"memory\": %llu, "
			    "\"file\": %llu, ",
			    (ull)p.p_paddr, (ull)p.p_memsz, (ull)p.p_filesz);
		field(t, "permissions", inspect_flags(p.p_flags));
		text_printf(t, "}");
	}
	text_printf(t, "\n  ],\n");
}

static void sections(const struct image *im, struct text *t)
{
	const char *comma = "";

	text_printf(t, "  \"sections\": [");
	for (unsigned i = 0; i < im->elf.sections; i++) {
		Elf64_Shdr s = elf_section(&im->elf, i);

		if (!(s.sh_flags & SHF_ALLOC) || !s.sh_size)
			continue;
		text_printf(t, "%s\n    {", comma);
		field(t, "name", elf_section_name(&im->elf, &s));
		text_printf(t, ", \"address\": %llu, \"bytes\": %llu}",
			    (ull)s.sh_addr, (ull)s.sh_size);
		comma = ",";
	}
	text_printf(t, "\n  ],\n");
}

static void notes(const struct image *im, struct text *t)
{
	struct elf_note n = {0};
	const char *comma = "";

	text_printf(t, "  \"notes\": [");
	while (elf_next_note(&im->elf, &n)) {
		text_printf(t, "%s\n    {", comma);
		field(t, "owner", n.name);
		text_printf(t, ", \"type\": %u, \"bytes\": %u, ", n.type,
			    n.size);
		field(t, "meaning", inspect_note(&n));
		text_printf(t, "}");
		comma = ",";
	}
	text_printf(t, "\n  ],\n");
}

static void parameters(const struct image *im, struct text *t)
{
	text_printf(t, "  \"parameters\": [");
	for (size_t i = 0; i < im->param_count; i++) {
		const struct image_param *p = &im->params[i];

		text_printf(t, "%s\n    {", i ? "," : "");
		field(t, "name", p->name);
		text_printf(t, ", ");
		field(t, "type", p->type);
		text_printf(t, ", ");
		field(t, "default", p->fallback);
		text_printf(t, ", ");
		field(t, "help", p->help);
		text_printf(t, "}");
	}
	text_printf(t, "\n  ]\n");
}

void inspect_json(const struct image *im, struct text *t)
{
	struct elf_symbols symbols;

	elf_symbols(&im->elf, &symbols);
	text_printf(t, "{\n  ");
	field(t, "path", im->path);
	text_printf(t, ",\n  ");
	field(t, "name", im->name);
	text_printf(t, ",\n  ");
	field(t, "about", im->about);
	text_printf(t,
		    ",\n  \"fata\": %s,\n  \"entry\": %llu,\n"
		    "  \"start\": %llu,\n  \"end\": %llu,\n"
		    "  \"least_mib\": %llu,\n  \"bytes\": %zu,\n"
		    "  \"stripped\": %s,\n",
		    im->fata ? "true" : "false", (ull)im->entry, (ull)im->start,
		    (ull)im->end, (ull)image_least_mib(im), im->elf.size,
		    symbols.count ? "false" : "true");
	names(t, "networks", &im->nets);
	names(t, "block_devices", &im->blocks);
	names(t, "folders", &im->folders);
	segments(im, t);
	sections(im, t);
	notes(im, t);
	parameters(im, t);
	text_printf(t, "}\n");
}
