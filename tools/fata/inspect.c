/* SPDX-License-Identifier: ISC */
/*
 * `fata inspect`: what an image is made of and what it asks for, without
 * running it. inspect_json.c says the same to programs.
 */
#include "inspect.h"
#include "tool.h"
#include "words.h"

#include <errno.h>
#include <fata/manifest.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "domain.h" /* bad_option */

static const char usage[] =
	"usage: fata inspect [--json | --params] IMAGE\n"
	"Shows an image's segments, sections, notes, devices and parameters.\n"
	"\n"
	"  --json    as JSON\n"
	"  --params  only the boot parameters, as the guest's --help does\n";

const char *inspect_flags(uint32_t flags)
{
	static const char *const names[] = {"---", "--x", "-w-", "-wx",
					    "r--", "r-x", "rw-", "rwx"};

	return names[flags & 7];
}

const char *inspect_segment_type(uint32_t type)
{
	switch (type) {
	case PT_LOAD:
		return "load";
	case PT_NOTE:
		return "note";
	case PT_TLS:
		return "tls";
	case PT_INTERP:
		return "interp";
	case PT_GNU_STACK:
		return "stack";
	case PT_GNU_EH_FRAME:
		return "eh_frame";
	default:
		return "other";
	}
}

const char *inspect_note(const struct elf_note *n)
{
	/* xen/include/public/elfnote.h, by number */
	static const char *const xen[] = {"info",
					  "entry",
					  "hypercall page",
					  "virtual base",
					  "physical offset",
					  "Xen version",
					  "guest OS",
					  "guest version",
					  "loader",
					  "PAE mode",
					  "features",
					  "BSD symbols",
					  "hypervisor start",
					  "page table masks",
					  "suspend cancel",
					  "initial mapping",
					  "modules",
					  "supported features",
					  "PVH entry (PHYS32_ENTRY)",
					  "PVH relocation"};
	static const char *const fata[] = {
		"",          "network interface", "block device",
		"parameter", "program",           "unknown parameters",
		"shared folder"};

	if (!strcmp(n->name, "Xen") && n->type < ARRAY_SIZE(xen))
		return xen[n->type];
	if (!strcmp(n->name, "Xen") && n->type >= 0x1000000)
		return "crash dump";
	if (!strcmp(n->name, "Fata") && n->type < ARRAY_SIZE(fata))
		return fata[n->type];
	return "";
}

typedef unsigned long long ull;

static void segments(const struct image *im, struct text *t)
{
	text_printf(t, "\nsegments   address     in memory   in file  perm\n");
	for (unsigned i = 0; i < im->elf.segments; i++) {
		Elf64_Phdr p = elf_segment(&im->elf, i);

		text_printf(t, "  %-8s %#10llx %11llu %9llu  %s\n",
			    inspect_segment_type(p.p_type), (ull)p.p_paddr,
			    (ull)p.p_memsz, (ull)p.p_filesz,
			    inspect_flags(p.p_flags));
	}
}

static void sections(const struct image *im, struct text *t)
{
	bool any = false;

	for (unsigned i = 0; i < im->elf.sections; i++) {
		Elf64_Shdr s = elf_section(&im->elf, i);

		if (!(s.sh_flags & SHF_ALLOC) || !s.sh_size)
			continue;
		if (!any)
			text_printf(t, "\nsections                address      "
				       "bytes\n");
		any = true;
		text_printf(t, "  %-18s %#10llx %10llu\n",
			    elf_section_name(&im->elf, &s), (ull)s.sh_addr,
			    (ull)s.sh_size);
	}
}

/* A note of ours holds text; of a foreign one the size says enough. */
static void notes(const struct image *im, struct text *t)
{
	struct elf_note n = {0};
	uint64_t value;

	text_printf(t, "\nnotes\n");
	while (elf_next_note(&im->elf, &n)) {
		text_printf(t, "  %-6s %-26s ", n.name, inspect_note(&n));
		if (!strcmp(n.name, "Fata") && n.size) {
			text_printf(t, "%.*s\n", (int)n.size,
				    (const char *)n.desc);
		} else if (!strcmp(n.name, "Xen") && n.type == 18 &&
			   n.size >= 4) {
			value = 0;
			memcpy(&value, n.desc, n.size < 8 ? 4 : 8);
			text_printf(t, "%#llx\n", (ull)value);
		} else {
			text_printf(t, "%u bytes\n", n.size);
		}
	}
}

static void list(const char *label, const struct strv *names, struct text *t)
{
	text_printf(t, "%s", label);
	for (size_t i = 0; i < names->n; i++)
		text_printf(t, "%s%s", i ? ", " : "", names->v[i]);
	text_printf(t, "%s\n", names->n ? "" : "none");
}

void inspect_text(const struct image *im, struct text *t)
{
	struct elf_symbols symbols;

	elf_symbols(&im->elf, &symbols);
	text_printf(t, "%s: %s%s%s\n", im->path, im->name,
		    *im->about ? " - " : "", im->about);
	text_printf(t, "kind          %s, PVH entry %#llx\n",
		    im->fata ? "Fata image" : "PVH image, not made by Fata",
		    (ull)im->entry);
	text_printf(t,
		    "memory        %#llx to %#llx; boots with %llu MiB or "
		    "more\n",
		    (ull)im->start, (ull)im->end, (ull)image_least_mib(im));
	text_printf(t, "file          %zu bytes, %s\n", im->elf.size,
		    symbols.count ? "with symbols" : "stripped");
	list("networks      ", &im->nets, t);
	list("block devices ", &im->blocks, t);
	list("folders       ", &im->folders, t);
	text_printf(t, "parameters    %zu%s\n", im->param_count,
		    im->param_count ? " (--params lists them)" : "");
	segments(im, t);
	sections(im, t);
	notes(im, t);
}

enum { OPTION_JSON = OPTION_OWN, OPTION_PARAMS };

static const struct option options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"params", no_argument, NULL, OPTION_PARAMS},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

int cmd_inspect(int argc, char **argv)
{
	void (*write)(const struct image *, struct text *) = inspect_text;
	struct text t = {0};
	struct image im;
	int code, err;

	while ((code = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (code == OPTION_HELP)
			return help(usage);
		if (code == '?' || code == ':')
			return bad_option(code, argv, options);
		write = code == OPTION_JSON ? inspect_json : words_help;
	}
	if (optind != argc - 1)
		return fail_usage(optind == argc ? "no image given (fata help "
						   "inspect)"
						 : "one image at a time");
	err = image_open(&im, argv[optind]);
	if (err)
		return err;
	write(&im, &t);
	fwrite(t.s, 1, t.n, stdout);
	text_free(&t);
	image_close(&im);
	return 0;
}
