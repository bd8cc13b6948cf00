/* SPDX-License-Identifier: ISC */
/*
 * Files as disks: boot parameter --block NAME=FILE (read-only: --block-ro), for
 * the program's names of its disks, or any name.
 *
 *     submit -> queue -> helper threads: pread, pwrite, fdatasync, ...
 *                                 |
 *     block_end <- loop <- eventfd + list of what is done
 *
 * The helpers touch a request's memory and nothing else of the program's. A
 * request that is given up while a helper has it is waited for: its memory is
 * the caller's again when cancel returns. In virtual time there are no helpers
 * and each request ends at once.
 *
 * Interface: core/block.h. Sectors are 512 bytes, a block device's its own.
 */
#include "core/block.h"
#include "core/param.h"
#include "unix/host.h"
#include "unix/unix.h"
#include "unix/world.h"

#include <errno.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fata/task.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

FATA_LOG_SOURCE("block");

#define HELPERS 4

struct disk {
	struct block block;
	const char *name, *path;
	struct disk *next;
	bool readonly, device;
	int fd; /* -1: not opened yet */
};

static struct disk *disks, **disks_end = &disks;

/* --- one request, to its end -------------------------------------------- */

static int transfer(const struct disk *d, const struct block_request *r)
{
	uint64_t at = r->offset;

	for (unsigned i = 0; i < r->count; i++) {
		char *p = r->vec[i].iov_base;
		size_t left = r->vec[i].iov_len;

		while (left) {
			ssize_t n = r->op == BLOCK_READ
					    ? pread(d->fd, p, left, (off_t)at)
					    : pwrite(d->fd, p, left, (off_t)at);

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return -EIO;
			p += n;
			at += (uint64_t)n;
			left -= (size_t)n;
		}
	}
	return 0;
}

static int discard(const struct disk *d, const struct block_request *r)
{
	uint64_t range[2] = {r->offset, r->size};
	int rc;

	if (d->device)
		rc = ioctl(d->fd,
			   r->op == BLOCK_DISCARD ? BLKDISCARD : BLKSECDISCARD,
			   range);
	else
		rc = fallocate(d->fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)r->offset, (off_t)r->size);
	if (!rc)
		return 0;
	return errno == EOPNOTSUPP ? -EOPNOTSUPP : -EIO;
}

static int perform(const struct block_request *r)
{
	const struct disk *d = (const struct disk *)r->block;

	switch (r->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		return transfer(d, r);
	case BLOCK_FLUSH:
		return fdatasync(d->fd) ? -EIO : 0;
	default:
		return discard(d, r);
	}
}

/* --- helpers ------------------------------------------------------------ */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct list queue, active, ended; /* by block_link */
	struct unix_watch watch;
	unsigned threads;
} h = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.done = PTHREAD_COND_INITIALIZER,
	.queue = LIST_INIT(h.queue),
	.active = LIST_INIT(h.active),
	.ended = LIST_INIT(h.ended),
};

static void lock(void)
{
	REAL(pthread_mutex_lock)(&h.lock);
}

static void unlock(void)
{
	REAL(pthread_mutex_unlock)(&h.lock);
}

static void *help(void *arg)
{
	const uint64_t one = 1;

	lock();
	for (;;) {
		struct block_request *r;
		int error;

		while (list_empty(&h.queue))
			REAL(pthread_cond_wait)(&h.work, &h.lock);
		r = block_of_link(list_pop(&h.queue));
		list_add_last(&h.active, block_link(r));
		unlock();
		error = perform(r);
		lock();
		r->error = error;
		list_remove(block_link(r));
		list_add_last(&h.ended, block_link(r));
		REAL(pthread_cond_broadcast)(&h.done);
		if (REAL(write)(h.watch.fd, &one, sizeof(one)) < 0)
			break; /* the process ends */
	}
	unlock();
	return arg;
}

static void collect(void *arg, uint32_t events)
{
	uint64_t n;

	(void)arg;
	(void)events;
	if (REAL(read)(h.watch.fd, &n, sizeof(n)) < 0)
		return;
	for (;;) {
		struct block_request *r = NULL;

		lock();
		if (!list_empty(&h.ended))
			r = block_of_link(list_pop(&h.ended));
		unlock();
		if (!r)
			return;
		block_end(r, r->error);
	}
}

/* Helpers take no signals: those are the program's. 0 or an error. */
static int start_helpers(void)
{
	sigset_t all, old;
	pthread_t t;

	if (h.threads)
		return 0;
	h.watch.fd = unix_high(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	h.watch.fn = collect;
	if (h.watch.fd < 0 || unix_watch(&h.watch, EPOLLIN))
		return -ENOMEM;
	sigfillset(&all);
	REAL(pthread_sigmask)(SIG_SETMASK, &all, &old);
	while (h.threads < HELPERS &&
	       !REAL(pthread_create)(&t, NULL, help, NULL)) {
		REAL(pthread_detach)(t);
		h.threads++;
	}
	REAL(pthread_sigmask)(SIG_SETMASK, &old, NULL);
	return h.threads ? 0 : -ENOMEM;
}

/* --- a kind of disk ----------------------------------------------------- */

static int submit(struct block *b, struct block_request *r)
{
	b->stat.issued++;
	if (unix_world->virtual_time) {
		block_end(r, perform(r));
		return 0;
	}
	lock();
	list_add_last(&h.queue, block_link(r));
	REAL(pthread_cond_signal)(&h.work);
	unlock();
	return 0;
}

static bool is_active(const struct block_request *r)
{
	for (struct list *l = h.active.next; l != &h.active; l = l->next)
		if (block_of_link(l) == r)
			return true;
	return false;
}

static void cancel(struct block *b, struct block_request *r)
{
	(void)b;
	lock();
	while (is_active(r))
		REAL(pthread_cond_wait)(&h.done, &h.lock);
	list_remove(block_link(r));
	unlock();
}

static void close_disk(struct block *b)
{
	(void)b; /* the program's disks stay */
}

static const struct block_ops ops = {
	.submit = submit,
	.cancel = cancel,
	.close = close_disk,
};

/* --- opening ------------------------------------------------------------ */

static int learn(struct disk *d)
{
	struct block_info *info = &d->block.info;
	int sector = 512;
	uint64_t size;
	struct stat s;

	if (fstat(d->fd, &s))
		return -errno;
	size = (uint64_t)s.st_size;
	d->device = S_ISBLK(s.st_mode);
	if (d->device && (ioctl(d->fd, BLKGETSIZE64, &size) ||
			  ioctl(d->fd, BLKSSZGET, &sector)))
		return -errno;
	*info = (struct block_info){
		.size = size - size % (unsigned)sector,
		.sector = (uint32_t)sector,
		.physical = s.st_blksize > sector ? (uint32_t)s.st_blksize
						  : (uint32_t)sector,
		.up = true,
		.readonly = d->readonly,
		.flush = true,
		.discard = !d->readonly,
		.discard_granularity = (uint32_t)s.st_blksize,
	};
	return 0;
}

static int open_disk(struct disk *d)
{
	int rc = unix_world->virtual_time ? 0 : start_helpers();

	if (rc)
		return rc;
	d->fd = open(d->path, (d->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	rc = d->fd < 0 ? -errno : learn(d);
	if (rc) {
		log_error("disk %s: %s: %s", d->name, d->path, strerror(-rc));
		if (d->fd >= 0)
			close(d->fd);
		d->fd = -1;
		return rc == -ENOMEM ? rc : -EIO;
	}
	d->block.ops = &ops;
	d->block.stat.connects = 1;
	return 0;
}

int block_open(const char *name, struct block **b, uint64_t deadline)
{
	struct disk *d = disks;
	int rc;

	(void)deadline;
	while (d && strcmp(d->name, name))
		d = d->next;
	if (!d) {
		log_error("disk %s: no such disk (--block %s=FILE gives it)",
			  name, name);
		return -ENOENT;
	}
	rc = d->fd >= 0 ? 0 : open_disk(d);
	if (!rc)
		*b = &d->block;
	return rc;
}

static int add(const char *value, bool readonly)
{
	const char *equals = strchr(value, '=');
	struct disk *d;

	if (!equals || equals == value || !equals[1])
		return param_bad("bad disk (expected NAME=FILE)");
	d = calloc(1, sizeof(*d));
	if (!d)
		return param_bad("no memory for it");
	d->name = strndup(value, (size_t)(equals - value));
	d->path = equals + 1;
	d->readonly = readonly;
	d->fd = -1;
	*disks_end = d;
	disks_end = &d->next;
	return 0;
}

static int add_writable(const char *value)
{
	return add(value, false);
}
FATA_PARAM_LIST(add_writable, "block", "",
		"a file or device as a disk, NAME=FILE");

static int add_readonly(const char *value)
{
	return add(value, true);
}
FATA_PARAM_LIST(add_readonly, "block-ro", "", "the same, read-only");
