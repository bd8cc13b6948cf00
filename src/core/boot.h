/* SPDX-License-Identifier: ISC */
/*
 * What the platform learnt about its start; include/fata/boot.h shows a part
 * of it to programs. Filled by a loader's parser (xen/start_info.c).
 */
#ifndef FATA_CORE_BOOT_H
#define FATA_CORE_BOOT_H

#include <core/memmap.h>
#include <fata/boot.h>

#define BOOT_MODULES_MAX 32
#define BOOT_CMDLINE_MAX 65536

struct boot_info {
	struct memmap ram;	/* all that the loader calls usable */
	struct memmap reserved; /* what of it holds the things below */
	const char *cmdline;	/* in reserved memory, NUL-ended, or "" */
	bool cmdline_cut;	/* it was longer than BOOT_CMDLINE_MAX */
	unsigned modules;
	unsigned modules_lost; /* beyond BOOT_MODULES_MAX */
	struct boot_module module[BOOT_MODULES_MAX];
	uint64_t entry_ns;
};

extern struct boot_info boot_info;

/* Keep [data, data + n) out of the page allocator's hands. */
void boot_reserve(struct boot_info *b, const void *data, uint64_t n);

/*
 * Point the command line at `text`, ended at BOOT_CMDLINE_MAX if need be;
 * reserves it. text may be NULL.
 */
void boot_set_cmdline(struct boot_info *b, char *text);

/* Note one module; reserves it and its arguments (which may be NULL). */
void boot_add_module(struct boot_info *b, void *data, uint64_t size,
		     char *args);

#endif
