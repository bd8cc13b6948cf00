/* SPDX-License-Identifier: ISC */
/*
 * libc's socket calls, as tasks make them: the stack's descriptors go to
 * stack_sock.c, all others to the host, after waiting as io.c does.
 *
 * Interface: sock.h.
 */
#include "unix/sock.h"

#include "unix/host.h"
#include "unix/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

static int result(int r)
{
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

static ssize_t results(ssize_t r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

/* --- making and naming -------------------------------------------------- */

INSTEAD int socket(int domain, int type, int protocol)
{
	if (!unix_on_task() || !stack_sock_wanted(domain))
		return REAL(socket)(domain, type, protocol);
	return result(stack_sock_socket(domain, type, protocol));
}

INSTEAD int bind(int fd, const struct sockaddr *a, socklen_t size)
{
	return sock_owns(fd) ? result(stack_sock_bind(fd, a, size))
			     : REAL(bind)(fd, a, size);
}

INSTEAD int listen(int fd, int backlog)
{
	return sock_owns(fd) ? result(stack_sock_listen(fd, backlog))
			     : REAL(listen)(fd, backlog);
}

INSTEAD int accept4(int fd, struct sockaddr *restrict a,
		    socklen_t *restrict size, int flags)
{
	if (sock_owns(fd))
		return result(stack_sock_accept(fd, a, size, flags));
	if (unix_on_task() && unix_wait_fd(fd, POLLIN))
		return -1;
	return REAL(accept4)(fd, a, size, flags);
}

INSTEAD int accept(int fd, struct sockaddr *restrict a,
		   socklen_t *restrict size)
{
	return accept4(fd, a, size, 0);
}

/* Begin without waiting, wait as a task, ask how it ended. */
static int connect_waiting(int fd, const struct sockaddr *a, socklen_t size)
{
	int flags = fcntl(fd, F_GETFL), rc, error = 0;
	socklen_t n = sizeof(error);
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (flags < 0 || flags & O_NONBLOCK)
		return REAL(connect)(fd, a, size);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	rc = REAL(connect)(fd, a, size);
	fcntl(fd, F_SETFL, flags);
	if (!rc || errno != EINPROGRESS)
		return rc;
	do {
		rc = unix_wait_fds(&p, 1, FATA_FOREVER);
	} while (rc == -ERESTART);
	if (rc == -ECANCELED || rc == -EINTR)
		return result(-EINTR);
	if (REAL(getsockopt)(fd, SOL_SOCKET, SO_ERROR, &error, &n))
		return -1;
	return result(-error);
}

INSTEAD int connect(int fd, const struct sockaddr *a, socklen_t size)
{
	if (sock_owns(fd))
		return result(stack_sock_connect(fd, a, size));
	return unix_on_task() ? connect_waiting(fd, a, size)
			      : REAL(connect)(fd, a, size);
}

INSTEAD int getsockname(int fd, struct sockaddr *restrict a,
			socklen_t *restrict size)
{
	return sock_owns(fd) ? result(stack_sock_name(fd, a, size, false))
			     : REAL(getsockname)(fd, a, size);
}

INSTEAD int getpeername(int fd, struct sockaddr *restrict a,
			socklen_t *restrict size)
{
	return sock_owns(fd) ? result(stack_sock_name(fd, a, size, true))
			     : REAL(getpeername)(fd, a, size);
}

INSTEAD int shutdown(int fd, int how)
{
	return sock_owns(fd) ? result(stack_sock_shutdown(fd, how))
			     : REAL(shutdown)(fd, how);
}

INSTEAD int setsockopt(int fd, int level, int name, const void *value,
		       socklen_t size)
{
	return sock_owns(fd)
		       ? result(stack_sock_set(fd, level, name, value, size))
		       : REAL(setsockopt)(fd, level, name, value, size);
}

INSTEAD int getsockopt(int fd, int level, int name, void *restrict value,
		       socklen_t *restrict size)
{
	return sock_owns(fd)
		       ? result(stack_sock_get(fd, level, name, value, size))
		       : REAL(getsockopt)(fd, level, name, value, size);
}

/* --- data --------------------------------------------------------------- */

INSTEAD ssize_t recvfrom(int fd, void *restrict p, size_t n, int flags,
			 struct sockaddr *restrict from,
			 socklen_t *restrict size)
{
	if (sock_owns(fd))
		return results(stack_sock_receive(fd, p, n, flags, from, size));
	if (unix_on_task() && !(flags & MSG_DONTWAIT) &&
	    unix_wait_fd(fd, POLLIN))
		return -1;
	return REAL(recvfrom)(fd, p, n, flags, from, size);
}

INSTEAD ssize_t recv(int fd, void *p, size_t n, int flags)
{
	return recvfrom(fd, p, n, flags, NULL, NULL);
}

/* Of the stack's: as many pieces as there is data for. */
static ssize_t receive_pieces(int fd, struct msghdr *m, int flags)
{
	socklen_t *size = m->msg_name ? &m->msg_namelen : NULL;
	ssize_t sum = 0, r = 0;

	m->msg_controllen = 0;
	m->msg_flags = 0;
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		r = stack_sock_receive(
			fd, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len,
			flags | (i ? MSG_DONTWAIT : 0), m->msg_name, size);
		if (r < 0)
			break;
		sum += r;
		if ((size_t)r < m->msg_iov[i].iov_len || m->msg_name)
			break;
	}
	return sum ? sum : results(r);
}

INSTEAD ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	if (sock_owns(fd))
		return receive_pieces(fd, m, flags);
	if (unix_on_task() && !(flags & MSG_DONTWAIT) &&
	    unix_wait_fd(fd, POLLIN))
		return -1;
	return REAL(recvmsg)(fd, m, flags);
}

INSTEAD ssize_t sendto(int fd, const void *p, size_t n, int flags,
		       const struct sockaddr *to, socklen_t size)
{
	size_t done = 0;

	if (sock_owns(fd))
		return results(stack_sock_send(fd, p, n, flags, to, size));
	if (!unix_on_task() || flags & MSG_DONTWAIT)
		return REAL(sendto)(fd, p, n, flags, to, size);
	do { /* a stream's blocking send ends when all is sent */
		ssize_t rc = unix_wait_fd(fd, POLLOUT);
		int nowait = fcntl(fd, F_GETFL) & O_NONBLOCK;

		if (rc)
			return done ? (ssize_t)done : rc;
		rc = REAL(sendto)(fd, (const char *)p + done, n - done,
				  flags | MSG_DONTWAIT, to, size);
		if (rc < 0 && errno == EAGAIN && !nowait)
			continue; /* less room than it wants */
		if (rc < 0 || nowait)
			return done ? (ssize_t)done : rc;
		done += (size_t)rc;
	} while (done < n);
	return (ssize_t)done;
}

INSTEAD ssize_t send(int fd, const void *p, size_t n, int flags)
{
	return sendto(fd, p, n, flags, NULL, 0);
}

INSTEAD ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t sum = 0, r = 0;

	if (!sock_owns(fd)) {
		if (unix_on_task() && !(flags & MSG_DONTWAIT) &&
		    unix_wait_fd(fd, POLLOUT))
			return -1;
		return REAL(sendmsg)(fd, m, flags);
	}
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		bool more = i + 1 < m->msg_iovlen;

		r = stack_sock_send(fd, m->msg_iov[i].iov_base,
				    m->msg_iov[i].iov_len,
				    flags | (more ? MSG_MORE : 0), m->msg_name,
				    m->msg_namelen);
		if (r < 0)
			break;
		sum += r;
	}
	return sum ? sum : results(r);
}

static ssize_t send_file(int out, int in, off_t *at, size_t n)
{
	char part[16384];
	size_t done = 0;

	while (done < n) {
		size_t want = n - done < sizeof(part) ? n - done : sizeof(part);
		ssize_t got = at ? pread(in, part, want, *at)
				 : REAL(read)(in, part, want);
		ssize_t sent;

		if (got <= 0)
			return done ? (ssize_t)done : got;
		sent = stack_sock_send(out, part, (size_t)got, 0, NULL, 0);
		if (sent < got && !at) /* give back what found no room */
			lseek(in, (sent < 0 ? 0 : sent) - got, SEEK_CUR);
		if (sent < 0)
			return done ? (ssize_t)done : results(sent);
		if (at)
			*at += sent;
		done += (size_t)sent;
		if (sent < got)
			break;
	}
	return (ssize_t)done;
}

INSTEAD ssize_t sendfile(int out, int in, off_t *at, size_t n)
{
	return sock_owns(out) ? send_file(out, in, at, n)
			      : REAL(sendfile)(out, in, at, n);
}

INSTEAD ssize_t sendfile64(int out, int in, off_t *at, size_t n)
{
	return sendfile(out, in, at, n);
}

INSTEAD int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!sock_owns(fd) || request != FIONREAD)
		return REAL(ioctl)(fd, request, arg);
	*(int *)arg = (int)stack_sock_available(fd);
	return 0;
}
