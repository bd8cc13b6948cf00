/* SPDX-License-Identifier: ISC */
/*
 * The operations on State Threads, Debian's libst; see bench.h. It has no call
 * that yields.
 */
#include "bench.h"

#include <st.h>
#include <stdint.h>
#include <stdlib.h>

static void must(int err)
{
	if (err)
		abort();
}

static st_mutex_t m;
static st_cond_t to[2];

static void start(void)
{
	st_set_eventsys(ST_EVENTSYS_ALT); /* epoll, as we have */
	must(st_init());
	m = st_mutex_new();
	to[0] = st_cond_new();
	to[1] = st_cond_new();
}

static st_thread_t begin(void *(*fn)(void *arg), unsigned n)
{
	st_thread_t t = st_thread_create(fn, (void *)(uintptr_t)n, 1, 65536);

	if (!t)
		abort();
	return t;
}

static void *end_at_once(void *arg)
{
	return arg;
}

static void spawn(unsigned n)
{
	while (n--)
		must(st_thread_join(begin(end_at_once, 0), NULL));
}

static void lock(unsigned n)
{
	while (n--) {
		must(st_mutex_lock(m));
		must(st_mutex_unlock(m));
	}
}

static unsigned turn;

/* Its conditions need no mutex, as nothing is preempted. */
static void take_turns(unsigned me, unsigned n)
{
	for (; n; n--) {
		while (turn != me)
			must(st_cond_wait(to[me]));
		turn = !me;
		must(st_cond_signal(to[!me]));
	}
}

static void *take_other_turns(void *arg)
{
	take_turns(1, (unsigned)(uintptr_t)arg);
	return NULL;
}

static void cond(unsigned n)
{
	st_thread_t t;

	turn = 0;
	t = begin(take_other_turns, n);
	take_turns(0, n);
	must(st_thread_join(t, NULL));
}

const struct side side_st = {
	.name = "State Threads",
	.start = start,
	.spawn = spawn,
	.lock = lock,
	.cond = cond,
};
