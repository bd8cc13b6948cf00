/* SPDX-License-Identifier: ISC */
/* Where a path of a program leads: for the calls on names (fs_*.c). */
#ifndef FATA_LIBC_FS_H
#define FATA_LIBC_FS_H

#include <fs/node.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/*
 * The node that (fd, path, flags) name, with a reference for the caller. The
 * program's pointer is checked. 0 or what path_find returns, -EFAULT, -EBADF.
 */
int fs_find_at(int fd, const char *path, int flags, struct node **n);

/* The same for path_find_parent. */
int fs_find_parent_at(int fd, const char *path, struct path_end *e);

#endif
