/* SPDX-License-Identifier: ISC */
/*
 * A disk in memory that notes each write and flush, so that a test can ask what
 * would be on it had the power failed at some point:
 *
 *     writes   w0 w1 F w2 w3 w4 | F w5
 *                               ^ cut at 5: w0 w1 for sure; of w2 w3 w4 any
 */
#ifndef FATA_TESTS_UNIT_DISK_H
#define FATA_TESTS_UNIT_DISK_H

#include "core/block.h"
#include "fs/mount.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* mount.c's; these tests bring their disks. */
__attribute__((weak)) int block_open(const char *name, struct block **b,
				     uint64_t deadline)
{
	(void)name;
	(void)b;
	(void)deadline;
	return -ENOENT;
}

struct disk_write {
	uint64_t at;
	size_t size; /* 0: a flush */
	unsigned char *data;
};

struct disk {
	struct block block;
	unsigned char *data, *base;
	size_t size;
	struct disk_write *log;
	unsigned n_log, room;
	bool noting;
	int fail_after; /* writes; then all fail with -EIO. -1: never */
	/* else a request ends before block_submit returns */
	bool slow, stop;
	struct block_request *waiting[256];
	unsigned n_waiting, seed;
	struct event work;
};

static inline void disk_note(struct disk *d, uint64_t at, size_t size)
{
	struct disk_write *w;

	if (!d->noting)
		return;
	if (d->n_log == d->room) {
		d->room = d->room ? d->room * 2 : 256;
		d->log = realloc(d->log, d->room * sizeof(*d->log));
	}
	w = &d->log[d->n_log++];
	*w = (struct disk_write){at, size, size ? malloc(size) : NULL};
	if (size)
		memcpy(w->data, d->data + at, size);
}

static inline void disk_do(struct disk *d, struct block_request *r)
{
	unsigned vec = 0;
	size_t byte = 0;
	int status = 0;

	if (r->op == BLOCK_WRITE && d->fail_after >= 0 && !d->fail_after--) {
		d->fail_after = 0;
		status = -EIO;
	} else if (r->op == BLOCK_READ || r->op == BLOCK_WRITE) {
		block_copy(r, &vec, &byte, d->data + r->offset, r->size,
			   r->op == BLOCK_READ);
	}
	if (r->op == BLOCK_WRITE && !status)
		disk_note(d, r->offset, r->size);
	else if (r->op == BLOCK_FLUSH)
		disk_note(d, 0, 0);
	block_end(r, status);
}

static inline int disk_submit(struct block *b, struct block_request *r)
{
	struct disk *d = (struct disk *)b;

	if (!d->slow || d->n_waiting == N_OF(d->waiting)) {
		disk_do(d, r);
		return 0;
	}
	d->waiting[d->n_waiting++] = r;
	event_signal(&d->work);
	return 0;
}

/* A task: ends requests in any order, some turns of the loop later. */
static inline int disk_work(void *arg)
{
	struct disk *d = arg;
	uint64_t seen = 0;

	while (!d->stop) {
		struct block_request *r;
		unsigned i;

		if (!d->n_waiting) {
			event_wait(&d->work, &seen, FATA_FOREVER);
			continue;
		}
		d->seed = d->seed * 1103515245 + 12345;
		for (i = d->seed >> 16 & 3; i; i--)
			fata_yield();
		i = (d->seed >> 18) % d->n_waiting;
		r = d->waiting[i];
		d->waiting[i] = d->waiting[--d->n_waiting];
		disk_do(d, r);
	}
	return 0;
}

static inline void disk_cancel(struct block *b, struct block_request *r)
{
	(void)b;
	(void)r;
}

static const struct block_ops disk_ops = {
	.submit = disk_submit,
	.cancel = disk_cancel,
};

static inline struct disk *disk_new(const void *data, size_t size)
{
	struct disk *d = calloc(1, sizeof(*d));

	d->data = malloc(size);
	memcpy(d->data, data, size);
	d->size = size;
	d->fail_after = -1;
	d->block.ops = &disk_ops;
	d->block.info = (struct block_info){
		.size = size, .sector = 512, .up = true, .flush = true};
	return d;
}

/* Note what is written from now on. */
static inline void disk_start(struct disk *d)
{
	d->base = malloc(d->size);
	memcpy(d->base, d->data, d->size);
	d->noting = true;
}

static inline void disk_free(struct disk *d)
{
	for (unsigned i = 0; i < d->n_log; i++)
		free(d->log[i].data);
	free(d->log);
	free(d->base);
	free(d->data);
	free(d);
}

/*
 * The disk, the power having failed before write n; `seed` chooses. `whole`:
 * ext4's superblock is not torn, which e2fsck does not take.
 */
static inline struct disk *disk_cut(const struct disk *d, unsigned n,
				    unsigned seed, bool whole)
{
	struct disk *c = disk_new(d->base, d->size);
	unsigned sure = 0;

	for (unsigned i = 0; i < n; i++)
		if (!d->log[i].size)
			sure = i;
	for (unsigned i = 0; i < n; i++) {
		const struct disk_write *w = &d->log[i];

		/* sectors that no flush followed may be there, or not */
		for (size_t at = 0; at < w->size; at += 512) {
			if (!whole || w->at + at != 1536)
				seed = seed * 1103515245 + 12345;
			if (i < sure || seed >> 16 & 1)
				memcpy(c->data + w->at + at, w->data + at,
				       w->size - at < 512 ? w->size - at : 512);
		}
	}
	return c;
}

/* --- with e2fsprogs ------------------------------------------------------- */

static inline const char *disk_file(void)
{
	static char name[64];

	if (!*name)
		snprintf(name, sizeof(name), "%s/fata-disk.%d",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm",
			 (int)getpid());
	return name;
}

static inline int disk_run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static inline struct disk *disk_load(void)
{
	int fd = open(disk_file(), O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	void *data = malloc((size_t)size);
	struct disk *d;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, data, (size_t)size, 0), size);
	close(fd);
	d = disk_new(data, (size_t)size);
	free(data);
	unlink(disk_file());
	return d;
}

/* A disk that mke2fs makes with these words. */
static inline struct disk *disk_mkfs(const char *words, const char *size)
{
	unlink(disk_file());
	assert_int_equal(disk_run("PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F %s "
				  "%s %s >/dev/null 2>&1",
				  words, disk_file(), size),
			 0);
	return disk_load();
}

static inline void disk_store(const struct disk *d)
{
	int fd = open(disk_file(), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, d->data, d->size), d->size);
	close(fd);
}

/* What e2fsck thinks of it; it has more to say when that is nothing good. */
static inline bool disk_clean(const struct disk *d)
{
	int rc;

	disk_store(d);
	rc = disk_run("PATH=$PATH:/sbin:/usr/sbin e2fsck -fn %s "
		      ">%s.log 2>&1 </dev/null",
		      disk_file(), disk_file());
	if (rc)
		disk_run("cat %s.log", disk_file());
	disk_run("rm -f %s %s.log", disk_file(), disk_file());
	return rc == 0;
}

#endif
