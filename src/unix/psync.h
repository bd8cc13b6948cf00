/* SPDX-License-Identifier: ISC */
/*
 * How pthreads' objects are waited for. One thread runs at a time, so each is
 * tried, and when that fails the task parks:
 *
 *     lock     trylock -> EBUSY: into the queue of this address, park; again
 *     unlock   libc's unlock; the first of the queue tries again
 *
 * Who was woken and gives up wakes the next.
 *
 * Interface: psync.c has mutexes and conditions, psync_sem.c the others.
 */
#ifndef FATA_UNIX_PSYNC_H
#define FATA_UNIX_PSYNC_H

#include <fata/event.h>
#include <pthread.h>
#include <time.h>

/*
 * try(p) until it is not EBUSY or the deadline has passed (ETIMEDOUT). What is
 * no point of cancellation keeps one for later; `point` is one (ECANCELED), and
 * a handler ends it, too (EINTR).
 */
int psync_acquire(int (*try)(void *p), void *p, uint64_t deadline, bool point);

/* One, or all, of those in the queue of p try again. */
void psync_wake(const void *p, bool all);

/* An event for the object at p, and for neighbours of it. */
struct event *psync_event(const void *p);

/* Everybody who waits for that event looks again. */
void psync_released(const void *p);

/* A time of that clock as a deadline; NULL: none. */
uint64_t psync_deadline(clockid_t clock, const struct timespec *t);

#endif
