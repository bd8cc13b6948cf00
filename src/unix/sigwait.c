/* SPDX-License-Identifier: ISC */
/*
 * Waiting for signals, as tasks: pause, sigsuspend, sigwait and its sisters.
 * Interface: unix/io.h.
 *
 * A thread's mask of signals is that of all tasks on it: main's sigsuspend
 * changes it for them, too, while it waits.
 */
#include "unix/signal.h"

#include "core/task.h"
#include "unix/host.h"
#include "unix/io.h"

#include <errno.h>
#include <fata/clock.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static int interrupted(void)
{
	errno = EINTR;
	return -1;
}

/* Until a handler has run, with this mask (NULL: as it is). */
static int suspend(const sigset_t *mask)
{
	struct event never = {0};
	uint64_t seen = 0;
	struct nap n;
	sigset_t old;

	unix_nap_begin(&n);
	if (mask) /* what was pending is handled here */
		pthread_sigmask(SIG_SETMASK, mask, &old);
	unix_event_wait(&never, &seen, FATA_FOREVER);
	if (mask)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	unix_nap_end(&n);
	unix_testcancel();
	return interrupted();
}

INSTEAD int pause(void)
{
	return unix_on_task() ? suspend(NULL) : REAL(pause)();
}

INSTEAD int sigsuspend(const sigset_t *mask)
{
	return unix_on_task() ? suspend(mask) : REAL(sigsuspend)(mask);
}

/* --- sigwait ------------------------------------------------------------ */

/*
 * A signalfd tells of what is sent to the process. What is sent to one thread
 * it shows to that thread only, which is not the one that polls: pthread_kill
 * wakes those who look.
 */
static int take(const sigset_t *set, siginfo_t *info, uint64_t deadline)
{
	static const struct timespec none;
	struct pollfd p = {.events = POLLIN};
	int err = 0, sig;
	struct nap n;

	p.fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p.fd < 0)
		return -1;
	unix_nap_begin(&n);
	n.looks = true;
	for (;;) {
		sig = REAL(sigtimedwait)(set, info, &none);
		if (sig >= 0 || errno != EAGAIN || err || !deadline)
			break;
		err = unix_wait_fds(&p, 1, deadline);
		if (err == -ECANCELED)
			break;
	}
	unix_nap_end(&n);
	unix_close(p.fd);
	if (err == -ECANCELED)
		unix_testcancel();
	if (sig < 0)
		errno = !err || err == -ETIMEDOUT ? EAGAIN : EINTR;
	return sig;
}

INSTEAD int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
			 const struct timespec *restrict t)
{
	uint64_t ns;

	if (!unix_on_task() ||
	    (t && (t->tv_sec < 0 || (unsigned long)t->tv_nsec >= 1000000000)))
		return REAL(sigtimedwait)(set, info, t);
	if (!t)
		return take(set, info, FATA_FOREVER);
	ns = (uint64_t)t->tv_sec * FATA_NS_PER_S + (uint64_t)t->tv_nsec;
	return take(set, info, ns ? clock_deadline(ns) : 0);
}

INSTEAD int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	return sigtimedwait(set, info, NULL);
}

INSTEAD int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	int rc;

	if (!unix_on_task())
		return REAL(sigwait)(set, sig);
	do {
		rc = sigtimedwait(set, NULL, NULL);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return errno;
	*sig = rc;
	return 0;
}

INSTEAD int pthread_kill(pthread_t t, int sig)
{
	int rc = REAL(pthread_kill)(t, sig);

	if (unix_on_task())
		unix_naps_look();
	return rc;
}
