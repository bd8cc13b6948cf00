/* SPDX-License-Identifier: ISC */
/*
 * ext4 with much of something: files in a directory, groups of blocks, changed
 * metadata, pieces of a file, no room; on disks that mke2fs has made and e2fsck
 * judges.
 */
#include "unit/fs_calls.h"

#include <fata/heap.h>

static void test_many(void **state)
{
	struct disk *d = disk_mkfs("-t ext4 -N 12000", "48M");
	char path[300];

	(void)state;
	assert_int_equal(mount_disk(d, false), 0);
	sys_mkdir("/tmp/d", 0755);
	for (unsigned i = 0; i < 10000; i++) {
		long fd;

		snprintf(path, sizeof(path), "/tmp/d/file-number-%u", i);
		fd = sys_open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
		assert_true(fd >= 0);
		sys_close((int)fd);
	}
	assert_int_equal(entries("/tmp/d"), 10002);
	unmount();
	assert_true(disk_clean(d));
	/* e2fsck -D makes a hashed tree of it */
	disk_store(d);
	disk_run("PATH=$PATH:/sbin:/usr/sbin e2fsck -fyD %s >/dev/null 2>&1",
		 disk_file());
	disk_free(d);
	d = disk_load();
	assert_int_equal(mount_disk(d, false), 0);
	assert_int_equal(entries("/tmp/d"), 10002);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "/tmp/d/file-number-%u", i * 3);
		assert_int_equal(sys_unlink(path), 0);
		snprintf(path, sizeof(path), "/tmp/d/%0*u", 5 + i % 200, i);
		put(path, "", 0);
	}
	assert_int_equal(entries("/tmp/d"), 10002);
	unmount();
	assert_true(disk_clean(d));
	disk_free(d);
}

/* The last piece of a file lies in a group of its own. */
static void test_groups(void **state)
{
	struct disk *d = disk_mkfs("-t ext4 -b 1024 -J size=4", "24M");
	unsigned char *big = noise(9 << 20, 9);

	(void)state;
	for (size_t n = 48; n < 54; n++) {
		assert_int_equal(mount_disk(d, false), 0);
		put("/tmp/big", big, n << 17);
		unmount();
		assert_true(disk_clean(d));
		assert_int_equal(mount_disk(d, false), 0);
		assert_int_equal(sys_unlink("/tmp/big"), 0);
		unmount();
	}
	disk_free(d);
	free(big);
}

/* More metadata is to be written than is kept otherwise: reading goes on. */
static void test_much_dirty(void **state)
{
	struct disk *d = disk_mkfs("-t ext4 -b 1024 -J size=4 -N 30000", "96M");
	struct stat st;
	char path[64];

	(void)state;
	assert_int_equal(mount_disk(d, false), 0);
	for (unsigned i = 0; i < 25000; i++) {
		if (i % 500 == 0) {
			snprintf(path, sizeof(path), "/tmp/%u", i / 500);
			assert_int_equal(sys_mkdir(path, 0700), 0);
		}
		snprintf(path, sizeof(path), "/tmp/%u/%u", i / 500, i);
		put(path, path, i % 20);
	}
	unmount();
	assert_int_equal(mount_disk(d, false), 0);
	for (unsigned i = 0; i < 25000; i++) {
		snprintf(path, sizeof(path), "/tmp/%u/%u", i / 500, i);
		assert_int_equal(sys_chmod(path, i % 01000), 0);
	}
	unmount();
	assert_true(disk_clean(d));
	assert_int_equal(mount_disk(d, true), 0);
	for (unsigned i = 0; i < 25000; i++) {
		snprintf(path, sizeof(path), "/tmp/%u/%u", i / 500, i);
		assert_int_equal(sys_stat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | i % 01000);
		assert_int_equal(st.st_size, i % 20);
	}
	unmount();
	disk_free(d);
}

/* A large file lies in large pieces, as deep as its tree of extents may be. */
static void test_pieces(void **state)
{
	struct disk *d = disk_mkfs("-t ext4 -b 4096", "48M");
	unsigned char *part = noise(1 << 20, 8);
	long fd;

	(void)state;
	assert_int_equal(mount_disk(d, false), 0);
	fd = sys_open("/tmp/big", O_CREAT | O_RDWR, 0600);
	for (unsigned i = 0; i < 24; i++) {
		assert_int_equal(sys_write((int)fd, part, 1 << 20), 1 << 20);
		assert_int_equal(sys_fsync((int)fd), 0);
	}
	sys_close((int)fd);
	unmount();
	disk_store(d);
	assert_int_equal(
		disk_run("PATH=$PATH:/sbin:/usr/sbin; n=$(debugfs -R "
			 "'dump_extents -l big' %s 2>/dev/null | wc -l); "
			 "[ $n -gt 1 ] && [ $n -lt 40 ]",
			 disk_file()),
		0);
	disk_run("rm %s", disk_file());
	disk_free(d);
	free(part);
}

static void test_full(void **state)
{
	struct disk *d = disk_mkfs("-t ext4 -b 1024 -J size=1", "4M");
	unsigned char *big = noise(1 << 20, 3);
	long fd, r = 0;
	size_t n = 0;

	(void)state;
	assert_int_equal(mount_disk(d, false), 0);
	fd = sys_open("/tmp/f", O_CREAT | O_RDWR, 0600);
	while ((r = sys_write((int)fd, big, 100000)) > 0)
		n += (size_t)r;
	assert_int_equal(r, -ENOSPC);
	assert_true(n > 1500000);
	assert_int_equal(sys_fsync((int)fd), 0);
	for (unsigned i = 0; i < 5000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/tmp/%u", i);
		r = sys_open(path, O_CREAT | O_WRONLY, 0600);
		if (r < 0)
			break;
		sys_close((int)r);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(sys_ftruncate((int)fd, 0), 0);
	sys_close((int)fd);
	assert_int_equal(sys_unlink("/tmp/0"), 0);
	put("/tmp/g", big, 1 << 20);
	unmount();
	assert_true(disk_clean(d));
	assert_int_equal(mount_disk(d, false), 0);
	has("/tmp/g", big, 1 << 20);
	unmount();
	disk_free(d);
	free(big);
}

static size_t live(void)
{
	struct heap_stat s;

	heap_stat(&s);
	return s.live;
}

/* 100,000 names in one directory, in what a guest of 32 MiB has to spare. */
static void test_crowd(void **state)
{
	struct disk *d = disk_mkfs("-t ext4 -N 1000", "32M");
	char path[64], first[32] = "/tmp/0";
	size_t before = live();
	struct stat st;

	(void)state;
	assert_int_equal(mount_disk(d, false), 0);
	sys_mkdir("/tmp/d", 0755);
	for (unsigned i = 0; i < 100000; i++) {
		if (i % 50000 == 0) { /* a file has 65,000 names at most */
			snprintf(first, sizeof(first), "/tmp/%u", i);
			put(first, first, i % 7);
		}
		snprintf(path, sizeof(path), "/tmp/d/name-%u", i);
		assert_int_equal(sys_link(first, path), 0);
	}
	assert_true(live() - before < 20u << 20);
	unmount();
	assert_true(disk_clean(d));
	assert_int_equal(live(), before);
	assert_int_equal(mount_disk(d, false), 0);
	assert_int_equal(entries("/tmp/d"), 100002);
	for (unsigned i = 0; i < 100000; i += 9) {
		snprintf(path, sizeof(path), "/tmp/d/name-%u", i);
		assert_int_equal(sys_stat(path, &st), 0);
		assert_int_equal(sys_unlink(path), 0);
		assert_int_equal(sys_stat(path, &st), -ENOENT);
	}
	assert_true(live() - before < 20u << 20);
	unmount();
	assert_true(disk_clean(d));
	disk_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_much_dirty),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_crowd),
	};

	unix_init("ext4");
	unix_clock_manual(START);
	return cmocka_run_group_tests_name("ext4, large", tests, NULL, NULL);
}
