/* SPDX-License-Identifier: ISC */
/*
 * Cancelling a task: one call, the present or the next one, returns -ECANCELED,
 * once, whatever else happens at that moment.
 */
#include "unit/task.h"

static int sleep_twice(void *arg)
{
	int first = fata_sleep(FATA_NS_PER_S);
	int second = fata_sleep(FATA_NS_PER_MS);

	(void)arg;
	assert_int_equal(second, 0);
	return first;
}

static void cancel_wakes_once(void **state)
{
	struct task *t = spawn(sleep_twice, NULL);
	uint64_t start = clock_mono_ns();

	(void)state;
	fata_yield();
	fata_task_cancel(t);
	assert_int_equal(join(t), -ECANCELED);
	assert_int_equal(clock_mono_ns() - start, FATA_NS_PER_MS);
}

static void cancel_before_the_call(void **state)
{
	struct task *t = spawn(sleep_twice, NULL);

	(void)state;
	fata_task_cancel(t); /* has not even run */
	fata_task_cancel(t); /* twice is once */
	assert_int_equal(join(t), -ECANCELED);
}

static int uncancel_and_sleep(void *arg)
{
	(void)arg;
	fata_task_uncancel();
	return fata_sleep(1);
}

static void cancel_can_be_taken_back(void **state)
{
	struct task *t = spawn(uncancel_and_sleep, NULL);

	(void)state;
	fata_task_cancel(t);
	assert_int_equal(join(t), 0);
}

static void cancel_after_the_end(void **state)
{
	struct task *t = spawn(return_arg, (void *)3);

	(void)state;
	fata_yield();
	fata_task_cancel(t);
	assert_int_equal(join(t), 3);
	noted();
}

static struct task *sleeper;

static void cancel_sleeper(void *arg)
{
	(void)arg;
	fata_task_cancel(sleeper);
}

/* The deadline and a cancellation at the same moment give one result. */
static void cancel_against_timeout(void **state)
{
	struct timer t = {0};
	uint64_t deadline = clock_deadline(FATA_NS_PER_MS);

	(void)state;
	sleeper = fata_task_self();
	timer_set(&t, deadline, cancel_sleeper, NULL); /* first */
	assert_int_equal(fata_sleep_until(deadline), -ECANCELED);
	assert_int_equal(fata_sleep(1), 0);

	deadline = clock_deadline(FATA_NS_PER_MS);
	timer_set(&t, deadline + 1, cancel_sleeper, NULL);
	assert_int_equal(fata_sleep_until(deadline), 0);
	unix_clock_set(deadline + 1); /* pending for the next call */
	fata_yield();
	assert_int_equal(fata_sleep(1), -ECANCELED);
	assert_int_equal(fata_sleep(1), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(cancel_wakes_once),
	cmocka_unit_test(cancel_before_the_call),
	cmocka_unit_test(cancel_can_be_taken_back),
	cmocka_unit_test(cancel_after_the_end),
	cmocka_unit_test(cancel_against_timeout),
};

UNIT_MAIN("task", tests)
