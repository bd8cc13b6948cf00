/* SPDX-License-Identifier: ISC */
/*
 * Files on ext4, the same program for Fata and for Linux. Each line is
 * "row NAME UNIT VALUE", more is better.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __FATA__
#include <fata/fs.h>
#include <fata/manifest.h>

FATA_NAME("files", "measures files");
FATA_BLOCK("data");
FATA_FS(ext4);

static int mount_data(void)
{
	return fs_mount("data:/data:ext4");
}

static int unmount_data(void)
{
	return fs_unmount("/data");
}
#else
static int mount_data(void)
{
	mkdir("/data", 0755);
	return mount("/dev/xvda", "/data", "ext4", 0, NULL);
}

static int unmount_data(void)
{
	return umount("/data");
}
#endif

#define FILES 1000
#define BIG   (24 << 20)
#define CHUNK (128 << 10)

static unsigned char memory[CHUNK];

static void die(const char *what)
{
	printf("FAIL: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double began;

static void row(const char *name, const char *unit, double n)
{
	printf("row %s %s %.1f\n", name, unit, n / (now() - began));
	began = now();
}

static void remount(void)
{
	if (unmount_data() || mount_data())
		die("mount");
	began = now();
}

static void name_of(char *path, unsigned i)
{
	sprintf(path, "/data/d/file-%u", i);
}

static void each_file(int flags, size_t size)
{
	char path[64];

	for (unsigned i = 0; i < FILES; i++) {
		int fd;

		name_of(path, i);
		fd = open(path, flags, 0644);
		if (fd < 0)
			die(path);
		if (size && (flags == O_RDONLY ? read(fd, memory, size)
					       : write(fd, memory, size)) < 0)
			die(path);
		close(fd);
	}
}

static void small_files(void)
{
	char path[64];
	struct stat s;

	mkdir("/data/d", 0755);
	began = now();
	each_file(O_CREAT | O_EXCL | O_WRONLY, 0);
	row("create", "files/s", FILES);
	each_file(O_WRONLY, 4096);
	sync();
	row("write-4k-files", "files/s", FILES);
	remount();
	for (unsigned i = 0; i < FILES; i++) {
		name_of(path, i);
		if (stat(path, &s))
			die(path);
	}
	row("stat-cold", "files/s", FILES);
	each_file(O_RDONLY, 4096);
	row("read-4k-files-cold", "files/s", FILES);
	each_file(O_RDONLY, 4096);
	row("read-4k-files", "files/s", FILES);
	for (unsigned i = 0; i < FILES; i++) {
		name_of(path, i);
		if (unlink(path))
			die(path);
	}
	sync();
	row("unlink", "files/s", FILES);
}

static void read_all(int fd)
{
	if (lseek(fd, 0, SEEK_SET))
		die("lseek");
	for (size_t at = 0; at < BIG; at += CHUNK)
		if (read(fd, memory, CHUNK) != CHUNK)
			die("read");
}

static void big_file(void)
{
	int fd = open("/data/big", O_CREAT | O_RDWR, 0644);

	began = now();
	for (size_t at = 0; at < BIG; at += CHUNK)
		if (write(fd, memory, CHUNK) != CHUNK)
			die("write");
	row("write-to-cache", "MB/s", BIG / 1e6);
	if (fsync(fd))
		die("fsync");
	row("write-back", "MB/s", BIG / 1e6);
	close(fd);
	remount();
	fd = open("/data/big", O_RDWR);
	read_all(fd);
	row("read-cold", "MB/s", BIG / 1e6);
	read_all(fd);
	row("read", "MB/s", BIG / 1e6);
	for (unsigned i = 0; i < 300; i++) {
		if (pwrite(fd, memory, 4096, (off_t)(i * 7919 % 5000) * 4096) !=
			    4096 ||
		    fdatasync(fd))
			die("fdatasync");
	}
	row("overwrite-fdatasync", "1/s", 300);
	close(fd);
	fd = open("/data/log", O_CREAT | O_WRONLY | O_APPEND, 0644);
	began = now();
	for (unsigned i = 0; i < 300; i++)
		if (write(fd, memory, 1000) != 1000 || fsync(fd))
			die("fsync");
	row("append-fsync", "1/s", 300);
	close(fd);
}

int main(void)
{
	for (size_t i = 0; i < CHUNK; i++)
		memory[i] = (unsigned char)(i * 31);
	if (mount_data())
		die("mount");
	small_files();
	big_file();
	if (unmount_data())
		die("unmount");
	printf("bench: done\n");
	return 0;
}
