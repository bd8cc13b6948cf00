/* SPDX-License-Identifier: ISC */
/* tar archives as trees, without the name space around (tar.c). */
#ifndef FATA_FS_TAR_H
#define FATA_FS_TAR_H

#include <fata/block.h>
#include <fata/boot.h>
#include <fs/node.h>

struct tar;

/*
 * Read the archive in a module's memory or, for NULL, on a disk. 0, -EINVAL
 * (broken; fs_bad has said where), -ENOMEM, or the disk's error. Can block.
 */
int tar_open(const struct boot_module *module, struct block *disk,
	     struct tar **out);

/* The root, borrowed. */
struct node *tar_root(struct tar *t);

/* 0, or -EBUSY when somebody holds a node of it. */
int tar_close(struct tar *t);

#endif
