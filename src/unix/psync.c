/* SPDX-License-Identifier: ISC */
/*
 * Mutexes and conditions of pthreads, and the queues in which tasks wait for
 * these and others (psync.h).
 *
 * The objects themselves stay libc's, but for conditions, which hold nothing at
 * all: all who wait for one, or for another with the same event, wake up at
 * each signal.
 */
#include "unix/psync.h"

#include "unix/host.h"
#include "unix/io.h"
#include "unix/signal.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/event.h>
#include <fata/task.h>
#include <unistd.h>

#define EVENTS 256

/* Waits for the object at p; in the queue of its bucket, oldest first. */
struct waiter {
	struct waiter *next;
	const void *p;
	struct event event;
	bool woken;
};

static struct event events[EVENTS];
static struct waiter *queues[EVENTS];

static unsigned bucket(const void *p)
{
	return ((uintptr_t)p >> 3) * 0x9e3779b97f4a7c15ull >> 56;
}

struct event *psync_event(const void *p)
{
	return &events[bucket(p)];
}

/* A handler has released something: all look whether it was theirs. */
static void look_again(void)
{
	for (unsigned i = 0; i < EVENTS; i++) {
		event_signal(&events[i]);
		for (struct waiter *w = queues[i]; w; w = w->next)
			event_signal(&w->event);
	}
}

/* May waiters be told now? */
static bool tells(void)
{
	if (!unix_is_loop_thread())
		return false;
	unix_posted = look_again;
	if (!unix_in_handler())
		return true;
	unix_handler_posts();
	return false;
}

void psync_released(const void *p)
{
	struct event *e = psync_event(p);

	if (e->first && tells())
		event_signal(e);
}

static void enqueue(struct waiter *w)
{
	struct waiter **at = &queues[bucket(w->p)];

	while (*at)
		at = &(*at)->next;
	*at = w;
}

static void dequeue(const struct waiter *w)
{
	struct waiter **at = &queues[bucket(w->p)];

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
}

void psync_wake(const void *p, bool all)
{
	struct waiter *w;

	if (!queues[bucket(p)] || !tells())
		return;
	for (w = queues[bucket(p)]; w; w = w->next) {
		if (w->p != p || w->woken)
			continue;
		w->woken = true;
		event_signal(&w->event);
		if (!all)
			return;
	}
}

uint64_t psync_deadline(clockid_t clock, const struct timespec *t)
{
	uint64_t ns, now;

	if (!t)
		return FATA_FOREVER;
	if (t->tv_sec < 0)
		return 0;
	ns = (uint64_t)t->tv_sec * FATA_NS_PER_S + (uint64_t)t->tv_nsec;
	if (clock == CLOCK_MONOTONIC)
		return ns;
	now = clock_wall_ns();
	return ns > now ? clock_deadline(ns - now) : 0;
}

/*
 * In the queue: until it is not busy, EBUSY at the deadline; EINTR or ECANCELED
 * only where that can be.
 */
static int acquire_slowly(int (*try)(void *p), struct waiter *w, void *p,
			  uint64_t deadline, bool *cancelled)
{
	int rc, err = 0;

	for (;;) {
		uint64_t seen = event_count(&w->event);

		w->woken = false;
		rc = try(p);
		if (rc != EBUSY || err == -ETIMEDOUT)
			return rc;
		err = cancelled ? event_wait(&w->event, &seen, deadline)
				: unix_event_wait(&w->event, &seen, deadline);
		if (err == -EINTR ||
		    (err == -ERESTART && deadline != FATA_FOREVER))
			return EINTR;
		if (err != -ECANCELED)
			continue;
		if (!cancelled)
			return ECANCELED;
		*cancelled = true;
	}
}

int psync_acquire(int (*try)(void *p), void *p, uint64_t deadline, bool point)
{
	struct waiter w = {.p = p};
	bool cancelled = false;
	int rc = try(p);

	if (rc != EBUSY)
		return rc;
	enqueue(&w);
	rc = acquire_slowly(try, &w, p, deadline, point ? NULL : &cancelled);
	dequeue(&w);
	if (rc && w.woken)
		psync_wake(p, false);
	if (cancelled)
		fata_task_cancel(fata_task_self());
	return rc == EBUSY ? ETIMEDOUT : rc;
}

/* --- mutexes ------------------------------------------------------------ */

static int try_mutex(void *p)
{
	pthread_mutex_t *m = p;
	int rc = REAL(pthread_mutex_trylock)(m);

	/* libc tells who locks twice, and parks who must not */
	if (rc == EBUSY && m->__data.__owner == gettid() &&
	    (m->__data.__kind & 3) == PTHREAD_MUTEX_ERRORCHECK)
		return EDEADLK;
	return rc;
}

INSTEAD int pthread_mutex_lock(pthread_mutex_t *m)
{
	return unix_on_task() ? psync_acquire(try_mutex, m, FATA_FOREVER, false)
			      : REAL(pthread_mutex_lock)(m);
}

INSTEAD int pthread_mutex_clocklock(pthread_mutex_t *restrict m,
				    clockid_t clock,
				    const struct timespec *restrict t)
{
	return unix_on_task() ? psync_acquire(try_mutex, m,
					      psync_deadline(clock, t), false)
			      : REAL(pthread_mutex_clocklock)(m, clock, t);
}

INSTEAD int pthread_mutex_timedlock(pthread_mutex_t *restrict m,
				    const struct timespec *restrict t)
{
	return unix_on_task()
		       ? psync_acquire(try_mutex, m,
				       psync_deadline(CLOCK_REALTIME, t), false)
		       : REAL(pthread_mutex_timedlock)(m, t);
}

INSTEAD int pthread_mutex_unlock(pthread_mutex_t *m)
{
	int rc = REAL(pthread_mutex_unlock)(m);

	psync_wake(m, false);
	return rc;
}

/* --- conditions --------------------------------------------------------- */

static int wait_cond(pthread_cond_t *c, pthread_mutex_t *m, uint64_t deadline)
{
	struct event *e = psync_event(c);
	uint64_t seen = event_count(e);
	int rc = pthread_mutex_unlock(m);

	if (rc)
		return rc;
	rc = event_wait(e, &seen, deadline);
	pthread_mutex_lock(m);
	if (rc == -ECANCELED)
		unix_testcancel();
	return rc == -ETIMEDOUT ? ETIMEDOUT : 0;
}

INSTEAD int pthread_cond_wait(pthread_cond_t *restrict c,
			      pthread_mutex_t *restrict m)
{
	return unix_on_task() ? wait_cond(c, m, FATA_FOREVER)
			      : REAL(pthread_cond_wait)(c, m);
}

INSTEAD int pthread_cond_clockwait(pthread_cond_t *restrict c,
				   pthread_mutex_t *restrict m, clockid_t clock,
				   const struct timespec *restrict t)
{
	return unix_on_task() ? wait_cond(c, m, psync_deadline(clock, t))
			      : REAL(pthread_cond_clockwait)(c, m, clock, t);
}

/* The clock that pthread_condattr_setclock chose, as glibc keeps it. */
static clockid_t clock_of(const pthread_cond_t *c)
{
	return c->__data.__wrefs & 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

INSTEAD int pthread_cond_timedwait(pthread_cond_t *restrict c,
				   pthread_mutex_t *restrict m,
				   const struct timespec *restrict t)
{
	return unix_on_task() ? wait_cond(c, m, psync_deadline(clock_of(c), t))
			      : REAL(pthread_cond_timedwait)(c, m, t);
}

INSTEAD int pthread_cond_signal(pthread_cond_t *c)
{
	psync_released(c);
	return REAL(pthread_cond_signal)(c);
}

INSTEAD int pthread_cond_broadcast(pthread_cond_t *c)
{
	psync_released(c);
	return REAL(pthread_cond_broadcast)(c);
}
