/* SPDX-License-Identifier: ISC */
/*
 * Included before examples/http/main.c, so that it is a plain program for Linux
 * that serves /www: takes the place of the four headers of ours.
 */
#define FATA_BOOT_H
#define FATA_FS_H
#define FATA_MANIFEST_H
#define FATA_PARAM_H
#include <stddef.h>

#define SITE "www"
#define FATA_NAME(name, about) _Static_assert(1, "")
#define FATA_BLOCK(name)       _Static_assert(1, "")
#define FATA_FS(type)	       _Static_assert(1, "")
#define FATA_NET(name)	       _Static_assert(1, "")

#define FATA_PARAM_STRING(var, name, fallback, help) _Static_assert(1, "")
#define FATA_PARAM_INT(var, name, fallback, help)    _Static_assert(1, "")

struct boot_module {
	void *data;
	size_t size;
};

#define boot_module_count() 0u
#define boot_module(n)	    ((const struct boot_module *)NULL)
