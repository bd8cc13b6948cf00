/* SPDX-License-Identifier: ISC */
/*
 * What bench/libc and bench/guest do with threads: each function does its
 * operation n times. One file of a program includes this.
 */
#ifndef BENCH_PTHREADS_H
#define BENCH_PTHREADS_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

static void pthreads_start(pthread_t *t, void *(*fn)(void *), uintptr_t arg)
{
	if (pthread_create(t, NULL, fn, (void *)arg))
		abort();
}

static void *pthreads_nothing(void *arg)
{
	return arg;
}

/* Make one and join it. */
static void pthreads_create(unsigned n)
{
	pthread_t t;

	while (n--) {
		pthreads_start(&t, pthreads_nothing, 0);
		pthread_join(t, NULL);
	}
}

#define PTHREADS_MANY 500

/* n at once, PTHREADS_MANY at the most. */
static void pthreads_create_many(unsigned n)
{
	static pthread_t t[PTHREADS_MANY];

	for (unsigned i = 0; i < n; i++)
		pthreads_start(&t[i], pthreads_nothing, 0);
	for (unsigned i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

static void *pthreads_yielder(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		sched_yield();
	return NULL;
}

/* A switch from one to another. */
static void pthreads_switch(unsigned n)
{
	pthread_t t;

	pthreads_start(&t, pthreads_yielder, n / 2);
	pthreads_yielder((void *)(uintptr_t)(n / 2));
	pthread_join(t, NULL);
}

static pthread_mutex_t pthreads_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pthreads_cond = PTHREAD_COND_INITIALIZER;
static unsigned pthreads_turn;

/* Lock and unlock a mutex that nobody else wants. */
static void pthreads_lock(unsigned n)
{
	while (n--) {
		pthread_mutex_lock(&pthreads_mutex);
		pthread_mutex_unlock(&pthreads_mutex);
	}
}

static void pthreads_rounds(unsigned n, unsigned me)
{
	pthread_mutex_lock(&pthreads_mutex);
	for (; n; n--) {
		while (pthreads_turn != me)
			pthread_cond_wait(&pthreads_cond, &pthreads_mutex);
		pthreads_turn = !me;
		pthread_cond_signal(&pthreads_cond);
	}
	pthread_mutex_unlock(&pthreads_mutex);
}

static void *pthreads_other(void *arg)
{
	pthreads_rounds((unsigned)(uintptr_t)arg, 1);
	return NULL;
}

/* To the other one and back, by a condition. */
static void pthreads_condition(unsigned n)
{
	pthread_t t;

	pthreads_start(&t, pthreads_other, n);
	pthreads_rounds(n, 0);
	pthread_join(t, NULL);
}

#endif
