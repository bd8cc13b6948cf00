/* SPDX-License-Identifier: ISC */
/*
 * Names of disks: the image's own (FATA_BLOCK), Linux's, or the number that
 * xenstore has (docs/man/xen-vbd-interface.7 of Xen).
 */
#include <core/manifest.h>
#include <core/parse.h>
#include <drivers/blkfront.h>
#include <errno.h>
#include <string.h>

static uint32_t xvd_number(uint32_t disk, uint32_t part)
{
	return disk < 16 && part < 16 ? 202u << 8 | disk << 4 | part
				      : 1u << 28 | disk << 8 | part;
}

/* "b3" of "xvdb3" as a disk and a partition. */
static bool parse_letters(const char *s, uint32_t *disk, uint64_t *part)
{
	*disk = *part = 0;
	if (*s < 'a' || *s > 'z')
		return false;
	for (uint32_t n = 0; *s >= 'a' && *s <= 'z'; s++) {
		n = n * 26 + (uint32_t)(*s - 'a') + 1;
		*disk = n - 1;
		if (n > 1u << 20)
			return false;
	}
	return !*s || (parse_uint(s, part) == 0 && *part && *part < 256);
}

static int parse_name(const char *name, uint32_t *number)
{
	uint32_t disk;
	uint64_t part;

	if (strlen(name) < 4 || !parse_letters(name + (*name == 'x' ? 3 : 2),
					       &disk, &part))
		return -ENOENT;
	if (strncmp(name, "xvd", 3) == 0)
		*number = xvd_number(disk, (uint32_t)part);
	else if (strncmp(name, "sd", 2) == 0 && disk < 16 && part < 16)
		*number = 8u << 8 | disk << 4 | (uint32_t)part;
	else if (strncmp(name, "hd", 2) == 0 && disk < 4 && part < 64)
		*number = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 |
			  (uint32_t)part;
	else
		return -ENOENT;
	return 0;
}

int blk_number(const char *name, uint32_t *number)
{
	int index = manifest_index(FATA_NOTE_BLOCK, name);
	uint64_t n;

	if (index >= 0) {
		*number = xvd_number((uint32_t)index, 0);
		return 0;
	}
	if (parse_uint(name, &n) == 0 && n <= UINT32_MAX) {
		*number = (uint32_t)n;
		return 0;
	}
	return parse_name(name, number);
}
