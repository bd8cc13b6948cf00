/* SPDX-License-Identifier: ISC */
/*
 * The program of bench/guest.sh: Fata's own tasks (-DFATA) beside Linux's
 * threads, and what wakes them, each the best of several rounds, in ns. Rows of
 * the same name are compared. Threads on both sides: bench/libc.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef FATA
#include <fata/sync.h>
#include <fata/task.h>
#include <fata/timer.h>
#include <fata/trace.h>
#else
#include "../pthreads.h"
#endif

#define ROUNDS 5

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void measure(const char *name, void (*fn)(unsigned n), unsigned n)
{
	double best = 1e18;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = now();
		double took;

		fn(n);
		took = (double)(now() - start) / n;
		if (took < best)
			best = took;
	}
	printf("bench %s|ns|less|%.1f\n", name, best);
}

/* --- the same for both ------------------------------------------------------
 */

static void sleep_short(unsigned n)
{
	static const struct timespec t = {.tv_nsec = 100000};

	while (n--)
		nanosleep(&t, NULL);
}

static void copy(unsigned n)
{
	static char a[65536], b[65536];

	while (n--) {
		memcpy(a, b, sizeof(a));
		__asm__ volatile("" : : "r"(a) : "memory");
	}
}

/* --- Fata's own -------------------------------------------------------------
 */

#ifdef FATA
static int task_yielder(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		fata_yield();
	return 0;
}

static void task_yield(unsigned n)
{
	struct task *t;

	if (fata_task_spawn(&t, NULL, task_yielder, (void *)(uintptr_t)(n / 2)))
		abort();
	task_yielder((void *)(uintptr_t)(n / 2));
	fata_task_join(t, NULL, FATA_FOREVER);
}

static int task_nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void task_spawn(unsigned n)
{
	struct task *t;

	while (n--) {
		if (fata_task_spawn(&t, NULL, task_nothing, NULL))
			abort();
		fata_task_join(t, NULL, FATA_FOREVER);
	}
}

static void task_spawn_many(unsigned n)
{
	static struct task *t[500];

	for (unsigned i = 0; i < n; i++)
		if (fata_task_spawn(&t[i], NULL, task_nothing, NULL))
			abort();
	for (unsigned i = 0; i < n; i++)
		fata_task_join(t[i], NULL, FATA_FOREVER);
}

static struct mutex task_mutex;

static void task_lock(unsigned n)
{
	while (n--) {
		mutex_lock(&task_mutex, FATA_FOREVER);
		mutex_unlock(&task_mutex);
	}
}

static struct chan there, back;

static int answer(void *arg)
{
	unsigned word;

	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		chan_recv(&there, &word, FATA_FOREVER);
		chan_send(&back, &word, FATA_FOREVER);
	}
	return 0;
}

static void task_round_trip(unsigned n)
{
	struct task *t;
	unsigned word = 0;

	if (chan_init(&there, sizeof(word), 1) ||
	    chan_init(&back, sizeof(word), 1) ||
	    fata_task_spawn(&t, NULL, answer, (void *)(uintptr_t)n))
		abort();
	for (; n; n--) {
		chan_send(&there, &word, FATA_FOREVER);
		chan_recv(&back, &word, FATA_FOREVER);
	}
	fata_task_join(t, NULL, FATA_FOREVER);
	chan_destroy(&there);
	chan_destroy(&back);
}

static void fire(void *arg)
{
	(void)arg;
}

#define TIMERS 100000

static void timers(unsigned n)
{
	struct timer *t = calloc(n, sizeof(*t));
	uint32_t x = 1;

	for (unsigned i = 0; t && i < n; i++) {
		x = x * 1664525 + 1013904223;
		timer_set(&t[i], x, fire, NULL); /* all due */
	}
	fata_yield();
	for (unsigned i = 0; t && i < n; i++)
		timer_cancel(&t[i]);
	free(t);
}

static void task_sleep(unsigned n)
{
	while (n--)
		fata_sleep(100000);
}

static void record(unsigned n)
{
	while (n--)
		trace(TRACE_USER, n, 0);
}

/* What tracing costs; all that came before ran without. */
static void traced(struct trace_header *ring)
{
	measure("trace point, off", record, 20000);
	fata_trace_ring = ring;
	measure("trace point, on", record, 20000);
	measure("task yield to another, traced", task_yield, 5000);
	fata_trace_ring = NULL;
}
#else
/* --- what Linux has for tasks: threads --------------------------------------
 */

#define task_yield      pthreads_switch
#define task_spawn      pthreads_create
#define task_spawn_many pthreads_create_many
#define task_lock       pthreads_lock
#define task_round_trip pthreads_condition
#define task_sleep      sleep_short
#endif

int main(void)
{
#ifdef FATA
	struct trace_header *ring = fata_trace_ring;

	fata_trace_ring = NULL;
#endif
	measure("task spawn and join", task_spawn, 200);
	measure("500 tasks at once, each", task_spawn_many, 500);
	measure("task yield to another", task_yield, 5000);
	measure("task mutex lock and unlock", task_lock, 20000);
	measure("task round trip by channels", task_round_trip, 2000);
	measure("task sleep of 100 us", task_sleep, 100);
	measure("nanosleep of 100 us", sleep_short, 100);
	measure("memcpy of 64 KiB", copy, 500);
#ifdef FATA
	measure("timer, set and fire, of 100,000", timers, TIMERS);
	if (ring)
		traced(ring);
#endif
	return 0;
}
