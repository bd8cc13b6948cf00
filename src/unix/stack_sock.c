/* SPDX-License-Identifier: ISC */
/*
 * Calls on the stack's sockets. Interface: sock.h.
 */
#include "unix/sock.h"

#include "core/vm.h"
#include "libc/socket.h"
#include "net/socket.h"
#include "net/stack.h"
#include "unix/net.h"
#include "unix/signal.h"
#include "unix/sock_fd.h"

#include <errno.h>
#include <fata/clock.h>
#include <fcntl.h>

/* A bad pointer is a fault here, as of any other function. */
bool vm_readable(const void *p, size_t n)
{
	return p || !n;
}

bool vm_writable(const void *p, size_t n)
{
	return p || !n;
}

enum { READING, WRITING };

/* Wait for the socket to change: 0, -EAGAIN if it may not wait, -EINTR. */
static int wait_change(struct sock *k, int what, int flags, uint64_t *seen)
{
	uint64_t limit = k->timeout[what];
	int rc;

	if (flags & MSG_DONTWAIT || fcntl(k->fd, F_GETFL) & O_NONBLOCK)
		return -EAGAIN;
	k->refs++; /* another task may close it meanwhile */
	rc = unix_event_wait(&k->s->event, seen,
			     limit ? clock_deadline(limit) : FATA_FOREVER);
	if (rc == -ERESTART)
		rc = limit ? -EINTR : 0;
	if (!rc && k->closed)
		rc = -EBADF;
	sock_put(k);
	if (rc == -ETIMEDOUT)
		return -EAGAIN;
	return rc == -ECANCELED ? -EINTR : rc;
}

bool stack_sock_wanted(int domain)
{
	return (domain == AF_INET || domain == AF_INET6) && unix_net_wanted();
}

static ssize_t op_readv(int fd, const struct iovec *v, int n);
static ssize_t op_writev(int fd, const struct iovec *v, int n);

int stack_sock_socket(int domain, int type, int protocol)
{
	static const struct sock_ops ops = {
		.owns = sock_has,
		.readv = op_readv,
		.writev = op_writev,
		.polled = sock_polled,
		.closed = sock_closed,
		.duplicated = sock_duplicated,
	};
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), rc;
	struct socket *s;

	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_RAW)
		return -ESOCKTNOSUPPORT;
	unix_sock_ops = &ops;
	rc = socket_new(kind == SOCK_STREAM  ? SOCKET_TCP
			: kind == SOCK_DGRAM ? SOCKET_UDP
					     : SOCKET_RAW,
			domain == AF_INET6, (uint8_t)protocol, &s);
	return rc ? rc : sock_new_fd(s, type);
}

/* An address from the program; if it is not our own, it may need ours. */
static int take_address(struct sock *k, const void *a, socklen_t size,
			struct endpoint *e)
{
	int rc = sockaddr_in(k->s, a, size, e);

	if (rc || ip_addr_isany(&e->address) || ip_addr_isloopback(&e->address))
		return rc;
	return stack_wait_address(&e->address);
}

int stack_sock_bind(int fd, const struct sockaddr *a, socklen_t size)
{
	struct sock *k = sock_of(fd);
	struct endpoint e;
	int rc = take_address(k, a, size, &e);

	return rc ? rc : socket_bind(k->s, &e);
}

int stack_sock_listen(int fd, int backlog)
{
	int rc = socket_listen(sock_of(fd)->s, backlog);

	sock_settle(sock_of(fd));
	return rc;
}

int stack_sock_accept(int fd, struct sockaddr *a, socklen_t *size, int flags)
{
	struct endpoint local, peer;
	struct sock *k = sock_of(fd);
	struct socket *s;
	int rc;

	for (;;) {
		uint64_t seen = event_count(&k->s->event);

		rc = socket_accept(k->s, &s);
		if (rc != -EAGAIN)
			break;
		rc = wait_change(k, READING, 0, &seen);
		if (rc)
			return rc;
	}
	if (rc)
		return rc;
	sock_settle(k);
	socket_names(s, &local, &peer);
	sockaddr_out(s, &peer, a, size);
	return sock_new_fd(s, flags);
}

int stack_sock_connect(int fd, const struct sockaddr *a, socklen_t size)
{
	struct sock *k = sock_of(fd);
	struct endpoint e;
	int rc = take_address(k, a, size, &e);

	if (!rc)
		rc = socket_connect(k->s, &e);
	stack_flush();
	sock_settle(k);
	while (rc == -EINPROGRESS) {
		uint64_t seen = event_count(&k->s->event);
		int err;

		if (!k->s->connecting)
			return k->s->connected ? 0 : -socket_take_error(k->s);
		err = wait_change(k, WRITING, 0, &seen);
		if (err)
			return err == -EAGAIN ? rc : err;
	}
	return rc;
}

int stack_sock_name(int fd, struct sockaddr *a, socklen_t *size, bool peer)
{
	struct sock *k = sock_of(fd);
	struct endpoint ends[2];

	socket_names(k->s, &ends[0], &ends[1]);
	if (peer && !k->s->connected)
		return -ENOTCONN;
	return sockaddr_out(k->s, &ends[peer], a, size);
}

/* A stream's blocking send ends when all is sent, as on Linux. */
static ssize_t send_all(struct sock *k, const char *p, size_t n, int flags,
			const struct endpoint *to)
{
	size_t done = 0;

	for (;;) {
		uint64_t seen = event_count(&k->s->event);
		ssize_t r = socket_send(k->s, p + done, n - done, to,
					flags & MSG_MORE);
		int rc;

		stack_flush();
		if (r >= 0)
			done += (size_t)r;
		if (r >= 0 ? done == n : r != -EAGAIN)
			return done ? (ssize_t)done : r;
		rc = wait_change(k, WRITING, flags, &seen);
		if (rc)
			return done ? (ssize_t)done : rc;
	}
}

ssize_t stack_sock_send(int fd, const void *p, size_t n, int flags,
			const struct sockaddr *to, socklen_t size)
{
	struct sock *k = sock_of(fd);
	struct endpoint e;
	ssize_t r = 0;

	if (k->s->kind == SOCKET_TCP)
		to = NULL;
	if (to)
		r = take_address(k, to, size, &e);
	if (!r)
		r = send_all(k, p, n, flags, to ? &e : NULL);
	if (sock_of(fd) == k)
		sock_settle(k);
	return r;
}

ssize_t stack_sock_receive(int fd, void *p, size_t n, int flags,
			   struct sockaddr *from, socklen_t *size)
{
	struct endpoint e = {.port = 0};
	struct sock *k = sock_of(fd);
	size_t done = 0, whole = 0;
	ssize_t r;

	for (;;) {
		uint64_t seen = event_count(&k->s->event);

		r = socket_receive(k->s, (char *)p + done, n - done,
				   flags & MSG_PEEK, &e, &whole);
		if (r > 0)
			done += (size_t)r;
		if (r >= 0 && (!(flags & MSG_WAITALL) || !r || done == n ||
			       k->s->kind != SOCKET_TCP || flags & MSG_PEEK))
			break;
		if (r == -EAGAIN)
			r = wait_change(k, READING, flags, &seen);
		if (r < 0 && !done)
			return r;
		if (r < 0)
			break;
	}
	sock_settle(k);
	if (from && k->s->kind != SOCKET_TCP)
		sockaddr_out(k->s, &e, from, size);
	else if (from)
		*size = 0;
	return flags & MSG_TRUNC && k->s->kind != SOCKET_TCP ? (ssize_t)whole
							     : (ssize_t)done;
}

int stack_sock_shutdown(int fd, int how)
{
	int rc =
		socket_shutdown(sock_of(fd)->s, how != SHUT_WR, how != SHUT_RD);

	stack_flush();
	sock_settle(sock_of(fd));
	return rc;
}

int stack_sock_set(int fd, int level, int name, const void *value,
		   socklen_t size)
{
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		return sockopt_set_time(
			&sock_of(fd)->timeout[name == SO_SNDTIMEO], value,
			size);
	return sockopt_set(sock_of(fd)->s, level, name, value, size);
}

int stack_sock_get(int fd, int level, int name, void *value, socklen_t *size)
{
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		return sockopt_get_time(
			sock_of(fd)->timeout[name == SO_SNDTIMEO], value, size);
	return sockopt_get(sock_of(fd)->s, level, name, value, size);
}

size_t stack_sock_available(int fd)
{
	return socket_available(sock_of(fd)->s);
}

/* --- read and write ----------------------------------------------------- */

static ssize_t result(ssize_t r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

static ssize_t op_readv(int fd, const struct iovec *v, int n)
{
	ssize_t sum = 0, r = 0;

	for (int i = 0; i < n; i++) {
		r = stack_sock_receive(fd, v[i].iov_base, v[i].iov_len,
				       i ? MSG_DONTWAIT : 0, NULL, NULL);
		if (r < 0)
			break;
		sum += r;
		if ((size_t)r < v[i].iov_len)
			break;
	}
	return sum ? sum : result(r);
}

static ssize_t op_writev(int fd, const struct iovec *v, int n)
{
	ssize_t sum = 0, r = 0;

	for (int i = 0; i < n; i++) {
		r = stack_sock_send(fd, v[i].iov_base, v[i].iov_len,
				    i + 1 < n ? MSG_MORE : 0, NULL, 0);
		if (r < 0)
			break;
		sum += r;
		if ((size_t)r < v[i].iov_len)
			break;
	}
	return sum ? sum : result(r);
}
