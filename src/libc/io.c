/* SPDX-License-Identifier: ISC */
/*
 * Reading and writing an open file, whatever its kind; the rest of what is done
 * to one is in file_call.c. The one place where a file operation waits.
 */
#include <errno.h>
#include <fata/task.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <libc/epoll.h>
#include <libc/file.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

struct file *file_new(const struct file_ops *ops, int flags, void *data)
{
	struct file *f = heap_calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->ops = ops;
	f->refs = 1;
	f->flags = flags;
	f->data = data;
	return f;
}

void file_get(struct file *f)
{
	f->refs++;
}

void file_put(struct file *f)
{
	if (--f->refs)
		return;
	if (f->watchers)
		epoll_forget(f);
	if (f->ops->close)
		f->ops->close(f);
	heap_free(f);
}

short file_poll(struct file *f)
{
	if (f->ops->poll)
		return f->ops->poll(f);
	return (short)((file_reads(f) ? POLLIN | POLLRDNORM : 0) |
		       (file_writes(f) ? POLLOUT | POLLWRNORM : 0));
}

/* Until when a read (write) may wait: SO_RCVTIMEO, SO_SNDTIMEO. */
uint64_t file_deadline(const struct file *f, bool write)
{
	uint64_t ns = f->timeout[write];

	return ns ? clock_deadline(ns) : FATA_FOREVER;
}

void file_turn(void)
{
	static unsigned calls;

	if (++calls % 16 == 0)
		fata_yield();
}

/*
 * Wait for the file to change; 0, -EAGAIN when it may not wait or has waited
 * too long, -EINTR.
 */
static int file_wait(struct file *f, uint64_t *seen, uint64_t deadline)
{
	int err;

	if (f->flags & O_NONBLOCK || !f->ops->event) {
		file_turn();
		return -EAGAIN;
	}
	err = event_wait(f->ops->event(f), seen, deadline);
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err ? signal_interrupted(deadline) : 0;
}

static uint64_t file_seen(struct file *f)
{
	return f->ops->event ? event_count(f->ops->event(f)) : 0;
}

ssize_t file_read(struct file *f, void *p, size_t n, uint64_t *pos)
{
	uint64_t deadline = file_deadline(f, false);

	if (!file_reads(f))
		return -EBADF;
	if (!f->ops->read)
		return f->ops->list ? -EISDIR : -EINVAL;
	for (;;) {
		uint64_t seen = file_seen(f);
		ssize_t r;
		int err;

		/* again after each wait: another thread may have unmapped it */
		if (!user_writable(p, n))
			return -EFAULT;
		r = f->ops->read(f, p, n, pos);
		if (r != -EAGAIN)
			return r;
		err = file_wait(f, &seen, deadline);
		if (err)
			return err;
	}
}

/* A blocking write goes on until all is written, as on Linux. */
ssize_t file_write(struct file *f, const void *p, size_t n, uint64_t *pos)
{
	uint64_t deadline = file_deadline(f, true);
	size_t done = 0;

	if (!file_writes(f))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	for (;;) {
		uint64_t seen = file_seen(f);
		ssize_t r;
		int err;

		if (!user_readable((const char *)p + done, n - done))
			return done ? (ssize_t)done : -EFAULT;
		r = f->ops->write(f, (const char *)p + done, n - done, pos);
		if (r < 0 && r != -EAGAIN)
			return done ? (ssize_t)done : r;
		if (r >= 0) {
			done += (size_t)r;
			if (done == n || r == 0)
				return (ssize_t)done;
		}
		err = file_wait(f, &seen, deadline);
		if (err)
			return done ? (ssize_t)done : err;
	}
}

/* All buffers in one write. */
static ssize_t write_gathered(struct file *f, const struct iovec *iov, int n,
			      size_t size)
{
	char *all = heap_alloc(size), *at = all;
	ssize_t r;

	if (!all)
		return -ENOBUFS;
	for (int i = 0; i < n; at += iov[i++].iov_len)
		memcpy(at, iov[i].iov_base, iov[i].iov_len);
	r = file_write(f, all, size, NULL);
	heap_free(all);
	return r;
}

/* Several buffers in a row; a short one ends it. */
static ssize_t vector(struct file *f, bool write, const struct iovec *iov,
		      int n, uint64_t *pos)
{
	size_t done = 0;
	ssize_t r = user_iov(iov, n, !write);

	if (r < 0)
		return r;
	if (write && f->ops->gathers && n > 1 && r > 0 && r <= FILE_GATHER)
		return write_gathered(f, iov, n, (size_t)r);
	for (int i = 0; i < n; i++) {
		struct iovec v = iov[i];

		if (!v.iov_len)
			continue;
		/* what has been read is given at once, not waited for */
		if (done && !write && !(file_poll(f) & POLLIN))
			break;
		r = write ? file_write(f, v.iov_base, v.iov_len, pos)
			  : file_read(f, v.iov_base, v.iov_len, pos);
		if (r < 0)
			return done ? (ssize_t)done : r;
		done += (size_t)r;
		if ((size_t)r < v.iov_len)
			break;
	}
	return (ssize_t)done;
}

long sys_read(int fd, void *p, size_t n)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	r = file_read(f, p, n > INT_MAX ? INT_MAX : n, &f->pos);
	file_put(f);
	return r;
}

long sys_write(int fd, const void *p, size_t n)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	r = file_write(f, p, n > INT_MAX ? INT_MAX : n, &f->pos);
	file_put(f);
	return r;
}

long sys_readv(int fd, const struct iovec *iov, int n)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	r = vector(f, false, iov, n, &f->pos);
	file_put(f);
	return r;
}

long sys_writev(int fd, const struct iovec *iov, int n)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	r = vector(f, true, iov, n, &f->pos);
	file_put(f);
	return r;
}

/* A file that can be read or written at a position of the caller's. */
static struct file *positioned(int fd, off_t at, long *err)
{
	struct file *f = fd_get(fd);

	*err = !f ? -EBADF : at < 0 ? -EINVAL : -ESPIPE;
	if (!f || (at >= 0 && f->ops->seekable))
		return f;
	file_put(f);
	return NULL;
}

static long vector_at(int fd, bool write, const struct iovec *iov, int n,
		      off_t at)
{
	uint64_t pos = (uint64_t)at;
	long r;
	struct file *f = positioned(fd, at, &r);

	if (!f)
		return r;
	r = vector(f, write, iov, n, &pos);
	file_put(f);
	return r;
}

long sys_preadv(int fd, const struct iovec *iov, int n, off_t at)
{
	return vector_at(fd, false, iov, n, at);
}

long sys_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	return vector_at(fd, true, iov, n, at);
}

long sys_pread64(int fd, void *p, size_t n, off_t at)
{
	uint64_t pos = (uint64_t)at;
	long r;
	struct file *f = positioned(fd, at, &r);

	if (!f)
		return r;
	r = file_read(f, p, n > INT_MAX ? INT_MAX : n, &pos);
	file_put(f);
	return r;
}

long sys_pwrite64(int fd, const void *p, size_t n, off_t at)
{
	uint64_t pos = (uint64_t)at;
	long r;
	struct file *f = positioned(fd, at, &r);

	if (!f)
		return r;
	r = file_write(f, p, n > INT_MAX ? INT_MAX : n, &pos);
	file_put(f);
	return r;
}

/* With flags (RWF_*), of which none is needed here; -1: the file's position. */
long sys_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		 uint64_t high, int flags)
{
	(void)high;
	if (flags)
		return -EOPNOTSUPP;
	return at == -1 ? sys_readv(fd, iov, n) : sys_preadv(fd, iov, n, at);
}

long sys_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
		  uint64_t high, int flags)
{
	(void)high;
	if (flags)
		return -EOPNOTSUPP;
	return at == -1 ? sys_writev(fd, iov, n) : sys_pwritev(fd, iov, n, at);
}
