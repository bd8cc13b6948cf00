/* SPDX-License-Identifier: ISC */
/*
 * What the guest was started with.
 */
#ifndef FATA_BOOT_H
#define FATA_BOOT_H

#include <fata/base.h>

FATA_BEGIN

/* A boot module (xl: ramdisk=...); its memory is the program's to write. */
struct boot_module {
	void *data; /* page-aligned */
	size_t size;
	const char *args; /* its own command line, "" if none */
};

/* The command line as it came, NUL-ended, at most 64 KiB. Valid for ever. */
const char *boot_cmdline(void);

/* The modules, in order. Valid for ever. */
unsigned boot_module_count(void);
/* Module n, NULL beyond the last. */
const struct boot_module *boot_module(unsigned n);

/* Nanoseconds (clock_mono_ns) at the first instruction of the image. */
uint64_t boot_entry_ns(void);

FATA_END
#endif
