/* SPDX-License-Identifier: ISC */
/*
 * An image file: that Xen can boot it, and what it says of itself in its notes
 * (include/fata/manifest.h).
 *
 * Interface: image_open reads the whole file and checks everything that a run
 * relies on; all pointers below point into it and live until image_close. An
 * image that `fata cc` did not make (a Linux kernel, another unikernel) opens
 * as well; it only has no manifest.
 */
#ifndef TOOL_IMAGE_H
#define TOOL_IMAGE_H

#include "elf.h"
#include "tool.h"

struct image_param {
	const char *name, *type, *fallback, *help;
};

struct image {
	const char *path;
	uint8_t *data;
	struct elf elf;
	uint64_t entry;           /* physical, where PVH begins */
	uint64_t start, end;      /* of the loaded memory, physical */
	bool fata;                /* has notes of ours */
	const char *name, *about; /* from FATA_NAME; else the file's, "" */
	const char *unknown;      /* what unknown parameters become, or "" */
	struct strv nets, blocks, folders;
	struct image_param *params; /* sorted by name */
	size_t param_count;
};

/* 0, or 1 after saying what is wrong. */
int image_open(struct image *im, const char *path);
void image_close(struct image *im);

/* The least memory that it can boot with, in MiB (an estimate). */
uint64_t image_least_mib(const struct image *im);

/* The parameter of that name (not NUL-ended), or NULL. */
const struct image_param *image_param(const struct image *im, const char *name,
				      size_t n);

#endif
