/* SPDX-License-Identifier: ISC */
/*
 * The same requests as fata.c by Linux: O_DIRECT and its asynchronous I/O, for
 * one at a time pread and pwrite, which are quicker.
 *
 *     linux DISK MS      a row for each
 *     linux jobs MS      what fio is to do for the same (io_uring), on stdout
 *     linux stamp        the wall clock, ns: fio runs it around each job
 */
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int disk;
static uint64_t disk_size;
static unsigned char *memory;
static aio_context_t context;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void die(const char *what)
{
	printf("FAIL: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t one_by_one(const struct plan *p, uint64_t until)
{
	uint64_t n = 0;

	do {
		off_t at = (off_t)place(p, n++, disk_size);
		ssize_t got = p->write ? pwrite(disk, memory, p->size, at)
				       : pread(disk, memory, p->size, at);

		if (got != (ssize_t)p->size)
			die(p->name);
	} while (now() < until);
	return n;
}

static void start(const struct plan *p, struct iocb *c, unsigned i, uint64_t n)
{
	memset(c, 0, sizeof(*c));
	c->aio_data = i;
	c->aio_lio_opcode = p->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
	c->aio_fildes = (uint32_t)disk;
	c->aio_buf = (uintptr_t)memory + (uint64_t)i * p->size;
	c->aio_nbytes = p->size;
	c->aio_offset = (int64_t)place(p, n, disk_size);
}

static uint64_t many(const struct plan *p, uint64_t until)
{
	static struct iocb cb[DEPTH_MAX];
	struct iocb *list[DEPTH_MAX];
	struct io_event e[DEPTH_MAX];
	uint64_t n = 0, ended = 0;
	long todo = p->depth, got;

	for (unsigned i = 0; i < p->depth; i++) {
		start(p, &cb[i], i, n++);
		list[i] = &cb[i];
	}
	while (todo || ended < n) {
		if (todo && syscall(SYS_io_submit, context, todo, list) != todo)
			die("io_submit");
		got = syscall(SYS_io_getevents, context, 1, DEPTH_MAX, e, NULL);
		if (got < 1)
			die("io_getevents");
		ended += (uint64_t)got;
		todo = 0;
		for (long i = 0; i < got; i++) {
			if (e[i].res != p->size)
				die(p->name);
			if (now() >= until)
				continue;
			list[todo] = &cb[e[i].data];
			start(p, list[todo++], (unsigned)e[i].data, n++);
		}
	}
	return ended;
}

static void run(const struct plan *p, uint64_t ms, int quiet)
{
	uint64_t begin = now(), until = begin + ms * 1000000, n;

	n = p->depth == 1 ? one_by_one(p, until) : many(p, until);
	if (!quiet)
		report(p, "", n, now() - begin, clock_ns(CLOCK_REALTIME));
}

/* Buffers and file registered, requests handed in and taken together. */
static void print_jobs(unsigned ms)
{
	printf("[global]\nfilename=/dev/xvda\ndirect=1\nthread=1\nstonewall\n"
	       "time_based\nruntime=%ums\nnorandommap\ngtod_reduce=1\n"
	       "disk_util=0\nrandom_generator=tausworthe\n"
	       "exec_prerun=./linux stamp\nexec_postrun=./linux stamp\n",
	       ms);
	for (unsigned i = 0; i < PLANS; i++) {
		const struct plan *p = &plans[i];

		printf("[%s]\nbs=%u\nrw=%s%s\n", p->name, p->size,
		       p->random ? "rand" : "", p->write ? "write" : "read");
		if (p->depth == 1)
			printf("ioengine=psync\n");
		else
			printf("ioengine=io_uring\nfixedbufs=1\n"
			       "registerfiles=1\niodepth=%u\n"
			       "iodepth_batch_submit=%u\n"
			       "iodepth_batch_complete_min=1\n"
			       "iodepth_batch_complete_max=%u\n",
			       p->depth, p->depth, p->depth);
	}
}

int main(int argc, char **argv)
{
	uint64_t ms = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
	size_t room = 4 * SIZE_MAX_;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "jobs")) {
		print_jobs((unsigned)ms);
		return 0;
	}
	if (!strcmp(argv[1], "stamp")) {
		printf("%llu\n", (unsigned long long)clock_ns(CLOCK_REALTIME));
		return 0;
	}
	disk = open(argv[1], O_RDWR | O_DIRECT);
	if (disk < 0)
		die(argv[1]);
	disk_size = (uint64_t)lseek(disk, 0, SEEK_END);
	memory = mmap(NULL, room, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || syscall(SYS_io_setup, DEPTH_MAX, &context))
		die("memory");
	memset(memory, 1, room);
	for (unsigned i = 0; i < PLANS; i++) {
		run(&plans[i], 10, 1);
		run(&plans[i], ms, 0);
	}
	return 0;
}
