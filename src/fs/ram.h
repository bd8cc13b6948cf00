/* SPDX-License-Identifier: ISC */
/* The RAM file system, and read-only trees that are made of its nodes. */
#ifndef FATA_FS_RAM_H
#define FATA_FS_RAM_H

#include <fs/cache.h>
#include <fs/node.h>

/* An empty RAM file system's root directory; NULL without memory. */
struct node *ram_new(void);

/* A read-only file of these bytes, which stay where they are. */
int ram_add_bytes(struct node *dir, const char *name, const void *data,
		  size_t size);

/* A device file. */
int ram_add_device(struct node *dir, const char *name, mode_t mode,
		   uint64_t rdev);

/*
 * A read-only file with these bytes: in memory, or on a disk. The node with a
 * reference; NULL without memory, or when there is one of that name.
 */
struct node *ram_add_part(struct node *dir, struct name name, mode_t mode,
			  const char *bytes, struct cached *disk,
			  uint64_t disk_at, uint64_t size);

/* Does anybody hold a node below this directory? */
bool ram_in_use(const struct node *dir);

/* What unmounting this root means. */
void ram_set_unmount(struct node *root, int (*fn)(struct node *root));

/* Take everything in a directory away. */
void ram_empty_tree(struct node *dir);

#endif
