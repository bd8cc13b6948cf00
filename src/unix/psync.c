/* SPDX-License-Identifier: ISC */
/*
 * What pthreads wait on: mutexes, conditions, semaphores, locks, barriers. One
 * thread runs at a time, so each is tried, and when that fails the task parks:
 *
 *     lock     trylock -> EBUSY: into the queue of this address, park; again
 *     unlock   libc's unlock; the first of the queue tries again
 *
 * Who was woken and gives up wakes the next. The objects themselves stay
 * libc's, but for barriers, and for conditions, which hold nothing at all: all
 * who wait for one, or for another with the same event, wake up at each signal.
 */
#include "unix/io.h"

#include "unix/host.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/event.h>
#include <fata/task.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
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

static struct event *event_of(const void *p)
{
	return &events[bucket(p)];
}

/* Everybody who waits for it, or for a neighbour. */
static void released(const void *p)
{
	struct event *e = event_of(p);

	if (unix_is_loop_thread() && e->first)
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

/* One, or all, of those in the queue of p try again. */
static void wake(const void *p, bool all)
{
	struct waiter *w;

	if (!unix_is_loop_thread())
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

static uint64_t deadline_of(clockid_t clock, const struct timespec *t)
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

/* In the queue: until it is not busy, EBUSY at the deadline, or EINTR. */
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
		err = event_wait(&w->event, &seen, deadline);
		if (err != -ECANCELED)
			continue;
		if (!cancelled)
			return EINTR;
		*cancelled = true;
	}
}

/*
 * Try until it is not busy or the deadline has passed. What is no point of
 * cancellation keeps one for later; `point` is one and ends with EINTR.
 */
static int acquire(int (*try)(void *p), void *p, uint64_t deadline, bool point)
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
		wake(p, false);
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
	return unix_on_task() ? acquire(try_mutex, m, FATA_FOREVER, false)
			      : REAL(pthread_mutex_lock)(m);
}

INSTEAD int pthread_mutex_clocklock(pthread_mutex_t *restrict m,
				    clockid_t clock,
				    const struct timespec *restrict t)
{
	return unix_on_task()
		       ? acquire(try_mutex, m, deadline_of(clock, t), false)
		       : REAL(pthread_mutex_clocklock)(m, clock, t);
}

INSTEAD int pthread_mutex_timedlock(pthread_mutex_t *restrict m,
				    const struct timespec *restrict t)
{
	return unix_on_task() ? acquire(try_mutex, m,
					deadline_of(CLOCK_REALTIME, t), false)
			      : REAL(pthread_mutex_timedlock)(m, t);
}

INSTEAD int pthread_mutex_unlock(pthread_mutex_t *m)
{
	int rc = REAL(pthread_mutex_unlock)(m);

	wake(m, false);
	return rc;
}

/* --- conditions --------------------------------------------------------- */

static int wait_cond(pthread_cond_t *c, pthread_mutex_t *m, uint64_t deadline)
{
	struct event *e = event_of(c);
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
	return unix_on_task() ? wait_cond(c, m, deadline_of(clock, t))
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
	return unix_on_task() ? wait_cond(c, m, deadline_of(clock_of(c), t))
			      : REAL(pthread_cond_timedwait)(c, m, t);
}

INSTEAD int pthread_cond_signal(pthread_cond_t *c)
{
	released(c);
	return REAL(pthread_cond_signal)(c);
}

INSTEAD int pthread_cond_broadcast(pthread_cond_t *c)
{
	released(c);
	return REAL(pthread_cond_broadcast)(c);
}

/* --- semaphores --------------------------------------------------------- */

static int try_sem(void *p)
{
	return REAL(sem_trywait)(p) ? (errno == EAGAIN ? EBUSY : errno) : 0;
}

static int wait_sem(sem_t *s, uint64_t deadline)
{
	int rc;

	do {
		rc = acquire(try_sem, s, deadline, true);
		unix_testcancel();
	} while (rc == EINTR);
	if (!rc)
		return 0;
	errno = rc;
	return -1;
}

INSTEAD int sem_wait(sem_t *s)
{
	return unix_on_task() ? wait_sem(s, FATA_FOREVER) : REAL(sem_wait)(s);
}

INSTEAD int sem_timedwait(sem_t *restrict s, const struct timespec *restrict t)
{
	return unix_on_task() ? wait_sem(s, deadline_of(CLOCK_REALTIME, t))
			      : REAL(sem_timedwait)(s, t);
}

INSTEAD int sem_clockwait(sem_t *restrict s, clockid_t clock,
			  const struct timespec *restrict t)
{
	return unix_on_task() ? wait_sem(s, deadline_of(clock, t))
			      : REAL(sem_clockwait)(s, clock, t);
}

INSTEAD int sem_post(sem_t *s)
{
	int rc = REAL(sem_post)(s);

	wake(s, false);
	return rc;
}

/* --- read-write locks, spin locks --------------------------------------- */

static int try_read(void *p)
{
	return REAL(pthread_rwlock_tryrdlock)(p);
}

static int try_write(void *p)
{
	return REAL(pthread_rwlock_trywrlock)(p);
}

INSTEAD int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	return unix_on_task() ? acquire(try_read, l, FATA_FOREVER, false)
			      : REAL(pthread_rwlock_rdlock)(l);
}

INSTEAD int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	return unix_on_task() ? acquire(try_write, l, FATA_FOREVER, false)
			      : REAL(pthread_rwlock_wrlock)(l);
}

INSTEAD int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict l,
				       const struct timespec *restrict t)
{
	return unix_on_task() ? acquire(try_read, l,
					deadline_of(CLOCK_REALTIME, t), false)
			      : REAL(pthread_rwlock_timedrdlock)(l, t);
}

INSTEAD int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict l,
				       const struct timespec *restrict t)
{
	return unix_on_task() ? acquire(try_write, l,
					deadline_of(CLOCK_REALTIME, t), false)
			      : REAL(pthread_rwlock_timedwrlock)(l, t);
}

INSTEAD int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	int rc = REAL(pthread_rwlock_unlock)(l);

	wake(l, true); /* many may read */
	return rc;
}

INSTEAD int pthread_spin_lock(pthread_spinlock_t *l)
{
	if (!unix_on_task())
		return REAL(pthread_spin_lock)(l);
	while (REAL(pthread_spin_trylock)(l))
		fata_yield(); /* the owner cannot run otherwise */
	return 0;
}

/* --- barriers ----------------------------------------------------------- */

struct barrier {
	unsigned need, there;
	uint64_t passed;
};

_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "it fits");

static struct barrier *barrier_of(pthread_barrier_t *b)
{
	return (struct barrier *)(void *)b;
}

INSTEAD int pthread_barrier_init(pthread_barrier_t *restrict b,
				 const pthread_barrierattr_t *restrict attr,
				 unsigned n)
{
	(void)attr;
	if (!n)
		return EINVAL;
	*barrier_of(b) = (struct barrier){.need = n};
	return 0;
}

INSTEAD int pthread_barrier_destroy(pthread_barrier_t *b)
{
	return barrier_of(b)->there ? EBUSY : 0;
}

INSTEAD int pthread_barrier_wait(pthread_barrier_t *p)
{
	struct barrier *b = barrier_of(p);
	uint64_t mine = b->passed;

	if (++b->there == b->need) {
		b->there = 0;
		b->passed++;
		released(p);
		return PTHREAD_BARRIER_SERIAL_THREAD;
	}
	while (b->passed == mine) {
		uint64_t seen = event_count(event_of(p));

		event_wait(event_of(p), &seen, FATA_FOREVER);
	}
	return 0;
}
