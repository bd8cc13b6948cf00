/* SPDX-License-Identifier: ISC */
/* Files on a test's disk, mounted at /tmp, through libc's calls. */
#ifndef FATA_TESTS_UNIT_FS_CALLS_H
#define FATA_TESTS_UNIT_FS_CALLS_H

#include "unit/disk.h"

#include "libc/sys.h"

#include "unit/libc_vm.h"

unsigned umask_now(void)
{
	return 022;
}

int dev_open(struct file *f, uint64_t rdev)
{
	(void)f;
	(void)rdev;
	return -ENXIO;
}

#ifndef MOUNT_TYPE
#define MOUNT_TYPE fs_ext4
#endif

static struct node *root;

static inline int mount_disk(struct disk *d, bool read_only)
{
	struct fs_source from = {.name = "test", .disk = &d->block};
	int err = MOUNT_TYPE.mount(&from, read_only, &root);

	if (!err)
		assert_int_equal(mounts_add("/tmp", root), 0);
	return err;
}

static inline void unmount(void)
{
	assert_int_equal(sys_chdir("/"), 0);
	assert_int_equal(mounts_remove("/tmp"), 0);
}

static inline void put(const char *path, const void *data, size_t n)
{
	long fd = sys_open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(sys_write((int)fd, data, n), n);
	assert_int_equal(sys_close((int)fd), 0);
}

static inline void has(const char *path, const void *data, size_t n)
{
	long fd = sys_open(path, O_RDONLY, 0);
	char *got = malloc(n + 1);

	if (fd < 0)
		fail_msg("%s: %ld", path, fd);
	assert_int_equal(sys_read((int)fd, got, n + 1), n);
	assert_memory_equal(got, data, n);
	free(got);
	sys_close((int)fd);
}

#endif
