/* SPDX-License-Identifier: ISC */
/*
 * A million timers, in no order: each fires once, none early, all in the order
 * of their deadlines, those of equal deadlines in the order of arming; those
 * that were cancelled do not, moved ones only at the new time.
 * guest: memory 256
 */
#include <fata/clock.h>
#include <fata/task.h>
#include <fata/timer.h>
#include <lib/guest.h>

#define TIMERS 1000000

static struct timer *timers;
static uint64_t last;
static struct timer *last_timer;
static unsigned fired;

static void fire(void *arg)
{
	struct timer *t = arg;
	uint64_t deadline = t->deadline;

	/* Xen may emulate the time-stamp counter, a hundred us a reading. */
	if ((t - timers) % 64 == 1)
		check(deadline <= clock_mono_ns());
	check(deadline >= last);
	check(deadline > last || !last_timer || t > last_timer);
	check(!timer_cancel(t));
	last = deadline;
	last_timer = t;
	fired++;
}

/* Numerical Recipes' generator: the same timers in each run. */
static uint32_t next_random(void)
{
	static uint32_t x = 1;

	return x = x * 1664525 + 1013904223;
}

int main(void)
{
	uint64_t base = clock_mono_ns() + 2 * FATA_NS_PER_S;
	unsigned cancelled = 0;

	timers = calloc(TIMERS, sizeof(*timers));
	check(timers);
	for (unsigned i = 0; i < TIMERS; i++) /* many share a deadline */
		timer_set(&timers[i], base + next_random() % 100000 * 10000,
			  fire, &timers[i]);
	for (unsigned i = 0; i < TIMERS; i += 4) {
		check(timer_cancel(&timers[i]));
		check(!timer_cancel(&timers[i]));
		cancelled++;
	}
	for (unsigned i = 1; i < TIMERS; i += 1000) /* to behind all others */
		timer_set(&timers[i], base + 2 * FATA_NS_PER_S, fire,
			  &timers[i]);
	check_equal(fata_sleep_until(base + 2 * FATA_NS_PER_S), 0);
	while (fired < TIMERS - cancelled)
		fata_yield();
	check_equal(fata_sleep(FATA_NS_PER_MS), 0);
	check_equal(fired, TIMERS - cancelled);
	free(timers);
	return 0;
}
