/* SPDX-License-Identifier: ISC */
/*
 * poll, select and epoll, as tasks call them: the kernel is asked without
 * waiting, and while it says "none" the task parks (io.c). What the answer is,
 * is always the host's doing. Interface: unix/io.h.
 */
#include "unix/host.h"
#include "unix/io.h"
#include "unix/signal.h"
#include "unix/sock.h"

#include <errno.h>
#include <fata/clock.h>
#include <sys/epoll.h>
#include <sys/select.h>

static uint64_t after(const struct timespec *t)
{
	if (!t)
		return FATA_FOREVER;
	return clock_deadline((uint64_t)t->tv_sec * FATA_NS_PER_S +
			      (uint64_t)t->tv_nsec);
}

static uint64_t after_ms(int ms)
{
	if (ms < 0)
		return FATA_FOREVER;
	return ms ? clock_deadline((uint64_t)ms * FATA_NS_PER_MS) : 0;
}

/* The stack's descriptors must look as they are. */
static void look(const struct pollfd *p, nfds_t n)
{
	for (nfds_t i = 0; unix_sock_ops && i < n; i++)
		unix_sock_ops->polled(p[i].fd);
}

static int poll_until(struct pollfd *p, nfds_t n, uint64_t deadline)
{
	int rc, err = 0;

	look(p, n);
	for (;;) {
		rc = REAL(poll)(p, n, 0);
		if (rc || err == -ETIMEDOUT || !deadline)
			return rc;
		if (err)
			break;
		err = unix_wait_fds(p, n, deadline);
		if (err == -ECANCELED)
			unix_testcancel();
	}
	errno = err == -ENOMEM ? ENOMEM : EINTR;
	return -1;
}

/* With another mask of signals while it waits. */
static int poll_masked(struct pollfd *p, nfds_t n, uint64_t deadline,
		       const sigset_t *mask)
{
	struct nap nap;
	sigset_t old;
	int rc, error;

	if (!mask)
		return poll_until(p, n, deadline);
	unix_nap_begin(&nap);
	pthread_sigmask(SIG_SETMASK, mask, &old);
	rc = poll_until(p, n, deadline);
	error = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	unix_nap_end(&nap);
	errno = error;
	return rc;
}

INSTEAD int poll(struct pollfd *p, nfds_t n, int ms)
{
	if (!unix_on_task())
		return REAL(poll)(p, n, ms);
	return poll_until(p, n, after_ms(ms));
}

INSTEAD int ppoll(struct pollfd *p, nfds_t n, const struct timespec *t,
		  const sigset_t *mask)
{
	if (!unix_on_task())
		return REAL(ppoll)(p, n, t, mask);
	return poll_masked(p, n, after(t), mask);
}

static nfds_t to_pollfds(struct pollfd *p, int n, const fd_set *in,
			 const fd_set *out, const fd_set *except)
{
	nfds_t used = 0;

	for (int fd = 0; fd < n && fd < FD_SETSIZE; fd++) {
		short events = 0;

		events |= in && FD_ISSET(fd, in) ? POLLIN : 0;
		events |= out && FD_ISSET(fd, out) ? POLLOUT : 0;
		events |= except && FD_ISSET(fd, except) ? POLLPRI : 0;
		if (events)
			p[used++] = (struct pollfd){.fd = fd, .events = events};
	}
	return used;
}

static int select_until(int n, fd_set *in, fd_set *out, fd_set *except,
			uint64_t deadline, const sigset_t *mask)
{
	struct pollfd p[FD_SETSIZE];
	nfds_t used = to_pollfds(p, n, in, out, except);
	struct timeval zero = {0};
	int rc = poll_masked(p, used, deadline, mask);

	if (rc < 0)
		return rc;
	return REAL(select)(n, in, out, except, &zero);
}

INSTEAD int select(int n, fd_set *in, fd_set *out, fd_set *except,
		   struct timeval *t)
{
	if (!unix_on_task())
		return REAL(select)(n, in, out, except, t);
	return select_until(
		n, in, out, except,
		t ? clock_deadline((uint64_t)t->tv_sec * FATA_NS_PER_S +
				   (uint64_t)t->tv_usec * FATA_NS_PER_US)
		  : FATA_FOREVER,
		NULL);
}

INSTEAD int pselect(int n, fd_set *in, fd_set *out, fd_set *except,
		    const struct timespec *t, const sigset_t *mask)
{
	if (!unix_on_task())
		return REAL(pselect)(n, in, out, except, t, mask);
	return select_until(n, in, out, except, after(t), mask);
}

INSTEAD int epoll_pwait(int set, struct epoll_event *e, int n, int ms,
			const sigset_t *mask)
{
	struct pollfd p = {.fd = set, .events = POLLIN};
	int rc;

	if (!ms || !unix_on_task())
		return REAL(epoll_pwait)(set, e, n, ms, mask);
	rc = poll_masked(&p, 1, after_ms(ms), mask);
	return rc > 0 ? REAL(epoll_wait)(set, e, n, 0) : rc;
}

INSTEAD int epoll_wait(int set, struct epoll_event *e, int n, int ms)
{
	return epoll_pwait(set, e, n, ms, NULL);
}

INSTEAD int epoll_ctl(int set, int op, int fd, struct epoll_event *e)
{
	if (sock_owns(fd) && op != EPOLL_CTL_DEL)
		unix_sock_ops->polled(fd);
	return REAL(epoll_ctl)(set, op, fd, e);
}
