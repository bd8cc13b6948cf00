/* SPDX-License-Identifier: ISC */
/*
 * A folder of dom0, the same program for Fata and for Linux, on /mnt; on Linux
 * as it is mounted by default (cache=none): nothing is kept there either, each
 * call asks the server. Each line is
 *
 *     row NAME UNIT VALUE CALLS BEGIN END     wall clock, ns
 *
 * more is better; ROUNDS of each, in turn.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __FATA__
#include <fata/fs.h>
#include <fata/manifest.h>

FATA_NAME("bench-p9", "measures a folder of dom0");
FATA_FOLDER("share");
FATA_FS(p9);
#endif

#define ROUNDS 3
#define FILES  100
#define CALLS  200
#define BIG    (8 << 20)
#define CHUNK  (128 << 10)

static unsigned char memory[CHUNK];

static void die(const char *what)
{
	printf("FAIL: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t began;

static void begin(void)
{
	began = now(CLOCK_MONOTONIC);
}

/* So many calls; and so much of the unit. */
static void row(const char *name, const char *unit, unsigned calls, double n)
{
	uint64_t ns = now(CLOCK_MONOTONIC) - began;
	uint64_t end = now(CLOCK_REALTIME);

	printf("row %s %s %.1f %u %llu %llu\n", name, unit,
	       n * 1e9 / (double)ns, calls, (unsigned long long)(end - ns),
	       (unsigned long long)end);
	fflush(stdout);
	begin();
}

static void each(const char *name, unsigned n)
{
	row(name, "1/s", n, n);
}

static off_t place(size_t size)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (off_t)(x % (BIG / size) * size);
}

static void big_file(void)
{
	int fd = open("/mnt/big", O_CREAT | O_RDWR | O_TRUNC, 0644);
	unsigned chunks = BIG / CHUNK;

	if (fd < 0)
		die("big");
	begin();
	for (unsigned i = 0; i < chunks; i++)
		if (write(fd, memory, CHUNK) != CHUNK)
			die("write");
	row("seq-write", "MiB/s", chunks, BIG >> 20);
	for (unsigned i = 0; i < chunks; i++)
		if (pread(fd, memory, CHUNK, (off_t)i * CHUNK) != CHUNK)
			die("read");
	row("seq-read", "MiB/s", chunks, BIG >> 20);
	close(fd);
}

static void random_places(void)
{
	int fd = open("/mnt/big", O_RDWR);
	struct stat s;

	begin();
	for (unsigned i = 0; i < CALLS; i++)
		if (pread(fd, memory, 512, place(512)) != 512)
			die("pread");
	each("read-512", CALLS);
	for (unsigned i = 0; i < CALLS; i++)
		if (pread(fd, memory, 4096, place(4096)) != 4096)
			die("pread");
	each("read-4K", CALLS);
	for (unsigned i = 0; i < CALLS; i++)
		if (pwrite(fd, memory, 4096, place(4096)) != 4096)
			die("pwrite");
	each("write-4K", CALLS);
	for (unsigned i = 0; i < CALLS; i++)
		if (fstat(fd, &s))
			die("fstat");
	each("fstat", CALLS);
	close(fd);
}

static void open_all(const char *name, int flags)
{
	char path[64];

	begin();
	for (unsigned i = 0; i < FILES; i++) {
		int fd;

		sprintf(path, "/mnt/d/file-%u", i);
		fd = open(path, flags, 0644);
		if (fd < 0)
			die(path);
		if (flags == O_RDONLY && read(fd, memory, 4096) != 1000)
			die("read");
		if (flags != O_RDONLY && write(fd, memory, 1000) != 1000)
			die("write");
		close(fd);
	}
	each(name, FILES);
}

static void list(void)
{
	DIR *d = opendir("/mnt/d");
	unsigned n = 0;

	if (!d)
		die("opendir");
	while (readdir(d))
		n++;
	closedir(d);
	if (n != FILES + 2)
		die("readdir");
}

static void names(void)
{
	char path[64];
	struct stat s;

	if (mkdir("/mnt/d", 0755))
		die("mkdir");
	open_all("create-write-close", O_CREAT | O_EXCL | O_WRONLY);
	open_all("open-read-close", O_RDONLY);
	for (unsigned i = 0; i < FILES; i++) {
		sprintf(path, "/mnt/d/file-%u", i);
		if (stat(path, &s))
			die(path);
	}
	each("stat", FILES);
	for (unsigned i = 0; i < 10; i++)
		list();
	row("readdir", "names/s", 10, 10 * FILES);
	for (unsigned i = 0; i < FILES; i++) {
		sprintf(path, "/mnt/d/file-%u", i);
		if (unlink(path))
			die(path);
	}
	each("unlink", FILES);
	if (rmdir("/mnt/d"))
		die("rmdir");
}

int main(void)
{
	for (size_t i = 0; i < CHUNK; i++)
		memory[i] = (unsigned char)(i * 31);
	big_file(); /* the server has its memory */
	for (unsigned i = 0; i < ROUNDS; i++) {
		big_file();
		random_places();
		names();
	}
	printf("bench: done\n");
	return 0;
}
