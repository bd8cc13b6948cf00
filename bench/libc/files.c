/* SPDX-License-Identifier: ISC */
/* Files in RAM, pipes, and waiting for many of them. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define MANY 500

static char block[65536];
static int file, ends[2], many[MANY], set, small_set;

static void read_one(unsigned n)
{
	while (n--)
		bench_check(pread(file, block, 1, 5) == 1, "pread");
}

static void read_page(unsigned n)
{
	while (n--)
		bench_check(pread(file, block, 4096, 4096) == 4096, "pread");
}

static void write_page(unsigned n)
{
	while (n--)
		bench_check(pwrite(file, block, 4096, 4096) == 4096, "pwrite");
}

static void read_large(unsigned n)
{
	while (n--)
		bench_check(pread(file, block, 65536, 0) == 65536, "pread");
}

/* Bytes are new pages of the file each time; per 4 KiB. */
static void append(unsigned n)
{
	int fd = open("/tmp/append", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (unsigned i = 0; i < n; i++)
		bench_check(write(fd, block, 4096) == 4096, "write");
	close(fd);
	unlink("/tmp/append");
}

static void open_close(unsigned n)
{
	while (n--)
		close(open("/tmp/file", O_RDONLY));
}

static void make_remove(unsigned n)
{
	while (n--) {
		close(open("/tmp/new", O_RDWR | O_CREAT | O_EXCL, 0600));
		bench_check(!unlink("/tmp/new"), "unlink");
	}
}

static void status(unsigned n)
{
	struct stat s;

	while (n--)
		bench_check(!stat("/tmp/file", &s), "stat");
}

static void seek(unsigned n)
{
	while (n--)
		lseek(file, n, SEEK_SET);
}

/* Buffered, a line at a time. */
static void lines(unsigned n)
{
	FILE *f = fopen("/tmp/lines", "w+");
	char text[100];

	for (unsigned i = 0; i < n; i++)
		fprintf(f, "line %u of %u\n", i, n);
	rewind(f);
	while (fgets(text, sizeof(text), f))
		;
	fclose(f);
	unlink("/tmp/lines");
}

static void pipe_there(unsigned n)
{
	while (n--)
		bench_check(write(ends[1], block, 100) == 100 &&
				    read(ends[0], block, 100) == 100,
			    "pipe");
}

static void signal_event(unsigned n)
{
	uint64_t v = 1;

	while (n--)
		bench_check(write(many[0], &v, 8) == 8 &&
				    read(many[0], &v, 8) == 8,
			    "eventfd");
}

static void poll_ten(unsigned n)
{
	struct pollfd p[10];

	for (int i = 0; i < 10; i++)
		p[i] = (struct pollfd){many[i], POLLIN, 0};
	p[9].events = POLLOUT;
	while (n--)
		bench_check(poll(p, 10, -1) == 1, "poll");
}

/* One of the set becomes ready, is reported, and is emptied. */
static void epoll_one(int from, unsigned n)
{
	struct epoll_event out[8];
	uint64_t v = 1;

	while (n--) {
		int fd = many[n % 7];

		bench_check(write(fd, &v, 8) == 8, "write");
		bench_check(epoll_wait(from, out, 8, -1) == 1, "epoll");
		bench_check(out[0].data.fd == fd, "which");
		bench_check(read(fd, &v, 8) == 8, "read");
	}
}

static void epoll_few(unsigned n)
{
	epoll_one(small_set, n);
}

static void epoll_many(unsigned n)
{
	epoll_one(set, n);
}

static void watch(int in, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	bench_check(!epoll_ctl(in, EPOLL_CTL_ADD, fd, &e), "epoll_ctl");
}

void bench_files(void)
{
	file = open("/tmp/file", O_RDWR | O_CREAT, 0600);
	bench_check(write(file, block, 65536) == 65536 && !pipe(ends), "files");
	set = epoll_create1(0);
	small_set = epoll_create1(0);
	for (int i = 0; i < MANY; i++) {
		many[i] = eventfd(0, EFD_NONBLOCK);
		watch(set, many[i]);
		if (i < 10)
			watch(small_set, many[i]);
	}
	bench("read 1 byte of a file", read_one, 5000);
	bench("read 4 KiB of a file", read_page, 5000);
	bench("read 64 KiB of a file", read_large, 1000);
	bench("write 4 KiB over a file's", write_page, 5000);
	bench("append 4 KiB to a file, and remove", append, 1000);
	bench("lseek", seek, 5000);
	bench("stat", status, 3000);
	bench("open and close", open_close, 3000);
	bench("create and unlink", make_remove, 2000);
	bench("a line by stdio, out and in", lines, 10000);
	bench("100 bytes through a pipe", pipe_there, 5000);
	bench("eventfd, write and read", signal_event, 5000);
	bench("poll, 1 of 10 ready", poll_ten, 3000);
	bench("epoll, 1 of 10 made ready", epoll_few, 3000);
	bench("epoll, 1 of 500 made ready", epoll_many, 1000);
}
