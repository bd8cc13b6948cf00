/* SPDX-License-Identifier: ISC */
/*
 * What is mounted where, and the kinds of file systems that can be.
 *
 *     fs_ext4, fs_tar    in the linker section fata_fs, each with its file:
 *                        linked when a program says FATA_FS(...) (fata/fs.h)
 *     mount.c            --mount, fs_mount: linked with the first of them
 *     mounts.c           the list of what is mounted: always there
 */
#ifndef FATA_FS_MOUNT_H
#define FATA_FS_MOUNT_H

#include <core/list.h>
#include <fata/block.h>
#include <fata/boot.h>
#include <fata/fs.h>
#include <fs/node.h>

/* Where a file system lies: on a disk, or in a boot module's memory. */
struct fs_source {
	const char *name;
	struct block *disk;
	const struct boot_module *module; /* or NULL; disk is then NULL */
};

struct fs_type {
	const char *name;
	bool needs_disk; /* a boot module is made into a disk */
	bool by_tag;	 /* the source is no disk: `mount` knows its name */
	/*
	 * The root of what is there, read-only if asked or if it has to be.
	 * On an error fs_bad has said why. Can block.
	 */
	int (*mount)(const struct fs_source *from, bool read_only,
		     struct node **root);
};

/* Put the type into the list: at file scope, beside its definition. */
#define FS_TYPE(type)                                                          \
	static const struct fs_type *fs_entry_##type                           \
		__attribute__((section("fata_fs"), used)) = &fs_##type

/* Why a mount fails, in words, for the line that is printed. Returns err. */
int fs_bad(int err, const char *format, ...) FATA_PRINTF(2, 3);

/* --- what is mounted (mounts.c) ------------------------------------------- */

/*
 * Put a file system's root over a directory; the reference is taken. 0,
 * -ENOTDIR, -EBUSY.
 */
int mounts_add(const char *path, struct node *root);

/* Take it away: 0, -EINVAL (none there), -EBUSY, or what writing it said. */
int mounts_remove(const char *path);

/* Write everything back everywhere. */
void mounts_sync(void);

/* Unmount all, the latest first; for the end of the program. */
void mounts_end(void);

#endif
