/* SPDX-License-Identifier: ISC */
/*
 * Pipes, and FIFOs, which are pipes with a name.
 *
 *     ring:   | free | taken (used bytes from head on) | free |
 *
 * The ring grows as it is needed, up to PIPE_MAX. A write of up to PIPE_BUF
 * bytes goes in as a whole or not at all. One event serves both ends: it is
 * signalled whenever bytes or ends come or go.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/node.h>
#include <libc/pipe.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#define PIPE_FIRST 4096
#define PIPE_MAX 65536

struct pipe {
	char *ring;
	size_t size, head, used;
	unsigned readers, writers;
	uint64_t opened_read, opened_write; /* ever; for those who wait */
	struct event event;
	struct node *node; /* of a FIFO; not counted, its files are */
};

static struct pipe *pipe_new(void)
{
	return heap_calloc(1, sizeof(struct pipe));
}

static void pipe_free(struct pipe *p)
{
	if (p->node)
		p->node->pipe = NULL;
	heap_free(p->ring);
	heap_free(p);
}

/* Room for n more bytes, as far as that goes. */
static void grow(struct pipe *p, size_t n)
{
	size_t size = p->size ? p->size : PIPE_FIRST;
	char *ring;

	while (size < PIPE_MAX && size - p->used < n)
		size *= 2;
	if (size <= p->size)
		return;
	ring = heap_alloc(size);
	if (!ring)
		return;
	for (size_t i = 0; i < p->used; i++)
		ring[i] = p->ring[(p->head + i) % p->size];
	heap_free(p->ring);
	p->ring = ring;
	p->size = size;
	p->head = 0;
}

static ssize_t pipe_read(struct file *f, void *to, size_t n, uint64_t *pos)
{
	struct pipe *p = f->data;
	size_t first;

	(void)pos;
	if (!n)
		return 0;
	if (!p->used)
		return p->writers ? -EAGAIN : 0;
	if (n > p->used)
		n = p->used;
	first = p->size - p->head < n ? p->size - p->head : n;
	memcpy(to, p->ring + p->head, first);
	memcpy((char *)to + first, p->ring, n - first);
	p->head = (p->head + n) % p->size;
	p->used -= n;
	event_signal(&p->event);
	return (ssize_t)n;
}

static ssize_t pipe_write(struct file *f, const void *from, size_t n,
			  uint64_t *pos)
{
	struct pipe *p = f->data;
	size_t room, at, first;

	(void)pos;
	if (!p->readers) {
		signal_self(SIGPIPE);
		return -EPIPE;
	}
	if (!n)
		return 0;
	grow(p, n);
	if (!p->size)
		return -ENOMEM;
	room = p->size - p->used;
	if (!room || (n <= PIPE_BUF && room < n))
		return -EAGAIN;
	if (n > room)
		n = room;
	at = (p->head + p->used) % p->size;
	first = p->size - at < n ? p->size - at : n;
	memcpy(p->ring + at, from, first);
	memcpy(p->ring, (const char *)from + first, n - first);
	p->used += n;
	event_signal(&p->event);
	return (ssize_t)n;
}

static short pipe_poll(struct file *f)
{
	struct pipe *p = f->data;
	short now = 0;

	if (file_reads(f)) {
		if (p->used)
			now |= POLLIN | POLLRDNORM;
		if (!p->writers)
			now |= POLLHUP;
	}
	if (file_writes(f)) {
		if (PIPE_MAX - p->used >= PIPE_BUF)
			now |= POLLOUT | POLLWRNORM;
		if (!p->readers)
			now |= POLLERR;
	}
	return now;
}

static struct event *pipe_event(struct file *f)
{
	return &((struct pipe *)f->data)->event;
}

static int pipe_stat(struct file *f, struct stat *s)
{
	if (f->node) {
		node_stat(f->node, s);
		return 0;
	}
	s->st_mode = S_IFIFO | 0600;
	s->st_nlink = 1;
	s->st_blksize = 4096;
	s->st_ino = (ino_t)(uintptr_t)f->data;
	return 0;
}

static long pipe_ioctl(struct file *f, unsigned command, uint64_t arg)
{
	struct pipe *p = f->data;

	if (command != FIONREAD)
		return -ENOTTY;
	if (!user_writable((int *)arg, sizeof(int)))
		return -EFAULT;
	*(int *)arg = (int)p->used;
	return 0;
}

static void pipe_close(struct file *f)
{
	struct pipe *p = f->data;

	p->readers -= file_reads(f);
	p->writers -= file_writes(f);
	event_signal(&p->event);
	if (!p->readers && !p->writers)
		pipe_free(p);
	node_put(f->node);
}

static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.event = pipe_event,
	.stat = pipe_stat,
	.ioctl = pipe_ioctl,
	.close = pipe_close,
};

/* One end of a pipe; on failure the pipe is as before. */
static struct file *open_end(struct pipe *p, int flags)
{
	struct file *f = file_new(&pipe_ops, flags, p);

	if (f) {
		p->readers += file_reads(f);
		p->writers += file_writes(f);
	}
	return f;
}

long sys_pipe2(int *fds, int flags)
{
	int kept = flags & O_NONBLOCK, in, out;
	struct file *r, *w;
	struct pipe *p;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	if (!user_writable(fds, 2 * sizeof(*fds)))
		return -EFAULT;
	p = pipe_new();
	if (!p)
		return -ENFILE;
	r = open_end(p, O_RDONLY | kept);
	if (!r) {
		pipe_free(p);
		return -ENFILE;
	}
	w = open_end(p, O_WRONLY | kept);
	if (!w) {
		file_put(r);
		return -ENFILE;
	}
	in = fd_add(r, 0, flags & O_CLOEXEC);
	if (in < 0) {
		file_put(w);
		return in;
	}
	out = fd_add(w, 0, flags & O_CLOEXEC);
	if (out < 0) {
		fd_remove(in);
		return out;
	}
	fds[0] = in;
	fds[1] = out;
	return 0;
}

long sys_pipe(int *fds)
{
	return sys_pipe2(fds, 0);
}

/* Until the other side is there, or has come and gone. */
static int wait_other(struct pipe *p, const struct file *f)
{
	const uint64_t *opened =
		file_reads(f) ? &p->opened_write : &p->opened_read;
	uint64_t seen = event_count(&p->event), before = *opened;

	while (*opened == before &&
	       (file_reads(f) ? !p->writers : !p->readers))
		if (event_wait(&p->event, &seen, FATA_FOREVER))
			return -EINTR;
	return 0;
}

int pipe_open_node(struct node *n, struct file *f)
{
	bool both = file_reads(f) && file_writes(f);
	struct pipe *p = n->pipe;
	int err = 0;

	if (!p) {
		p = pipe_new();
		if (!p)
			return -ENOMEM;
		p->node = n;
		n->pipe = p;
	}
	f->data = p;
	f->ops = &pipe_ops;
	p->readers += file_reads(f);
	p->writers += file_writes(f);
	p->opened_read += file_reads(f);
	p->opened_write += file_writes(f);
	event_signal(&p->event);
	if (f->flags & O_NONBLOCK)
		err = file_writes(f) && !p->readers ? -ENXIO : 0;
	else if (!both)
		err = wait_other(p, f);
	if (!err)
		return 0;
	node_get(n); /* pipe_close gives one back, and so will the caller */
	pipe_close(f);
	return err;
}
