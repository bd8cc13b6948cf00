/* SPDX-License-Identifier: ISC */
/*
 * ext4 with libc's calls, on disks that mke2fs has made and e2fsck judges.
 */
#include "unit/append.h"
#include "unit/fs_calls.h"

#include "fs/cache.h"

#include <sys/statfs.h>

static const char *const kinds[] = {
	"-t ext4 -b 4096",
	"-t ext4 -b 1024 -J size=1",
	"-t ext4 -b 2048 -O ^metadata_csum,^64bit",
	"-t ext3 -b 1024",
	"-t ext2 -b 4096",
	"-t ext4 -b 4096 -I 128",
};

/* Everything that there is to do with names, on each kind. */
static void everything(void)
{
	unsigned char *big = noise(3 << 20, 1);
	struct stat s;

	put("/tmp/a", "hello", 5);
	has("/tmp/a", "hello", 5);
	assert_int_equal(sys_mkdir("/tmp/d", 0755), 0);
	assert_int_equal(sys_mkdir("/tmp/d", 0755), -EEXIST);
	assert_int_equal(sys_mkdir("/tmp/d/e", 0700), 0);
	put("/tmp/d/big", big, 3 << 20);
	has("/tmp/d/big", big, 3 << 20);
	assert_int_equal(sys_link("/tmp/a", "/tmp/d/a2"), 0);
	assert_int_equal(sys_symlink("../a", "/tmp/d/link"), 0);
	has("/tmp/d/link", "hello", 5);
	assert_int_equal(sys_symlink("0123456789012345678901234567890123456789"
				     "0123456789012345678901234567890123456789",
				     "/tmp/d/long"),
			 0);
	assert_int_equal(sys_stat("/tmp/a", &s), 0);
	assert_int_equal(s.st_nlink, 2);
	assert_int_equal(sys_unlink("/tmp/a"), 0);
	has("/tmp/d/a2", "hello", 5);
	assert_int_equal(sys_rename("/tmp/d/a2", "/tmp/a"), 0);
	assert_int_equal(sys_rename("/tmp/d/e", "/tmp/e"), 0);
	assert_int_equal(sys_rename("/tmp/d", "/tmp/e/d"), 0);
	assert_int_equal(sys_rename("/tmp/e", "/tmp/e/d/e"), -EINVAL);
	has("/tmp/e/d/big", big, 3 << 20);
	assert_int_equal(sys_rmdir("/tmp/e"), -ENOTEMPTY);
	put("/tmp/b", "bb", 2);
	assert_int_equal(sys_rename("/tmp/b", "/tmp/a"), 0);
	has("/tmp/a", "bb", 2);
	assert_int_equal(sys_mknod("/tmp/fifo", S_IFIFO | 0600, 0), 0);
	assert_int_equal(sys_mknod("/tmp/dev", S_IFCHR | 0600, 0x103), 0);
	assert_int_equal(sys_chmod("/tmp/a", 04711), 0);
	assert_int_equal(sys_chown("/tmp/a", 100000, 7), 0);
	assert_int_equal(sys_truncate("/tmp/e/d/big", 1000001), 0);
	has("/tmp/e/d/big", big, 1000001);
	free(big);
}

static void check_everything(void)
{
	unsigned char *big = noise(3 << 20, 1);
	struct stat s;

	has("/tmp/a", "bb", 2);
	has("/tmp/e/d/big", big, 1000001);
	assert_int_equal(sys_stat("/tmp/a", &s), 0);
	assert_int_equal(s.st_mode, S_IFREG | 0711);
	assert_int_equal(s.st_uid, 100000);
	assert_int_equal(s.st_gid, 7);
	assert_int_equal(s.st_nlink, 1);
	assert_int_equal(sys_lstat("/tmp/e/d/long", &s), 0);
	assert_int_equal(s.st_size, 80);
	assert_int_equal(sys_lstat("/tmp/dev", &s), 0);
	assert_int_equal(s.st_rdev, 0x103);
	assert_int_equal(entries("/tmp/e/d"), 5); /* . .. big link long */
	assert_int_equal(sys_stat("/tmp/e", &s), 0);
	assert_int_equal(s.st_nlink, 3);
	free(big);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_OF(kinds); i++) {
		struct disk *d = disk_mkfs(kinds[i], "24M");

		printf("# %s\n", kinds[i]);
		assert_int_equal(mount_disk(d, false), 0);
		everything();
		unmount();
		assert_true(disk_clean(d));
		assert_int_equal(mount_disk(d, true), 0);
		check_everything();
		assert_int_equal(sys_open("/tmp/x", O_CREAT | O_RDWR, 0600),
				 -EROFS);
		assert_int_equal(sys_chmod("/tmp/a", 0600), -EROFS);
		unmount();
		disk_free(d);
	}
}

/* A program's usual life with a file; what is freed can be used again. */
static void test_space(void **state)
{
	struct disk *d = disk_mkfs("-t ext4 -b 1024 -J size=1", "8M");
	unsigned char *big = noise(1 << 20, 2);
	struct statfs before, s;

	(void)state;
	assert_int_equal(mount_disk(d, false), 0);
	assert_int_equal(sys_statfs("/tmp", &before), 0);
	for (unsigned i = 0; i < 30; i++) {
		put("/tmp/f", big, 1 << 20);
		if (i % 3 == 0)
			has("/tmp/f", big, 1 << 20);
		assert_int_equal(sys_unlink("/tmp/f"), 0);
	}
	sys_sync();
	assert_int_equal(sys_statfs("/tmp", &s), 0);
	assert_int_equal(s.f_bfree, before.f_bfree);
	assert_int_equal(s.f_ffree, before.f_ffree);
	unmount();
	assert_true(disk_clean(d));
	disk_free(d);
	free(big);
}

static void test_sparse(void **state)
{
	struct disk *d = disk_mkfs("-t ext4", "16M");
	struct stat s;
	char c = 'x';
	long fd;

	(void)state;
	assert_int_equal(mount_disk(d, false), 0);
	fd = sys_open("/tmp/f", O_CREAT | O_RDWR, 0600);
	assert_int_equal(sys_pwrite64((int)fd, &c, 1, 5000000000), 1);
	assert_int_equal(sys_pwrite64((int)fd, &c, 1, 1 << 20), 1);
	assert_int_equal(sys_lseek((int)fd, 0, 3), 1 << 20);
	assert_int_equal(sys_lseek((int)fd, 1 << 20, 4), (1 << 20) + 4096);
	assert_int_equal(sys_fstat((int)fd, &s), 0);
	assert_int_equal(s.st_size, 5000000001);
	assert_true(s.st_blocks > 0 && s.st_blocks < 64);
	assert_int_equal(sys_pread64((int)fd, &c, 1, 77), 1);
	assert_int_equal(c, 0);
	/* space that reads as zeroes until it is written */
	assert_int_equal(sys_fallocate((int)fd, 0, 2 << 20, 1 << 20), 0);
	assert_int_equal(sys_pread64((int)fd, &c, 1, (2 << 20) + 5), 1);
	assert_int_equal(c, 0);
	c = 'y';
	assert_int_equal(sys_pwrite64((int)fd, &c, 1, (2 << 20) + 5), 1);
	sys_close((int)fd);
	unmount();
	assert_true(disk_clean(d));
	assert_int_equal(mount_disk(d, true), 0);
	fd = sys_open("/tmp/f", O_RDONLY, 0);
	assert_int_equal(sys_pread64((int)fd, &c, 1, 5000000000), 1);
	assert_int_equal(c, 'x');
	assert_int_equal(sys_pread64((int)fd, &c, 1, (2 << 20) + 5), 1);
	assert_int_equal(c, 'y');
	sys_close((int)fd);
	unmount();
	disk_free(d);
}

/* Removed while it is open: usable until it is closed, then gone. */
static void test_orphans(void **state)
{
	struct disk *d = disk_mkfs("-t ext4 -b 1024 -J size=1", "8M"), *cut;
	unsigned char *big = noise(1 << 20, 4);
	long fd[3];

	(void)state;
	assert_int_equal(mount_disk(d, false), 0);
	disk_start(d);
	for (unsigned i = 0; i < 3; i++) {
		char path[] = {'/', 't', 'm', 'p', '/', (char)('a' + i), 0};

		put(path, big, 100000);
		fd[i] = sys_open(path, O_RDWR, 0);
		assert_int_equal(sys_unlink(path), 0);
	}
	sys_sync();
	assert_int_equal(sys_close((int)fd[1]), 0);
	sys_sync();
	cut = disk_cut(d, d->n_log, 1, false);
	assert_int_equal(sys_pread64((int)fd[0], big, 1, 5), 1);
	sys_close((int)fd[0]);
	sys_close((int)fd[2]);
	unmount();
	assert_true(disk_clean(d));
	assert_int_equal(mount_disk(cut, false), 0);
	unmount();
	assert_true(disk_clean(cut));
	disk_free(cut);
	disk_free(d);
	free(big);
}

/* debugfs sees what was written, and the other way round. */
static void test_debugfs(void **state)
{
	struct disk *d = disk_mkfs("-t ext4", "16M");
	unsigned char *big = noise(500000, 7);
	char file[80];
	int fd;

	(void)state;
	snprintf(file, sizeof(file), "%s.x", disk_file());
	fd = open(file, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	assert_int_equal(write(fd, big, 500000), 500000);
	close(fd);
	disk_store(d);
	assert_int_equal(disk_run("PATH=$PATH:/sbin:/usr/sbin debugfs -w -R "
				  "'write %s there' %s >/dev/null 2>&1",
				  file, disk_file()),
			 0);
	disk_free(d);
	d = disk_load();
	assert_int_equal(mount_disk(d, false), 0);
	has("/tmp/there", big, 500000);
	put("/tmp/back", big, 500000);
	unmount();
	disk_store(d);
	assert_int_equal(disk_run("PATH=$PATH:/sbin:/usr/sbin debugfs -R "
				  "'dump back %s.y' %s >/dev/null 2>&1 && "
				  "cmp %s %s.y",
				  file, disk_file(), file, file),
			 0);
	disk_run("rm -f %s %s.y %s", file, file, disk_file());
	disk_free(d);
	free(big);
}

/* A disk that fails: errors, and a file system that is read-only then. */
static void test_broken_disk(void **state)
{
	static const char text[100] = "text";

	(void)state;
	for (int n = 0; n < 40; n++) {
		struct disk *d = disk_mkfs("-t ext4 -b 1024 -J size=1", "6M");
		long fd, r;

		assert_int_equal(mount_disk(d, false), 0);
		d->fail_after = n;
		fd = sys_open("/tmp/f", O_CREAT | O_RDWR, 0600);
		r = fd;
		for (unsigned i = 0; i < 20 && r >= 0; i++) {
			r = sys_write((int)fd, text, 100);
			if (r >= 0)
				r = sys_fsync((int)fd);
		}
		assert_true(r < 0);
		if (fd >= 0)
			sys_close((int)fd);
		mounts_remove("/tmp");
		d->fail_after = -1;
		assert_int_equal(mount_disk(d, false), 0);
		unmount();
		assert_true(disk_clean(d));
		disk_free(d);
	}
}

/* What each of many tasks does with files of its own and with shared ones. */
static int busy(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, seed = me;
	unsigned char *data = noise(60000, me);
	size_t size = 0;
	char path[64];

	snprintf(path, sizeof(path), "/tmp/own-%u", me);
	for (unsigned i = 0; i < 120; i++) {
		char name[64];
		long fd;

		seed = seed * 1103515245 + 12345;
		snprintf(name, sizeof(name), "/tmp/d/%u", (seed >> 20) % 12);
		switch (seed >> 16 & 7) {
		case 0:
			put(path, data, size = (seed >> 8) % 60000);
			break;
		case 1:
			size = size / 2;
			fd = sys_truncate(path, (off_t)size);
			assert_true(!fd || (fd == -ENOENT && !size));
			break;
		case 2:
		case 3:
			if (size)
				has(path, data, size);
			break;
		case 4:
			fd = sys_open(name, O_CREAT | O_RDWR, 0600);
			assert_true(fd >= 0);
			sys_write((int)fd, data, 5000);
			if (seed & 1 << 20)
				sys_fsync((int)fd);
			sys_close((int)fd);
			break;
		case 5:
			sys_unlink(name);
			break;
		case 6:
			sys_rename(name, "/tmp/d/0");
			break;
		default:
			fd = sys_open("/tmp/all", O_CREAT | O_RDWR, 0600);
			assert_true(fd >= 0);
			sys_pwrite64((int)fd, data, 3000, seed >> 12);
			sys_ftruncate((int)fd, seed >> 13);
			sys_pread64((int)fd, name, 60, seed >> 14);
			sys_close((int)fd);
		}
	}
	if (size)
		has(path, data, size);
	free(data);
	return 0;
}

#define APPENDS 60

static int append(void *arg)
{
	assert_true(append_records("/tmp/log", (unsigned)(uintptr_t)arg,
				   APPENDS));
	return 0;
}

/* Many tasks, a slow disk, a cache that is much too small. */
static void test_tasks(void **state)
{
	struct task *t[12], *worker;

	(void)state;
	cache_set_limit(64 * 4096);
	for (unsigned k = 0; k < 4; k++) {
		struct disk *d = disk_mkfs(kinds[k], "16M");

		d->slow = true;
		d->seed = k;
		assert_int_equal(fata_task_spawn(&worker, NULL, disk_work, d),
				 0);
		assert_int_equal(mount_disk(d, false), 0);
		sys_mkdir("/tmp/d", 0755);
		for (uintptr_t i = 0; i < N_OF(t); i++)
			assert_int_equal(fata_task_spawn(&t[i], NULL,
							 i < 4 ? append : busy,
							 (void *)i),
					 0);
		for (unsigned i = 0; i < N_OF(t); i++)
			assert_int_equal(
				fata_task_join(t[i], NULL, FATA_FOREVER), 0);
		assert_true(append_whole("/tmp/log", 4, APPENDS));
		unmount();
		d->stop = true;
		event_signal(&d->work);
		fata_task_join(worker, NULL, FATA_FOREVER);
		assert_int_equal(cache_pages(), 0);
		assert_true(disk_clean(d));
		disk_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_space),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_debugfs),
		cmocka_unit_test(test_broken_disk),
		cmocka_unit_test(test_tasks),
	};

	unix_init("ext4");
	unix_clock_manual(START);
	return cmocka_run_group_tests_name("ext4", tests, NULL, NULL);
}
