/* SPDX-License-Identifier: ISC */
/* Files on a test's disk, mounted at /tmp, through libc's calls. */
#ifndef FATA_TESTS_UNIT_FS_CALLS_H
#define FATA_TESTS_UNIT_FS_CALLS_H

#include "unit/disk.h"

#include "unit/fs_libc.h"

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

/* Bytes that are all different; from malloc. */
static inline unsigned char *noise(size_t n, unsigned seed)
{
	unsigned char *p = malloc(n);

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		p[i] = (unsigned char)(seed >> 16);
	}
	return p;
}

/* How many names a directory lists, . and .. too. */
static inline unsigned entries(const char *path)
{
	static char buffer[4096];
	long fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0), n;
	unsigned count = 0;

	assert_true(fd >= 0);
	while ((n = sys_getdents64((int)fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < n; count++) {
			uint16_t length;

			memcpy(&length, buffer + at + 16, 2);
			at += length;
		}
	}
	assert_int_equal(n, 0);
	sys_close((int)fd);
	return count;
}

#endif
