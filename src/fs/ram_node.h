/* SPDX-License-Identifier: ISC */
/* The inside of the RAM file system: ram.c (names), ram_file.c (contents). */
#ifndef FATA_FS_RAM_NODE_H
#define FATA_FS_RAM_NODE_H

#include <core/list.h>
#include <fs/node.h>

struct cached;
struct entry; /* of a directory */

struct ram {
	struct node node;
	struct list entries;         /* a directory's */
	uint64_t cookie;             /* of the last entry */
	struct entry **table, *last; /* last: where a listing stands */
	size_t n_table, n_entries;
	void **pages; /* a file's */
	size_t n_pages, backed; /* slots; pages that there are */
	const char *bytes;   /* of a file that cannot be written */
	struct cached *disk; /* or where they lie on a disk, ... */
	uint64_t disk_at;    /* ... from this byte on */
	int (*unmount)(struct node *root); /* of a root that is not ours */
	char *target;                      /* a symbolic link's */
};

static inline struct ram *ram_of(struct node *n)
{
	return (struct ram *)(void *)n;
}

ssize_t ram_read(struct node *n, void *p, size_t size, uint64_t at);
ssize_t ram_write(struct node *n, const void *p, size_t size, uint64_t at);
int ram_truncate(struct node *n, uint64_t size);
uint64_t ram_space(const struct node *n);

#endif
