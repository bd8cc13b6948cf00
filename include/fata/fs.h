/* SPDX-License-Identifier: ISC */
/*
 * File systems on disks and in boot modules, in the program's name space.
 *
 *     FATA_BLOCK("data");
 *     FATA_FS(ext4);
 *
 * links ext4, and with it the boot parameter
 *
 *     --mount data:/data:ext4        the disk `data` at /data
 *     --mount module0:/www:tar       the first boot module as a tree
 *     --mount xvdb:/old:ext4,ro      read-only
 *     --mount share:/mnt:9p          the folder that xl calls `share`
 *
 * which may be given many times and is followed before main starts; a mount
 * that cannot be made ends the program with one line and status 64. From then
 * on the files are used with libc's ordinary calls. Kinds: ext4 (ext2 and ext3
 * too), tar (read-only), p9 (folders of another domain; the word for --mount is
 * 9p). docs/files.md says what each promises.
 *
 * As a Linux process (fata cc -t unix) these declarations do nothing.
 */
#ifndef FATA_FS_H
#define FATA_FS_H

#include <fata/base.h>

FATA_BEGIN

struct fs_type;

/* The kinds; linked only when FATA_FS or the program names them. */
extern const struct fs_type fs_ext4, fs_p9, fs_tar;

/* At file scope: this program can mount this kind: ext4, p9 or tar. */
#ifdef __FATA_UNIX__
#define FATA_FS(type) _Static_assert(1, "")
#else
#define FATA_FS(type)                                                          \
	static const struct fs_type *const fata_fs_##type                      \
		__attribute__((used)) = &fs_##type
#endif

/*
 * Mount as --mount does; the directory is made if it is not there. 0, -EINVAL
 * (what is wrong is in the log), -ENOENT or -ENODEV (no such disk), -EBUSY, or
 * the disk's error. Can block.
 */
int fs_mount(const char *what);

/*
 * Write everything and take the file system at this path away. 0, -EINVAL
 * (nothing is mounted there), -EBUSY (files are open), or the disk's error: it
 * is gone then all the same. Can block.
 */
int fs_unmount(const char *path);

FATA_END
#endif
