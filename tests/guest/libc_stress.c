/* SPDX-License-Identifier: ISC */
/*
 * A thousand pthreads at once, in random turns: a mutex and a condition that
 * all of them use, barriers, thread-specific data with destructors, and every
 * third one cancelled wherever it waits. It also passes as a Linux program.
 * guest: memory 256
 * guest: says ^1000 threads, 334 cancelled, 20000 turns$
 */
#define _GNU_SOURCE
#include <errno.h>
#include <lib/guest.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <unistd.h>

#define THREADS 1000
#define TURNS 20

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_key_t key;
static sem_t never;
static unsigned turns, next, inside, cleaned, dtors, waiting;
static _Thread_local unsigned mine;

static unsigned random_of(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

static void drop(void *value)
{
	check_equal((uintptr_t)value, mine + 1);
	__atomic_add_fetch(&dtors, 1, __ATOMIC_SEQ_CST);
}

static void clean(void *arg)
{
	pthread_mutex_t *m = arg;

	if (m)
		check_equal(pthread_mutex_unlock(m), 0);
	__atomic_add_fetch(&cleaned, 1, __ATOMIC_SEQ_CST);
}

/* A turn of one's own: nobody else inside, in no order. */
static void take_turn(unsigned *seed)
{
	check_equal(pthread_mutex_lock(&mutex), 0);
	check_equal(inside++, 0);
	if (random_of(seed) % 2)
		sched_yield();
	turns++;
	check_equal(--inside, 0);
	check_equal(pthread_mutex_unlock(&mutex), 0);
}

/* In the order of their numbers, by one condition. */
static void wait_in_line(unsigned me)
{
	check_equal(pthread_mutex_lock(&mutex), 0);
	while (next != me)
		pthread_cond_wait(&cond, &mutex);
	next++;
	check_equal(pthread_cond_broadcast(&cond), 0);
	check_equal(pthread_mutex_unlock(&mutex), 0);
}

/* For ever, until it is cancelled. */
static void wait_for_cancel(unsigned how)
{
	pthread_mutex_t *m = how % 3 == 1 ? &mutex : NULL;

	pthread_cleanup_push(clean, m);
	if (m)
		pthread_mutex_lock(m);
	__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	switch (how % 3) {
	case 0:
		for (;;)
			sleep(1000);
	case 1:
		while (next != ~0u)
			pthread_cond_wait(&cond, &mutex);
		break;
	default:
		while (!sem_wait(&never))
			;
	}
	pthread_cleanup_pop(0);
}

static void *thread(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, seed = me;

	mine = me;
	check(!pthread_getspecific(key));
	check_equal(pthread_setspecific(key, (void *)(uintptr_t)(me + 1)), 0);
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < TURNS; i++)
		take_turn(&seed);
	if (me % 10 == 0)
		wait_in_line(me / 10);
	pthread_barrier_wait(&barrier);
	check_equal(mine, me);
	check_equal((uintptr_t)pthread_getspecific(key), me + 1);
	if (me % 3 == 0)
		wait_for_cancel(me / 3);
	return arg;
}

int main(void)
{
	static pthread_t t[THREADS];
	unsigned cancelled = 0;
	pthread_attr_t a;
	void *result;

	pthread_attr_init(&a);
	check_equal(pthread_attr_setstacksize(&a, 16384), 0);
	pthread_barrier_init(&barrier, NULL, THREADS);
	pthread_key_create(&key, drop);
	sem_init(&never, 0, 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		check_equal(pthread_create(&t[i], &a, thread, (void *)i), 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (i % 3) {
			check_equal(pthread_join(t[i], &result), 0);
			check_equal(result, i);
		}
	while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < 334)
		usleep(1000);
	usleep(10000);
	for (unsigned i = 0; i < THREADS; i += 3)
		check_equal(pthread_cancel(t[i]), 0);
	for (unsigned i = 0; i < THREADS; i += 3) {
		check_equal(pthread_join(t[i], &result), 0);
		check(result == PTHREAD_CANCELED);
		cancelled++;
	}
	check_equal(cleaned, 334);
	check_equal(dtors, THREADS);
	printf("%d threads, %u cancelled, %u turns\n", THREADS, cancelled,
	       turns);
	return 0;
}
