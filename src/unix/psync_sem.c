/* SPDX-License-Identifier: ISC */
/*
 * Semaphores, read-write locks, spin locks and barriers of pthreads. Interface:
 * psync.h, which says how they wait. A barrier is ours alone, in libc's bytes.
 */
#include "unix/psync.h"

#include "unix/host.h"
#include "unix/io.h"

#include <errno.h>
#include <fata/task.h>
#include <semaphore.h>

/* --- semaphores --------------------------------------------------------- */

static int try_sem(void *p)
{
	return REAL(sem_trywait)(p) ? (errno == EAGAIN ? EBUSY : errno) : 0;
}

static int wait_sem(sem_t *s, uint64_t deadline)
{
	int rc;

	do {
		rc = psync_acquire(try_sem, s, deadline, true);
		if (rc == ECANCELED)
			unix_testcancel();
	} while (rc == ECANCELED);
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
	return unix_on_task() ? wait_sem(s, psync_deadline(CLOCK_REALTIME, t))
			      : REAL(sem_timedwait)(s, t);
}

INSTEAD int sem_clockwait(sem_t *restrict s, clockid_t clock,
			  const struct timespec *restrict t)
{
	return unix_on_task() ? wait_sem(s, psync_deadline(clock, t))
			      : REAL(sem_clockwait)(s, clock, t);
}

INSTEAD int sem_post(sem_t *s)
{
	int rc = REAL(sem_post)(s);

	psync_wake(s, false);
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
	return unix_on_task() ? psync_acquire(try_read, l, FATA_FOREVER, false)
			      : REAL(pthread_rwlock_rdlock)(l);
}

INSTEAD int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	return unix_on_task() ? psync_acquire(try_write, l, FATA_FOREVER, false)
			      : REAL(pthread_rwlock_wrlock)(l);
}

INSTEAD int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict l,
				       const struct timespec *restrict t)
{
	return unix_on_task()
		       ? psync_acquire(try_read, l,
				       psync_deadline(CLOCK_REALTIME, t), false)
		       : REAL(pthread_rwlock_timedrdlock)(l, t);
}

INSTEAD int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict l,
				       const struct timespec *restrict t)
{
	return unix_on_task()
		       ? psync_acquire(try_write, l,
				       psync_deadline(CLOCK_REALTIME, t), false)
		       : REAL(pthread_rwlock_timedwrlock)(l, t);
}

INSTEAD int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	int rc = REAL(pthread_rwlock_unlock)(l);

	psync_wake(l, true); /* many may read */
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

/*
 * One of those that meet may destroy the barrier when it is let go, and make it
 * anew, while others have not run since: they are waited for (POSIX, as glibc).
 */
struct barrier {
	unsigned need, there;
	unsigned leaving; /* let go, and still to run */
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

static void wait_for_change(pthread_barrier_t *p)
{
	uint64_t seen = event_count(psync_event(p));

	event_wait(psync_event(p), &seen, FATA_FOREVER);
}

INSTEAD int pthread_barrier_destroy(pthread_barrier_t *p)
{
	struct barrier *b = barrier_of(p);

	while (b->leaving)
		wait_for_change(p);
	return b->there ? EBUSY : 0;
}

INSTEAD int pthread_barrier_wait(pthread_barrier_t *p)
{
	struct barrier *b = barrier_of(p);
	uint64_t mine = b->passed;

	if (++b->there == b->need) {
		b->there = 0;
		b->leaving += b->need - 1;
		b->passed++;
		psync_released(p);
		return PTHREAD_BARRIER_SERIAL_THREAD;
	}
	while (b->passed == mine)
		wait_for_change(p);
	if (!--b->leaving)
		psync_released(p);
	return 0;
}
