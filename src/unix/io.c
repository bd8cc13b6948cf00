/* SPDX-License-Identifier: ISC */
/*
 * read, write and their like: a task that calls one waits alone, while the
 * others run. Each first asks the kernel whether the call would block; if
 * so the task parks until the loop's epoll set tells, and only then makes the
 * call. So what the call does is always the host's doing.
 *
 *     read(fd) -> poll(fd, 0) -> ready: the host's read
 *                             -> else park on an epoll set that holds fd, which
 *                                itself is in the loop's set
 *
 * A set of its own for each wait costs three more system calls, and makes any
 * number of tasks able to wait for the same descriptor.
 */
#include "unix/io.h"

#include "core/loop.h"
#include "unix/host.h"
#include "unix/signal.h"
#include "unix/sock.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/event.h>
#include <fata/task.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static bool stopped;
const struct sock_ops *unix_sock_ops;

void unix_io_stop(void)
{
	stopped = true;
}

bool unix_on_task(void)
{
	return !stopped && unix_is_loop_thread() && !loop_this()->callback &&
	       !unix_in_handler();
}

/*
 * libc unwinds the frames without telling the address sanitizer, which would
 * keep what surrounds their variables forbidden.
 */
#pragma weak __asan_handle_no_return
void __asan_handle_no_return(void);

void unix_testcancel(void)
{
	if (__asan_handle_no_return)
		__asan_handle_no_return();
	pthread_testcancel();
}

/* --- waiting ------------------------------------------------------------ */

struct wait {
	struct unix_watch watch;
	struct event event;
};

static void on_ready(void *arg, uint32_t events)
{
	(void)events;
	event_signal(&((struct wait *)arg)->event);
}

/* The same descriptor may be there twice. */
static void add(int set, const struct pollfd *p)
{
	struct epoll_event e = {.events = (uint32_t)p->events};

	if (p->fd < 0 || !REAL(epoll_ctl)(set, EPOLL_CTL_ADD, p->fd, &e))
		return;
	e.events |= EPOLLIN | EPOLLOUT;
	if (errno == EEXIST)
		REAL(epoll_ctl)(set, EPOLL_CTL_MOD, p->fd, &e);
}

void unix_close(int fd)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	REAL(close)(fd);
	pthread_setcancelstate(state, NULL);
}

static int wait_set(int set, uint64_t deadline)
{
	struct wait w = {.watch = {.fd = set, .fn = on_ready}};
	uint64_t seen = 0;
	int rc;

	w.watch.arg = &w;
	rc = unix_watch(&w.watch, EPOLLIN);
	if (rc)
		return rc;
	rc = unix_event_wait(&w.event, &seen, deadline);
	unix_unwatch(&w.watch);
	return rc;
}

int unix_wait_fds(const struct pollfd *p, nfds_t n, uint64_t deadline)
{
	int set = epoll_create1(EPOLL_CLOEXEC), rc;

	if (set < 0)
		return -ENOMEM;
	for (nfds_t i = 0; i < n; i++)
		add(set, &p[i]);
	rc = wait_set(set, deadline);
	unix_close(set);
	return rc;
}

/* When a call on a socket that has a time limit must give up. */
static uint64_t limit(int fd, short events)
{
	struct timeval t = {0};
	socklen_t n = sizeof(t);

	if (REAL(getsockopt)(fd, SOL_SOCKET,
			     events & POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO, &t,
			     &n) ||
	    (!t.tv_sec && !t.tv_usec))
		return FATA_FOREVER;
	return clock_deadline((uint64_t)t.tv_sec * FATA_NS_PER_S +
			      (uint64_t)t.tv_usec * FATA_NS_PER_US);
}

int unix_wait_fd(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	uint64_t deadline;
	int flags, rc;

	if (REAL(poll)(&p, 1, 0))
		return 0; /* ready, or an error that the call itself tells */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || flags & O_NONBLOCK)
		return 0;
	deadline = limit(fd, events);
	do { /* with a limit no handler lets it go on */
		rc = unix_wait_fds(&p, 1, deadline);
		if (rc == -ERESTART && deadline == FATA_FOREVER)
			rc = 0;
	} while (!rc && !REAL(poll)(&p, 1, 0));
	if (rc == -ECANCELED)
		unix_testcancel();
	if (!rc || rc == -ENOMEM || REAL(poll)(&p, 1, 0))
		return 0;
	errno = rc == -ETIMEDOUT ? EAGAIN : EINTR;
	return -1;
}

/* --- reading and writing ------------------------------------------------ */

INSTEAD ssize_t read(int fd, void *p, size_t n)
{
	struct iovec v = {p, n};

	if (sock_owns(fd))
		return unix_sock_ops->readv(fd, &v, 1);
	if (unix_on_task() && unix_wait_fd(fd, POLLIN))
		return -1;
	return REAL(read)(fd, p, n);
}

INSTEAD ssize_t readv(int fd, const struct iovec *v, int n)
{
	if (sock_owns(fd))
		return unix_sock_ops->readv(fd, v, n);
	if (unix_on_task() && unix_wait_fd(fd, POLLIN))
		return -1;
	return REAL(readv)(fd, v, n);
}

/* A pipe or terminal that polls writable takes this much without waiting. */
#define CHUNK PIPE_BUF

static bool never_blocks(int fd)
{
	struct stat s;
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || flags & O_NONBLOCK || fstat(fd, &s) ||
	       S_ISREG(s.st_mode) || S_ISBLK(s.st_mode);
}

INSTEAD ssize_t write(int fd, const void *p, size_t n)
{
	struct iovec v = {(void *)p, n};
	size_t done = 0;

	if (sock_owns(fd))
		return unix_sock_ops->writev(fd, &v, 1);
	if (!unix_on_task() || never_blocks(fd))
		return REAL(write)(fd, p, n);
	do {
		size_t part = n - done < CHUNK ? n - done : CHUNK;
		ssize_t rc = unix_wait_fd(fd, POLLOUT);

		if (!rc)
			rc = REAL(write)(fd, (const char *)p + done, part);
		if (rc < 0)
			return done ? (ssize_t)done : rc;
		done += (size_t)rc;
	} while (done < n);
	return (ssize_t)done;
}

INSTEAD ssize_t writev(int fd, const struct iovec *v, int n)
{
	if (sock_owns(fd))
		return unix_sock_ops->writev(fd, v, n);
	if (unix_on_task() && unix_wait_fd(fd, POLLOUT))
		return -1;
	return REAL(writev)(fd, v, n);
}

void (*unix_closed)(int fd);

INSTEAD int close(int fd)
{
	if (unix_closed)
		unix_closed(fd);
	if (sock_owns(fd))
		unix_sock_ops->closed(fd);
	return REAL(close)(fd);
}

INSTEAD int dup(int fd)
{
	int copy = REAL(dup)(fd);

	if (sock_owns(fd))
		unix_sock_ops->duplicated(fd, copy);
	return copy;
}

INSTEAD int dup3(int fd, int to, int flags)
{
	if (sock_owns(to) && to != fd)
		unix_sock_ops->closed(to);
	to = REAL(dup3)(fd, to, flags);
	if (sock_owns(fd))
		unix_sock_ops->duplicated(fd, to);
	return to;
}

INSTEAD int dup2(int fd, int to)
{
	return fd == to ? REAL(dup2)(fd, to) : dup3(fd, to, 0);
}
