/* SPDX-License-Identifier: ISC */
/*
 * Sending and receiving on sockets: what waits, and for how long. A call is
 * over when what Linux promises of it is done, its time is over (SO_RCVTIMEO,
 * SO_SNDTIMEO), or a signal came.
 */
#include <errno.h>
#include <libc/file.h>
#include <libc/signal.h>
#include <libc/socket.h>
#include <libc/user.h>
#include <net/socket.h>
#include <net/stack.h>

#define FLAGS_KNOWN                                                            \
	(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_PEEK | MSG_MORE | MSG_WAITALL |     \
	 MSG_TRUNC | MSG_CMSG_CLOEXEC)

static struct socket *of(const struct file *f)
{
	return f->data;
}

ssize_t sockio_told(ssize_t r, int flags)
{
	if (r == -EPIPE && !(flags & MSG_NOSIGNAL))
		signal_self(SIGPIPE);
	return r;
}

int sockio_wait(struct file *f, int flags, uint64_t *seen, uint64_t deadline)
{
	int rc;

	if (f->flags & O_NONBLOCK || flags & MSG_DONTWAIT) {
		file_turn();
		return -EAGAIN;
	}
	rc = event_wait(&of(f)->event, seen, deadline);
	if (rc == -ETIMEDOUT)
		return -EAGAIN;
	return rc ? signal_interrupted(deadline) : 0;
}

/* A stream's blocking send ends when all is sent, as on Linux. */
static ssize_t send_all(struct file *f, const char *p, size_t n, int flags,
			const struct endpoint *to)
{
	uint64_t deadline = file_deadline(f, true);
	size_t done = 0;

	for (;;) {
		uint64_t seen = event_count(&of(f)->event);
		ssize_t r;
		int rc;

		if (!user_readable(p + done, n - done))
			return -EFAULT;
		r = socket_send(of(f), p + done, n - done, to,
				flags & MSG_MORE || of(f)->corked);
		if (r >= 0)
			done += (size_t)r;
		if (of(f)->kind != SOCKET_TCP)
			file_turn(); /* its answers come to others */
		if (r >= 0 ? done == n : r != -EAGAIN)
			return done ? (ssize_t)done : r;
		rc = r >= 0 && (f->flags & O_NONBLOCK || flags & MSG_DONTWAIT)
			     ? -EAGAIN
			     : sockio_wait(f, flags, &seen, deadline);
		if (rc)
			return done ? (ssize_t)done : rc;
	}
}

static ssize_t receive_some(struct file *f, char *p, size_t n, int flags,
			    struct endpoint *from, size_t *whole)
{
	uint64_t deadline = file_deadline(f, false);
	size_t done = 0;

	for (;;) {
		uint64_t seen = event_count(&of(f)->event);
		ssize_t r;
		int rc;

		if (!user_writable(p + done, n - done))
			return -EFAULT;
		r = socket_receive(of(f), p + done, n - done, flags & MSG_PEEK,
				   from, whole);
		if (r > 0)
			done += (size_t)r;
		if (r >= 0 && (!(flags & MSG_WAITALL) || !r || done == n ||
			       of(f)->kind != SOCKET_TCP || flags & MSG_PEEK))
			return (ssize_t)done;
		if (r > 0)
			continue; /* the end may be there already */
		if (r != -EAGAIN)
			return done ? (ssize_t)done : r;
		rc = sockio_wait(f, flags, &seen, deadline);
		if (rc)
			return done ? (ssize_t)done : rc;
	}
}

long sockio_send(int fd, const void *p, size_t n, int flags, const void *to,
		 unsigned size)
{
	struct endpoint e;
	int rc;
	struct file *f = socket_file(fd, &rc);
	ssize_t r;

	if (!f)
		return rc;
	r = flags & ~FLAGS_KNOWN ? -EOPNOTSUPP : 0;
	if (!r && to && of(f)->kind != SOCKET_TCP)
		r = sockaddr_in(of(f), to, size, &e);
	else
		to = NULL;
	if (!r && to && !ip_addr_isloopback(&e.address))
		r = stack_wait_address(&e.address);
	if (!r)
		r = sockio_told(send_all(f, p, n, flags, to ? &e : NULL),
				flags);
	file_put(f);
	return r;
}

long sockio_receive(int fd, void *p, size_t n, int flags, void *from,
		    unsigned *size)
{
	struct endpoint e = {.port = 0};
	size_t whole = 0;
	int rc;
	struct file *f = socket_file(fd, &rc);
	ssize_t r;

	if (!f)
		return rc;
	r = receive_some(f, p, n, flags, &e, &whole);
	if (r >= 0 && from && of(f)->kind != SOCKET_TCP) {
		rc = sockaddr_out(of(f), &e, from, size);
		r = rc ? rc : r;
	} else if (r >= 0 && from && user_writable(size, sizeof(*size))) {
		*size = 0;
	}
	if (r >= 0 && flags & MSG_TRUNC && of(f)->kind != SOCKET_TCP)
		r = (ssize_t)whole;
	file_put(f);
	return r;
}
