/* SPDX-License-Identifier: ISC */
/* Threads: making them, switching between them, waiting for each other. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <unistd.h>

#include "bench.h"

static void *nothing(void *arg)
{
	return arg;
}

static void start(pthread_t *t, void *(*fn)(void *), uintptr_t arg)
{
	bench_check(!pthread_create(t, NULL, fn, (void *)arg), "a thread");
}

static void create(unsigned n)
{
	pthread_t t;

	while (n--) {
		start(&t, nothing, 0);
		pthread_join(t, NULL);
	}
}

#define MANY 500

static void create_many(unsigned n)
{
	static pthread_t t[MANY];

	for (unsigned i = 0; i < n; i++)
		start(&t[i], nothing, 0);
	for (unsigned i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

static void *yielder(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		sched_yield();
	return NULL;
}

static void switch_over(unsigned n)
{
	pthread_t t;

	start(&t, yielder, n / 2);
	yielder((void *)(uintptr_t)(n / 2));
	pthread_join(t, NULL);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned turn;

static void lock(unsigned n)
{
	while (n--) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
}

static void rounds(unsigned n, unsigned me)
{
	pthread_mutex_lock(&mutex);
	for (; n; n--) {
		while (turn != me)
			pthread_cond_wait(&cond, &mutex);
		turn = !me;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&mutex);
}

static void *other_rounds(void *arg)
{
	rounds((unsigned)(uintptr_t)arg, 1);
	return NULL;
}

static void by_condition(unsigned n)
{
	pthread_t t;

	start(&t, other_rounds, n);
	rounds(n, 0);
	pthread_join(t, NULL);
}

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
	start(&t, other_hands, n);
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

	start(&t, other_sems, n);
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

	start(&t, other_end, n);
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
	bench("thread: create and join", create, 300);
	bench("500 threads at once, each", create_many, MANY);
	bench("thread switch (sched_yield)", switch_over, 5000);
	bench("mutex, lock and unlock", lock, 20000);
	bench("mutex ping-pong, there and back", ping_pong, 2000);
	bench("condition, there and back", by_condition, 2000);
	bench("semaphores, there and back", by_semaphores, 2000);
	bench("pipes, there and back", by_pipes, 2000);
	bench("thread-specific data", specific, 20000);
}
