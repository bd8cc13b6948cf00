/* SPDX-License-Identifier: ISC */
/* Threads: making them, switching between them, waiting for each other. */
#include <semaphore.h>
#include <stdint.h>
#include <unistd.h>

#include "../pthreads.h"
#include "bench.h"

/*
 * Hand over hand along a ring of three: the next one is always held by the
 * other thread, so each step waits for it once.
 */
static pthread_mutex_t ring[3] = {PTHREAD_MUTEX_INITIALIZER,
				  PTHREAD_MUTEX_INITIALIZER,
				  PTHREAD_MUTEX_INITIALIZER};
static volatile int joined;

static void climb(unsigned n, unsigned at)
{
	for (; n; n--, at = (at + 1) % 3) {
		pthread_mutex_lock(&ring[(at + 1) % 3]);
		pthread_mutex_unlock(&ring[at]);
	}
	pthread_mutex_unlock(&ring[at]);
}

static void *other_hands(void *arg)
{
	pthread_mutex_lock(&ring[1]);
	joined = 1;
	climb((unsigned)(uintptr_t)arg, 1);
	return NULL;
}

static void ping_pong(unsigned n)
{
	pthread_t t;

	joined = 0;
	pthread_mutex_lock(&ring[0]);
	pthreads_start(&t, other_hands, n);
	while (!joined)
		sched_yield();
	climb(n, 0);
	pthread_join(t, NULL);
}

static sem_t ping, pong;

static void *other_sems(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		sem_wait(&ping);
		sem_post(&pong);
	}
	return NULL;
}

static void by_semaphores(unsigned n)
{
	pthread_t t;

	pthreads_start(&t, other_sems, n);
	for (; n; n--) {
		sem_post(&ping);
		sem_wait(&pong);
	}
	pthread_join(t, NULL);
}

/* A byte to the other thread and one back. */
static int there[2], back[2];

static void *other_end(void *arg)
{
	char c;

	for (uintptr_t n = (uintptr_t)arg; n; n--)
		bench_check(read(there[0], &c, 1) == 1 &&
				    write(back[1], &c, 1) == 1,
			    "pipe");
	return NULL;
}

static void by_pipes(unsigned n)
{
	pthread_t t;
	char c = 0;

	pthreads_start(&t, other_end, n);
	for (; n; n--)
		bench_check(write(there[1], &c, 1) == 1 &&
				    read(back[0], &c, 1) == 1,
			    "pipe");
	pthread_join(t, NULL);
}

static pthread_key_t key;

static void specific(unsigned n)
{
	while (n--)
		pthread_setspecific(key, pthread_getspecific(key));
}

void bench_threads(void)
{
	pthread_key_create(&key, NULL);
	sem_init(&ping, 0, 0);
	sem_init(&pong, 0, 0);
	bench_check(!pipe(there) && !pipe(back), "pipes");
	bench("thread: create and join", pthreads_create, 300);
	bench("500 threads at once, each", pthreads_create_many, PTHREADS_MANY);
	bench("thread switch (sched_yield)", pthreads_switch, 5000);
	bench("mutex, lock and unlock", pthreads_lock, 20000);
	bench("mutex ping-pong, there and back", ping_pong, 2000);
	bench("condition, there and back", pthreads_condition, 2000);
	bench("semaphores, there and back", by_semaphores, 2000);
	bench("pipes, there and back", by_pipes, 2000);
	bench("thread-specific data", specific, 20000);
}
