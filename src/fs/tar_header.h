/* SPDX-License-Identifier: ISC */
/* The inside of tar archives: tar_header.c reads headers, tar.c makes trees. */
#ifndef FATA_FS_TAR_HEADER_H
#define FATA_FS_TAR_HEADER_H

#include <fs/cache.h>
#include <fs/node.h>
#include <fs/tar.h>

#define TAR_BLOCK 512

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8];
	char type, link[100], magic[6], version[2], user[32], group[32];
	char major[8], minor[8], prefix[155], rest[12];
};

/* What headers before it said of an entry; text is from the heap. */
struct tar_extra {
	char *path, *link;
	bool has_size, has_mtime, has_uid, has_gid;
	uint64_t size, mtime, uid, gid;
};

struct tar {
	struct list link; /* of those that are mounted */
	const struct boot_module *module;
	struct cached disk; /* when there is no module */
	uint64_t size, at;
	struct node *root;
	struct tar_extra next, all; /* of the next entry; of all from here on */
};

/* An entry, put together. */
struct tar_entry {
	char *path, *link;
	uint64_t size, mtime, data;
	mode_t mode;
	unsigned uid, gid;
	uint64_t rdev;
	char type;
};

/* Say what is wrong at this place: -EINVAL. */
int tar_bad(const struct tar *t, const char *what);

/* Bytes of the archive; an error has been said. */
int tar_read_at(struct tar *t, void *p, size_t n, uint64_t at);

/* Octal digits with blanks around, or GNU's big-endian binary. */
int tar_number(const char *s, size_t n, uint64_t *value);

int tar_check_sum(const struct tar_header *h);

void tar_forget(struct tar_extra *x);

/* Types x, g, L and K; the contents follow the header. */
int tar_about_next(struct tar *t, char type, uint64_t size);

/* The entry of this header and those before it; its texts are the caller's. */
int tar_put_together(struct tar *t, const struct tar_header *h,
		     struct tar_entry *e);

#endif
