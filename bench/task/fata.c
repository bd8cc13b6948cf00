/* SPDX-License-Identifier: ISC */
/* The operations on Fata's tasks; see bench.h. */
#include "bench.h"

#include <fata/fata.h>
#include <stdlib.h>
#include <unix/unix.h>

static void must(int err)
{
	if (err)
		abort();
}

static void start(void)
{
	unix_init("bench");
}

static int end_at_once(void *arg)
{
	(void)arg;
	return 0;
}

static void spawn(unsigned n)
{
	struct task *t;

	while (n--) {
		must(fata_task_spawn(&t, NULL, end_at_once, NULL));
		must(fata_task_join(t, NULL, FATA_FOREVER));
	}
}

/* Run fn(n) on another task and here. */
static void with_other(int (*fn)(void *arg), unsigned n)
{
	struct task *t;

	must(fata_task_spawn(&t, NULL, fn, (void *)(uintptr_t)n));
	fn((void *)(uintptr_t)n);
	must(fata_task_join(t, NULL, FATA_FOREVER));
}

static int yielder(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		fata_yield();
	return 0;
}

static void yield(unsigned n)
{
	with_other(yielder, n / 2);
}

static struct mutex m;

static void lock(unsigned n)
{
	while (n--) {
		must(mutex_lock(&m, FATA_FOREVER));
		mutex_unlock(&m);
	}
}

/* The other waits for the lock by the time it is given back. */
static int holder(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		must(mutex_lock(&m, FATA_FOREVER));
		fata_yield();
		mutex_unlock(&m);
	}
	return 0;
}

static void handover(unsigned n)
{
	with_other(holder, n / 2);
}

static struct cond to[2];
static unsigned turn;

static void take_turns(unsigned me, unsigned n)
{
	must(mutex_lock(&m, FATA_FOREVER));
	for (; n; n--) {
		while (turn != me)
			must(cond_wait(&to[me], &m, FATA_FOREVER));
		turn = !me;
		cond_signal(&to[!me]);
	}
	mutex_unlock(&m);
}

static int take_other_turns(void *arg)
{
	take_turns(1, (unsigned)(uintptr_t)arg);
	return 0;
}

static void cond(unsigned n)
{
	struct task *t;

	turn = 0;
	must(fata_task_spawn(&t, NULL, take_other_turns, (void *)(uintptr_t)n));
	take_turns(0, n);
	must(fata_task_join(t, NULL, FATA_FOREVER));
}

static struct chan there, back;

static int answer(void *arg)
{
	uint64_t v;

	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		must(chan_recv(&there, &v, FATA_FOREVER));
		must(chan_send(&back, &v, FATA_FOREVER));
	}
	return 0;
}

static void rendezvous(unsigned n)
{
	struct task *t;
	uint64_t v = 1;

	must(chan_init(&there, sizeof(v), 0));
	must(chan_init(&back, sizeof(v), 0));
	must(fata_task_spawn(&t, NULL, answer, (void *)(uintptr_t)n));
	while (n--) {
		must(chan_send(&there, &v, FATA_FOREVER));
		must(chan_recv(&back, &v, FATA_FOREVER));
	}
	must(fata_task_join(t, NULL, FATA_FOREVER));
}

static int drain(void *arg)
{
	uint64_t v;

	for (uintptr_t n = (uintptr_t)arg; n; n--)
		must(chan_recv(&there, &v, FATA_FOREVER));
	return 0;
}

static void stream(unsigned n)
{
	struct task *t;
	uint64_t v = 1;

	must(chan_init(&there, sizeof(v), 64));
	must(fata_task_spawn(&t, NULL, drain, (void *)(uintptr_t)n));
	while (n--)
		must(chan_send(&there, &v, FATA_FOREVER));
	must(fata_task_join(t, NULL, FATA_FOREVER));
	chan_destroy(&there);
}

const struct side side_fata = {
	.name = "Fata",
	.start = start,
	.spawn = spawn,
	.yield = yield,
	.lock = lock,
	.handover = handover,
	.cond = cond,
	.rendezvous = rendezvous,
	.stream = stream,
};
