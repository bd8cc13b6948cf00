/* SPDX-License-Identifier: ISC */
/* Events: no lost signal, waits on many, cancelling against signalling. */
#include "unit/unit.h"

#include "core/task.h"

#include <core/event.h>
#include <errno.h>
#include <stdlib.h>

static struct event e[20];
static uint64_t seen0;
static int result;

static int set_up(void **state)
{
	(void)state;
	memset(e, 0, sizeof(e));
	seen0 = 0;
	result = 99;
	return 0;
}

static int wait_e0(void *arg)
{
	(void)arg;
	result = event_wait(&e[0], &seen0, FATA_FOREVER);
	return 0;
}

static struct task *start(int (*fn)(void *arg))
{
	struct task *t;

	assert_int_equal(fata_task_spawn(&t, NULL, fn, NULL), 0);
	fata_yield();
	return t;
}

static void join(struct task *t)
{
	assert_int_equal(fata_task_join(t, NULL, FATA_FOREVER), 0);
}

static void signal_before_the_wait_is_not_lost(void **state)
{
	uint64_t seen = event_count(&e[0]);

	(void)state;
	event_signal(&e[0]);
	event_signal(&e[0]);
	assert_int_equal(event_wait(&e[0], &seen, FATA_FOREVER), 0);
	assert_int_equal(seen, 2);
	assert_int_equal(event_wait(&e[0], &seen, 0), -ETIMEDOUT);
}

static void signal_wakes_every_waiter(void **state)
{
	struct task *t[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		t[i] = start(wait_e0);
	assert_int_equal(result, 99);
	event_signal(&e[0]);
	for (int i = 0; i < 5; i++)
		join(t[i]);
	assert_int_equal(result, 0);
	assert_int_equal(seen0, 1);
	assert_null(e[0].first);
	assert_null(e[0].last);
}

static void deadline_is_kept(void **state)
{
	uint64_t seen = 0, begin = clock_mono_ns();

	(void)state;
	assert_int_equal(event_wait(&e[0], &seen, begin + 77), -ETIMEDOUT);
	assert_int_equal(clock_mono_ns(), begin + 77);
	assert_int_equal(event_wait(&e[0], &seen, begin + 77), -ETIMEDOUT);
	assert_null(e[0].first);
}

static void signal_e0(void *arg)
{
	(void)arg;
	event_signal(&e[0]);
}

/* Both at the same moment, in both orders: the signal is reported, once. */
static void signal_against_deadline(void **state)
{
	for (int order = 0; order < 2; order++) {
		uint64_t seen = event_count(&e[0]), before = seen;
		uint64_t deadline = clock_deadline(100);
		struct timer t = {0};

		(void)state;
		if (!order)
			timer_set(&t, deadline, signal_e0, NULL);
		else
			timer_set(&t, deadline + 1, signal_e0, NULL);
		if (order) /* the deadline first, the signal in the same run */
			unix_clock_set(deadline - 1);
		int err = event_wait(&e[0], &seen, deadline);

		if (!err) {
			assert_int_equal(seen, before + 1);
		} else {
			assert_int_equal(err, -ETIMEDOUT);
			assert_int_equal(event_wait(&e[0], &seen, FATA_FOREVER),
					 0);
			assert_int_equal(seen, before + 1);
		}
		assert_int_equal(event_wait(&e[0], &seen, 0), -ETIMEDOUT);
	}
}

static void signal_then_cancel(void **state)
{
	struct task *t = start(wait_e0);

	(void)state;
	event_signal(&e[0]);
	fata_task_cancel(t); /* too late for this wait */
	join(t);
	assert_int_equal(result, 0);
}

static void cancel_then_signal(void **state)
{
	struct task *t = start(wait_e0);

	(void)state;
	fata_task_cancel(t);
	event_signal(&e[0]);
	join(t);
	assert_int_equal(result, -ECANCELED);
	assert_int_equal(seen0, 0); /* the signal is still to be seen */
	assert_int_equal(event_wait(&e[0], &seen0, 0), 0);
}

/* --- many ------------------------------------------------------------ */

static int wait_many(void *arg)
{
	struct event_wait w[N_OF(e)];

	(void)arg;
	for (size_t i = 0; i < N_OF(e); i++)
		w[i] = (struct event_wait){.event = &e[i]};
	result = event_wait_any(w, N_OF(w), FATA_FOREVER);
	return 0;
}

static void any_of_many(void **state)
{
	(void)state;
	for (int i = 19; i >= 0; i--) {
		struct task *t;

		set_up(NULL);
		t = start(wait_many);
		event_signal(&e[i]);
		join(t);
		assert_int_equal(result, i);
		for (size_t k = 0; k < N_OF(e); k++)
			assert_null(e[k].first);
	}
}

static void any_reports_the_first_and_keeps_the_others(void **state)
{
	struct event_wait w[3] = {{&e[0], 0}, {&e[1], 0}, {&e[2], 0}};

	(void)state;
	event_signal(&e[2]);
	event_signal(&e[1]);
	assert_int_equal(event_wait_any(w, 3, 0), 1);
	assert_int_equal(w[1].seen, 1);
	assert_int_equal(w[2].seen, 0);
	assert_int_equal(event_wait_any(w, 3, 0), 2);
	assert_int_equal(event_wait_any(w, 3, 0), -ETIMEDOUT);
}

static void any_with_one_event_twice(void **state)
{
	struct event_wait w[2] = {{&e[0], 0}, {&e[0], 0}};
	struct timer t = {0};

	(void)state;
	timer_set(&t, clock_deadline(10), signal_e0, NULL);
	assert_int_equal(event_wait_any(w, 2, FATA_FOREVER), 0);
	assert_int_equal(event_wait_any(w, 2, FATA_FOREVER), 1);
	assert_int_equal(event_wait_any(w, 2, 0), -ETIMEDOUT);
}

static void any_of_none(void **state)
{
	uint64_t begin = clock_mono_ns();

	(void)state;
	assert_int_equal(event_wait_any(NULL, 0, FATA_FOREVER), -EINVAL);
	assert_int_equal(event_wait_any(NULL, 0, begin + 5), -ETIMEDOUT);
	assert_int_equal(clock_mono_ns(), begin + 5);
}

static void cancel_leaves_no_waiter(void **state)
{
	struct task *t = start(wait_many);

	(void)state;
	fata_task_cancel(t);
	join(t);
	assert_int_equal(result, -ECANCELED);
	for (size_t k = 0; k < N_OF(e); k++)
		assert_null(e[k].first);
}

/* --- the race of E3: notify between check and wait ------------------- */

#define ROUNDS 100000

static uint64_t produced, consumed;

static int consume(void *arg)
{
	uint64_t seen = 0;

	(void)arg;
	while (consumed < ROUNDS) {
		while (consumed < produced)
			consumed++;
		if (consumed % 3 == 0)
			fata_yield(); /* signals come in between */
		if (consumed < ROUNDS && event_wait(&e[0], &seen, FATA_FOREVER))
			return -1;
	}
	return 0;
}

static void no_signal_is_lost(void **state)
{
	struct task *t = start(consume);
	int err = -1;

	(void)state;
	while (produced < ROUNDS) {
		produced += 1 + produced % 2;
		event_signal(&e[0]);
		if (produced % 5 < 3)
			fata_yield();
	}
	assert_int_equal(fata_task_join(t, &err, FATA_FOREVER), 0);
	assert_int_equal(err, 0);
	assert_true(consumed >= ROUNDS);
}

static unsigned told[3];
static struct event_watch watches[3];

static void tell(struct event_watch *w)
{
	told[w - watches]++;
	if (w == &watches[0]) /* signals are passed on */
		event_signal(&e[1]);
}

static void watches_are_told_at_once(void **state)
{
	(void)state;
	event_watch(&watches[0], &e[0], tell);
	event_watch(&watches[1], &e[1], tell);
	event_watch(&watches[2], &e[0], tell);
	event_signal(&e[0]);
	assert_int_equal(told[0], 1);
	assert_int_equal(told[1], 1);
	assert_int_equal(told[2], 1);
	event_unwatch(&watches[0]);
	event_unwatch(&watches[0]);
	event_signal(&e[0]);
	event_unwatch(&watches[2]);
	event_signal(&e[0]);
	event_signal(&e[1]);
	event_unwatch(&watches[1]);
	assert_int_equal(told[0], 1);
	assert_int_equal(told[1], 2);
	assert_int_equal(told[2], 2);
	assert_null(e[0].watches);
	assert_null(e[1].watches);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(signal_before_the_wait_is_not_lost, set_up),
	cmocka_unit_test_setup(signal_wakes_every_waiter, set_up),
	cmocka_unit_test_setup(deadline_is_kept, set_up),
	cmocka_unit_test_setup(signal_against_deadline, set_up),
	cmocka_unit_test_setup(signal_then_cancel, set_up),
	cmocka_unit_test_setup(cancel_then_signal, set_up),
	cmocka_unit_test_setup(any_of_many, set_up),
	cmocka_unit_test_setup(any_reports_the_first_and_keeps_the_others,
			       set_up),
	cmocka_unit_test_setup(any_with_one_event_twice, set_up),
	cmocka_unit_test_setup(any_of_none, set_up),
	cmocka_unit_test_setup(cancel_leaves_no_waiter, set_up),
	cmocka_unit_test_setup(no_signal_is_lost, set_up),
	cmocka_unit_test_setup(watches_are_told_at_once, set_up),
};

UNIT_MAIN("event", tests)
