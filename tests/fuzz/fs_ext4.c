/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing ext4: the input changes bytes of a good image's metadata; then it is
 * mounted, read and written. Errors are welcome; a crash, a memory error or a
 * loop without end is not.
 *
 * Files are opened without waiting: one may have become a pipe.
 *
 *     4 bytes a change: place (3 bytes; modulo the first 320 KiB), value
 */
#include "unit/disk.h"

#include "unit/fs_libc.h"
#include <assert.h>

#define REACH (320 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct disk *good;

static int mount_at(struct disk *d)
{
	struct fs_source from = {.name = "fuzz", .disk = &d->block};
	struct node *root;
	int err = fs_ext4.mount(&from, false, &root);

	if (!err)
		assert(!mounts_add("/tmp", root));
	return err;
}

static void write_file(const char *path, size_t n)
{
	static unsigned char bytes[20000];
	long fd =
		sys_open(path, O_CREAT | O_WRONLY | O_TRUNC | O_NONBLOCK, 0600);

	if (fd < 0)
		return;
	sys_write((int)fd, bytes, n);
	sys_fsync((int)fd);
	sys_close((int)fd);
}

static void read_file(const char *path)
{
	static unsigned char bytes[65536];
	long fd = sys_open(path, O_RDONLY | O_NONBLOCK, 0);
	struct stat s;

	sys_stat(path, &s);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < 4; i++)
		sys_read((int)fd, bytes, sizeof(bytes));
	sys_getdents64((int)fd, bytes, sizeof(bytes));
	sys_close((int)fd);
}

static void use(void)
{
	char text[128];

	read_file("/tmp");
	read_file("/tmp/a");
	read_file("/tmp/big");
	read_file("/tmp/d");
	read_file("/tmp/d/x");
	read_file("/tmp/lost+found");
	sys_readlink("/tmp/soft", text, sizeof(text));
	write_file("/tmp/new", 5000);
	write_file("/tmp/big", 20000);
	sys_mkdir("/tmp/d/e", 0755);
	sys_rename("/tmp/a", "/tmp/d/a");
	sys_unlink("/tmp/d/x");
	sys_truncate("/tmp/big", 1000);
	sys_unlink("/tmp/big");
	sys_rmdir("/tmp/d");
	sys_sync();
}

static void make_good(void)
{
	unix_init("fuzz");
	unix_clock_manual(START);
	log_set_level(NULL, LOG_LEVEL_QUIET);
	unlink(disk_file());
	assert(!disk_run("PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F -t ext4 "
			 "-b 1024 -J size=1 -N 64 -O ^metadata_csum,^64bit "
			 "%s 4M >/dev/null 2>&1",
			 disk_file()));
	good = disk_load();
	assert(!mount_at(good));
	write_file("/tmp/a", 100);
	for (unsigned i = 0; i < 12; i++) {
		write_file("/tmp/big", 20000);
		write_file("/tmp/filler", 1000 + i * 1000);
	}
	sys_mkdir("/tmp/d", 0755);
	write_file("/tmp/d/x", 10);
	sys_symlink("a", "/tmp/soft");
	/* the power fails now: the journal is a part of what is fuzzed */
	disk_start(good);
	good->noting = false;
	assert(!mounts_remove("/tmp"));
	memcpy(good->data, good->base, good->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct disk *d;

	if (!good)
		make_good();
	d = disk_new(good->data, good->size);
	for (; n >= 4; data += 4, n -= 4) {
		unsigned at =
			(data[0] | data[1] << 8 | (unsigned)data[2] << 16) %
			REACH;

		d->data[at + 1024] = data[3];
	}
	if (!mount_at(d)) {
		use();
		if (mounts_remove("/tmp") == -EBUSY)
			abort();
	}
	disk_free(d);
	return 0;
}
