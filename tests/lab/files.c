/* SPDX-License-Identifier: ISC */
/*
 * The guest of files.sh: trees on an ext4 disk at /data, written, listed, and
 * loaded until somebody pulls the plug.
 *
 *     write   make a tree       list   one line for each name
 *     load    write records and files without end; "ack N" once N is durable
 *     check   what such a load left: "have N", or what is wrong with it
 */
#include <dirent.h>
#include <errno.h>
#include <fata/fs.h>
#include <fata/manifest.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

FATA_NAME("files", "files on a disk, for a test");
FATA_BLOCK("data");
FATA_FS(ext4);
FATA_FS(tar);

static void die(const char *what)
{
	printf("files: %s: %s\n", what, strerror(errno));
	exit(1);
}

#define DO(call)                                                               \
	do {                                                                   \
		if ((call) < 0)                                                \
			die(#call);                                            \
	} while (0)

static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		p[i] = (unsigned char)(seed >> 16 | 1);
	}
}

static void put(const char *path, unsigned seed, size_t n)
{
	unsigned char *p = malloc(n + 1);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	if (fd < 0 || !p)
		die(path);
	fill(p, n, seed);
	for (size_t at = 0; at < n;) {
		ssize_t r = write(fd, p + at, n - at);

		DO(r);
		at += (size_t)r;
	}
	DO(close(fd));
	free(p);
}

/* --- a tree --------------------------------------------------------------- */

static void write_tree(void)
{
	struct timespec t[2] = {{1000000000, 5}, {1234567890, 987654321}};
	char path[128];
	int fd;

	DO(mkdir("/data/many", 0755));
	for (unsigned i = 0; i < 1500; i++) {
		snprintf(path, sizeof(path), "/data/many/file-%u", i);
		put(path, i, i % 50 ? i % 7 : i * 20);
	}
	for (unsigned i = 0; i < 1500; i += 5) {
		snprintf(path, sizeof(path), "/data/many/file-%u", i);
		DO(unlink(path));
	}
	put("/data/big", 1, 6 << 20);
	DO(truncate("/data/big", 5000001));
	DO(mkdir("/data/deep", 0750));
	strcpy(path, "/data/deep");
	for (unsigned i = 0; i < 12; i++) {
		strcat(path, "/d");
		DO(mkdir(path, 0711));
	}
	DO(link("/data/big", "/data/deep/big"));
	DO(symlink("../big", "/data/deep/link"));
	DO(rename("/data/deep/d/d", "/data/moved"));
	put("/data/times", 3, 100);
	DO(utimensat(AT_FDCWD, "/data/times", t, 0));
	DO(chmod("/data/times", 04751));
	DO(chown("/data/times", 70000, 80000));
	fd = open("/data/sparse", O_CREAT | O_RDWR, 0600);
	DO(fd);
	DO(pwrite(fd, "end", 3, 9000000));
	DO(fsync(fd));
	DO(close(fd));
}

static uint32_t crc_byte(uint32_t crc, unsigned char c)
{
	crc ^= (uint32_t)c << 24;
	for (unsigned i = 0; i < 8; i++)
		crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
	return crc;
}

/* As cksum(1) counts. */
static uint32_t crc_of(const char *path, size_t *size)
{
	static uint32_t table[256];
	static unsigned char buffer[65536];
	uint32_t crc = 0;
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		die(path);
	for (unsigned i = 0; !table[1] && i < 256; i++)
		table[255 - i] = crc_byte(0, (unsigned char)(255 - i));
	*size = 0;
	while ((n = fread(buffer, 1, sizeof(buffer), f)) > 0) {
		for (size_t i = 0; i < n; i++)
			crc = crc << 8 ^ table[crc >> 24 ^ buffer[i]];
		*size += n;
	}
	if (ferror(f))
		die(path);
	fclose(f);
	for (n = *size; n; n >>= 8)
		crc = crc << 8 ^ table[crc >> 24 ^ (n & 255)];
	return ~crc;
}

static void list(const char *path)
{
	const char *name = path + strlen("/data");
	struct stat s;
	size_t size;

	DO(lstat(path, &s));
	if (S_ISDIR(s.st_mode)) {
		DIR *d = opendir(path);
		struct dirent *e;

		printf("L %s d %o %u %u %lld\n", *name ? name : "/",
		       s.st_mode & 07777, s.st_uid, s.st_gid,
		       (long long)s.st_mtime);
		while (d && (e = readdir(d))) {
			char *below;

			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			if (asprintf(&below, "%s/%s", path, e->d_name) < 0)
				die("memory");
			list(below);
			free(below);
		}
		closedir(d);
	} else if (S_ISLNK(s.st_mode)) {
		char target[256] = "";

		DO(readlink(path, target, sizeof(target) - 1));
		printf("L %s l %s\n", name, target);
	} else {
		uint32_t crc = crc_of(path, &size);

		printf("L %s f %o %u %u %lld %u %zu %u\n", name,
		       s.st_mode & 07777, s.st_uid, s.st_gid,
		       (long long)s.st_mtime, (unsigned)s.st_nlink, size, crc);
	}
}

/* --- a load --------------------------------------------------------------- */

#define RECORD 200
#define KEPT   8

static void record(unsigned char *p, unsigned n)
{
	fill(p, RECORD, n);
	memcpy(p, &n, sizeof(n));
}

static size_t size_of(unsigned n)
{
	return n * 7919u % 30000 + 1;
}

/* A file that is there whole, or not at all. */
static void keep_file(unsigned n)
{
	char path[64];
	int fd;

	put("/data/d/new", n, size_of(n));
	fd = open("/data/d/new", O_RDONLY);
	DO(fd);
	DO(fsync(fd));
	close(fd);
	snprintf(path, sizeof(path), "/data/d/file-%u", n);
	DO(rename("/data/d/new", path));
	fd = open("/data/d", O_RDONLY);
	DO(fd);
	DO(fsync(fd));
	close(fd);
}

static void load(unsigned n)
{
	unsigned char p[RECORD];
	int log = open("/data/log", O_CREAT | O_WRONLY | O_APPEND, 0600);
	char path[64];

	DO(log);
	if (mkdir("/data/d", 0755) && errno != EEXIST)
		die("mkdir");
	if (n) /* the last record's file may not have come to be */
		keep_file(n - 1);
	for (;; n++) {
		record(p, n);
		if (write(log, p, RECORD) != RECORD)
			die("log");
		DO(fdatasync(log));
		keep_file(n);
		printf("ack %u\n", n + 1);
		fflush(stdout);
		if (n >= KEPT) {
			snprintf(path, sizeof(path), "/data/d/file-%u",
				 n - KEPT);
			if (unlink(path) && errno != ENOENT)
				die(path);
		}
	}
}

static bool is_file(unsigned n)
{
	static unsigned char want[30001], got[30001];
	char path[64];
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "/data/d/file-%u", n);
	f = fopen(path, "r");
	if (!f)
		return false;
	size = fread(got, 1, sizeof(got), f);
	fclose(f);
	fill(want, size_of(n), n);
	return size == size_of(n) && !memcmp(want, got, size);
}

/* How many records there are, each of them good, and the last files. */
static unsigned check(void)
{
	unsigned char want[RECORD], got[RECORD];
	FILE *f = fopen("/data/log", "r");
	unsigned n = 0;
	size_t r;

	if (!f)
		return 0;
	while ((r = fread(got, 1, RECORD, f)) == RECORD) {
		record(want, n);
		if (memcmp(want, got, RECORD)) {
			printf("bad record %u\n", n);
			exit(1);
		}
		n++;
	}
	fclose(f);
	if (r)
		printf("bad end of the log: %zu bytes\n", r);
	/* the newest may miss, and the oldest may be removed by now */
	for (unsigned i = n > KEPT ? n - KEPT : 0; i + 1 < n; i++) {
		if (!is_file(i)) {
			printf("bad file %u\n", i);
			exit(1);
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned n;

	if (!strcmp(what, "write")) {
		write_tree();
	} else if (!strcmp(what, "load") || !strcmp(what, "check")) {
		n = check();
		printf("have %u\n", n);
		fflush(stdout);
		if (!strcmp(what, "load"))
			load(n);
	}
	if (!strcmp(what, "write") || !strcmp(what, "list"))
		list("/data");
	printf("files: ok\n");
	return 0;
}
