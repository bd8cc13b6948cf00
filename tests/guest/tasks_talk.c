/* SPDX-License-Identifier: ISC */
/*
 * Tasks in a guest: five thousand at once, sleeping, cancelled, handing locks
 * and messages to each other, with floating point that is each task's own.
 * guest: memory 320
 * guest: args --stack=16K
 */
#include <errno.h>
#include <fata/fata.h>
#include <lib/guest.h>

#define MANY 5000

static struct mutex lock;
static struct chan chan;
static unsigned running, most, inside;
static uint64_t sum;

static struct task *spawn(int (*fn)(void *arg), void *arg)
{
	struct task *t;

	check_equal(fata_task_spawn(&t, NULL, fn, arg), 0);
	return t;
}

static int join(struct task *t)
{
	int result;

	check_equal(fata_task_join(t, &result, FATA_FOREVER), 0);
	return result;
}

static int one_of_many(void *arg)
{
	uint64_t i = (uintptr_t)arg, deadline;
	volatile double mine = (double)i + 0.25;

	if (++running > most)
		most = running;
	deadline = clock_deadline(i % 50 * FATA_NS_PER_MS);
	check_equal(fata_sleep_until(deadline), 0);
	check(clock_mono_ns() >= deadline);
	check_equal(mutex_lock(&lock, FATA_FOREVER), 0);
	check_equal(inside++, 0);
	if (i % 7 == 0)
		fata_yield();
	inside--;
	mutex_unlock(&lock);
	check_equal(chan_send(&chan, &i, FATA_FOREVER), 0);
	check(mine == (double)i + 0.25);
	running--;
	return (int)i;
}

static void many(void)
{
	static struct task *t[MANY];
	struct heap_stat before, after;

	heap_quick_stat(&before);
	for (uintptr_t i = 0; i < MANY; i++)
		t[i] = spawn(one_of_many, (void *)i);
	for (unsigned i = 0; i < MANY; i++) {
		uint64_t v;

		check_equal(chan_recv(&chan, &v, FATA_FOREVER), 0);
		sum += v;
	}
	for (int i = 0; i < MANY; i++)
		check_equal(join(t[i]), i);
	fata_yield();
	check_equal(running, 0);
	check_equal(most, MANY);
	check_equal(sum, (uint64_t)MANY * (MANY - 1) / 2);
	heap_quick_stat(&after);
	/* all but the few that are kept for the next tasks */
	check(after.stack <= before.stack + (1 << 20));
	check(after.live <= before.live + (64 << 10));
}

static int sleep_long(void *arg)
{
	(void)arg;
	return fata_sleep(3600 * FATA_NS_PER_S);
}

static void cancelling(void)
{
	struct task *t = spawn(sleep_long, NULL);

	check_equal(fata_task_join(t, NULL, clock_deadline(1)), -ETIMEDOUT);
	fata_task_cancel(t);
	check_equal(join(t), -ECANCELED);
}

static int spin(void *arg)
{
	bool *stop = arg;
	int turns = 0;

	for (; !*stop; turns++)
		fata_yield();
	return turns;
}

/* A task that yields for ever does not keep a timer from being called. */
static void fairness(void)
{
	bool stop = false;
	struct task *t = spawn(spin, &stop);

	check_equal(fata_sleep(20 * FATA_NS_PER_MS), 0);
	stop = true;
	check(join(t) > 0);
}

int main(void)
{
	check_equal(chan_init(&chan, sizeof(uint64_t), 16), 0);
	many();
	cancelling();
	fairness();
	chan_destroy(&chan);
	return 0;
}
