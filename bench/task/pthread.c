/* SPDX-License-Identifier: ISC */
/* The operations on Linux threads, pipes for channels; see bench.h. */
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static void must(int err)
{
	if (err)
		abort();
}

static void start(void) {}

static pthread_t begin(void *(*fn)(void *arg), unsigned n)
{
	pthread_attr_t a;
	pthread_t t;

	must(pthread_attr_init(&a));
	must(pthread_attr_setstacksize(&a, 65536));
	must(pthread_create(&t, &a, fn, (void *)(uintptr_t)n));
	must(pthread_attr_destroy(&a));
	return t;
}

static void *end_at_once(void *arg)
{
	return arg;
}

static void spawn(unsigned n)
{
	while (n--)
		must(pthread_join(begin(end_at_once, 0), NULL));
}

static void *yielder(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		sched_yield();
	return NULL;
}

static void yield(unsigned n)
{
	pthread_t t = begin(yielder, n / 2);

	yielder((void *)(uintptr_t)(n / 2));
	must(pthread_join(t, NULL));
}

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

static void lock(unsigned n)
{
	while (n--) {
		must(pthread_mutex_lock(&m));
		must(pthread_mutex_unlock(&m));
	}
}

/* The other waits for the lock by the time it is given back. */
static void *holder(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		must(pthread_mutex_lock(&m));
		sched_yield();
		must(pthread_mutex_unlock(&m));
		sched_yield();
	}
	return NULL;
}

static void handover(unsigned n)
{
	pthread_t t = begin(holder, n / 2);

	holder((void *)(uintptr_t)(n / 2));
	must(pthread_join(t, NULL));
}

static pthread_cond_t to[2] = {PTHREAD_COND_INITIALIZER,
			       PTHREAD_COND_INITIALIZER};
static unsigned turn;

static void take_turns(unsigned me, unsigned n)
{
	must(pthread_mutex_lock(&m));
	for (; n; n--) {
		while (turn != me)
			must(pthread_cond_wait(&to[me], &m));
		turn = !me;
		must(pthread_cond_signal(&to[!me]));
	}
	must(pthread_mutex_unlock(&m));
}

static void *take_other_turns(void *arg)
{
	take_turns(1, (unsigned)(uintptr_t)arg);
	return NULL;
}

static void cond(unsigned n)
{
	pthread_t t;

	turn = 0;
	t = begin(take_other_turns, n);
	take_turns(0, n);
	must(pthread_join(t, NULL));
}

static int there[2], back[2];

static void move(int fd, bool out)
{
	uint64_t v = 1;
	ssize_t n = out ? write(fd, &v, sizeof(v)) : read(fd, &v, sizeof(v));

	must(n != sizeof(v));
}

static void *answer(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		move(there[0], false);
		move(back[1], true);
	}
	return NULL;
}

static void open_pipes(void)
{
	must(pipe(there));
	must(pipe(back));
}

static void close_pipes(void)
{
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
}

static void rendezvous(unsigned n)
{
	pthread_t t;

	open_pipes();
	t = begin(answer, n);
	while (n--) {
		move(there[1], true);
		move(back[0], false);
	}
	must(pthread_join(t, NULL));
	close_pipes();
}

static void *drain(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		move(there[0], false);
	return NULL;
}

static void stream(unsigned n)
{
	pthread_t t;

	open_pipes();
	/* the least that a pipe can hold: 512 words */
	must(fcntl(there[1], F_SETPIPE_SZ, 4096) < 0);
	t = begin(drain, n);
	while (n--)
		move(there[1], true);
	must(pthread_join(t, NULL));
	close_pipes();
}

const struct side side_pthread = {
	.name = "Linux threads",
	.start = start,
	.spawn = spawn,
	.yield = yield,
	.lock = lock,
	.handover = handover,
	.cond = cond,
	.rendezvous = rendezvous,
	.stream = stream,
};
