/* SPDX-License-Identifier: ISC */
/*
 * A folder of dom0 in a guest, for p9.sh: what it is told to do it does with
 * libc's ordinary calls, and says on the console what it saw.
 *
 *     all       the whole of it; stands still at places until dom0 has made
 *               the file /mnt/go-NAME
 *     hold      keeps files open across what dom0 does to the connection
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <fata/fata.h>
#include <fata/fs.h>

FATA_FOLDER("share");
FATA_FS(p9);

#define MIB   1048576
#define LINES 60

static unsigned char data[4 * MIB];

#define MUST(cond)                                                             \
	do {                                                                   \
		if (!(cond))                                                   \
			fail(#cond, __LINE__);                                 \
	} while (0)

static void fail(const char *what, int line)
{
	printf("p9: FAIL line %d: %s: %s\n", line, what, strerror(errno));
	exit(1);
}

/* What cksum(1) says. */
static uint32_t crc(const unsigned char *p, size_t n)
{
	uint32_t c = 0;
	size_t length = n;

	while (n || length) {
		unsigned char byte = n ? *p++ : length & 0xff;

		if (n)
			n--;
		else
			length >>= 8;
		c ^= (uint32_t)byte << 24;
		for (int i = 0; i < 8; i++)
			c = c & 0x80000000u ? c << 1 ^ 0x04c11db7 : c << 1;
	}
	return ~c;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Say the word, and wait for dom0's file of that name. */
static void stop_for(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/mnt/go-%s", name);
	printf("at %s\n", name);
	while (access(path, F_OK))
		usleep(100000);
}

static void contents(void)
{
	ssize_t n;
	int fd = open("/mnt/from-dom0", O_RDONLY);

	MUST(fd >= 0);
	n = read(fd, data, sizeof(data));
	MUST(n > 0);
	MUST(read(fd, data, 1) == 0);
	printf("read %zd %u\n", n, crc(data, (size_t)n));
	close(fd);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	fd = open("/mnt/to-dom0", O_CREAT | O_EXCL | O_WRONLY, 0640);
	MUST(fd >= 0);
	MUST(write(fd, data, 3 * MIB + 17) == 3 * MIB + 17);
	MUST(fsync(fd) == 0);
	close(fd);
	printf("wrote %d %u\n", 3 * MIB + 17, crc(data, 3 * MIB + 17));
}

static int count(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	MUST(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void names(void)
{
	char a[64], b[64];

	MUST(count("/mnt/many") == 900);
	for (int i = 900; i < 1000; i++) {
		snprintf(a, sizeof(a), "/mnt/many/a-name-of-some-length-%d", i);
		close(creat(a, 0644));
	}
	MUST(count("/mnt/many") == 1000);
	for (int i = 0; i < 20; i++) {
		snprintf(a, sizeof(a), "/mnt/many/a-name-of-some-length-%d", i);
		snprintf(b, sizeof(b), "/mnt/many/new-%d", i % 10);
		MUST(rename(a, b) == 0);
	}
	MUST(count("/mnt/many") == 990);
	MUST(unlink("/mnt/many/new-7") == 0);
	MUST(rmdir("/mnt/many") == -1 && errno == ENOTEMPTY);
	printf("names %d\n", count("/mnt/many"));
}

static void kinds(void)
{
	struct timespec t[2] = {{1000000000, 0}, {1234567890, 0}};
	struct statvfs v;
	struct stat s;
	char text[32];
	FILE *f = fopen("/mnt/file", "w");

	MUST(f && fprintf(f, "line %d\n", 1) > 0 && fclose(f) == 0);
	f = fopen("/mnt/file", "a");
	MUST(f && fprintf(f, "line %d\n", 2) > 0 && fclose(f) == 0);
	MUST(symlink("file", "/mnt/soft") == 0);
	MUST(readlink("/mnt/soft", text, sizeof(text)) == 4);
	MUST(link("/mnt/file", "/mnt/hard") == 0);
	MUST(truncate("/mnt/file", 10) == 0);
	MUST(stat("/mnt/soft", &s) == 0 && s.st_size == 10 && s.st_nlink == 2);
	MUST(chmod("/mnt/file", 0604) == 0 && chown("/mnt/file", 3, 4) == 0);
	MUST(utimensat(AT_FDCWD, "/mnt/file", t, 0) == 0);
	MUST(statvfs("/mnt", &v) == 0 && v.f_blocks > 0);
	MUST(stat("/mnt/none", &s) == -1 && errno == ENOENT);
}

/* dom0 writes while the guest has the file open. */
static void shared(void)
{
	char text[64];
	struct stat s;
	int fd = open("/mnt/shared", O_CREAT | O_RDWR, 0644);

	MUST(fd >= 0 && write(fd, "guest\n", 6) == 6);
	stop_for("append"); /* echo dom0 >>shared */
	MUST(fstat(fd, &s) == 0 && s.st_size == 11);
	MUST(pread(fd, text, sizeof(text), 0) == 11);
	MUST(memcmp(text, "guest\ndom0\n", 11) == 0);
	stop_for("remove"); /* rm shared; echo new >shared */
	MUST(pread(fd, text, sizeof(text), 0) == 11);
	MUST(ftruncate(fd, 0) == -1 && errno == ESTALE); /* not the new one */
	MUST(close(fd) == 0);
	fd = open("/mnt/shared", O_RDONLY);
	MUST(read(fd, text, sizeof(text)) == 4 && !memcmp(text, "new\n", 4));
	close(fd);
}

static void *append(void *who)
{
	char line[64];
	int fd = open("/mnt/log", O_CREAT | O_WRONLY | O_APPEND, 0644);

	MUST(fd >= 0);
	for (unsigned i = 0; i < LINES; i++) {
		int n = snprintf(line, sizeof(line), "%s %u\n",
				 (const char *)who, i);

		MUST(write(fd, line, (size_t)n) == n);
	}
	close(fd);
	return NULL;
}

/* Two threads, one file: p9.sh looks whether all lines are there. */
static void appends(void)
{
	pthread_t one, two;

	MUST(!pthread_create(&one, NULL, append, "one"));
	MUST(!pthread_create(&two, NULL, append, "two"));
	MUST(!pthread_join(one, NULL) && !pthread_join(two, NULL));
}

/* Held across a save and a restore, then until the backend is dead. */
static void hold(void)
{
	char text[8];
	double begin;
	int fd = open("/mnt/held", O_CREAT | O_RDWR, 0644), tries = 0;

	MUST(fd >= 0 && write(fd, "before", 6) == 6);
	MUST(mkdir("/mnt/in", 0755) == 0 && chdir("/mnt/in") == 0);
	stop_for("restored");
	MUST(pread(fd, text, 6, 0) == 6 && !memcmp(text, "before", 6));
	MUST(pwrite(fd, "after!", 6, 0) == 6);
	MUST(close(creat("here", 0644)) == 0);
	printf("at killed\n");
	begin = now();
	while (pread(fd, text, 6, 0) == 6 && tries++ < 600)
		usleep(100000);
	printf("error %d\n", errno);
	MUST(tries < 600 && errno == EIO);
	/* what waits, waits no longer than that each time */
	begin = now();
	MUST(access("/mnt/in", F_OK) == -1 && now() - begin < 60);
	printf("the guest lives\n");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "all")) {
		contents();
		names();
		kinds();
		shared();
		appends();
	} else {
		hold();
	}
	printf("p9: ok\n");
	return 0;
}
