/* SPDX-License-Identifier: ISC */
/* Mutexes and conditions: order, hand-over, deadlines, cancelling. */
#include "unit/unit.h"
#include "unit/tasks.h"

#include "core/task.h"

#include <errno.h>

static struct mutex m;
static struct cond c;
static uint64_t wait_until;

static int set_up(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	memset(&c, 0, sizeof(c));
	wait_until = FATA_FOREVER;
	noted();
	return 0;
}

static int lock_note(void *arg)
{
	int err = mutex_lock(&m, wait_until);

	if (err)
		return err;
	note_arg(arg);
	fata_yield(); /* with the mutex held */
	mutex_unlock(&m);
	return 0;
}

static void lock_and_try(void **state)
{
	(void)state;
	assert_int_equal(mutex_lock(&m, FATA_FOREVER), 0);
	assert_int_equal(mutex_lock(&m, FATA_FOREVER), -EDEADLK);
	assert_int_equal(mutex_trylock(&m), -EDEADLK);
	mutex_unlock(&m);
	assert_int_equal(mutex_trylock(&m), 0);
	mutex_unlock(&m);
}

static int try(void *arg)
{
	(void)arg;
	return mutex_trylock(&m);
}

static void held_by_another(void **state)
{
	struct task *t;

	(void)state;
	mutex_lock(&m, FATA_FOREVER);
	assert_int_equal(join(start(try, NULL)), -EBUSY);
	wait_until = 0;
	assert_int_equal(join(start(lock_note, "x")), -ETIMEDOUT);
	wait_until = clock_deadline(50);
	assert_int_equal(join(start(lock_note, "x")), -ETIMEDOUT);
	assert_int_equal(clock_mono_ns(), wait_until);
	wait_until = FATA_FOREVER;
	t = start(lock_note, "x");
	fata_task_cancel(t);
	assert_int_equal(join(t), -ECANCELED);
	mutex_unlock(&m);
	assert_null(m.owner);
	assert_null(m.waiters.first);
	assert_string_equal(noted(), "");
}

static void served_in_order_of_arrival(void **state)
{
	struct task *t[4];

	(void)state;
	mutex_lock(&m, FATA_FOREVER);
	t[0] = start(lock_note, "a");
	t[1] = start(lock_note, "b");
	t[2] = start(lock_note, "c");
	mutex_unlock(&m);
	/* handed over: nobody can take it in between, we queue behind them */
	assert_int_equal(mutex_trylock(&m), -EBUSY);
	t[3] = start(lock_note, "d");
	assert_int_equal(mutex_lock(&m, FATA_FOREVER), 0);
	assert_string_equal(noted(), "abcd");
	mutex_unlock(&m);
	for (int i = 0; i < 4; i++)
		assert_int_equal(join(t[i]), 0);
}

/* A waiter that timed out or was cancelled at the moment of the unlock. */
static void unlock_passes_over_who_gave_up(void **state)
{
	struct task *a, *b;

	(void)state;
	mutex_lock(&m, FATA_FOREVER);
	a = start(lock_note, "a");
	b = start(lock_note, "b");
	fata_task_cancel(a); /* has not run since, is still in the queue */
	mutex_unlock(&m);
	assert_int_equal(join(a), -ECANCELED);
	assert_int_equal(join(b), 0);
	assert_string_equal(noted(), "b");
	assert_null(m.owner);
}

/* The reverse: the mutex is handed over first; it must not get lost. */
static void cancel_after_the_hand_over(void **state)
{
	struct task *a;

	(void)state;
	mutex_lock(&m, FATA_FOREVER);
	a = start(lock_note, "a");
	mutex_unlock(&m);
	fata_task_cancel(a);
	assert_int_equal(join(a), 0);
	assert_null(m.owner);
	noted();
}

static void unlock_child(void)
{
	struct mutex free_one = {0};

	mutex_unlock(&free_one);
}

static void only_the_owner_may_unlock(void **state)
{
	char text[2048];

	(void)state;
	assert_int_equal(run_child(unlock_child, text, sizeof(text)), 255);
	assert_non_null(strstr(text, "assertion failed"));
}

/* --- conditions ------------------------------------------------------ */

static int wait_note(void *arg)
{
	int err = mutex_lock(&m, FATA_FOREVER);

	if (err)
		return err;
	err = cond_wait(&c, &m, wait_until);
	assert_ptr_equal(m.owner, fata_task_self());
	note_arg(arg);
	mutex_unlock(&m);
	return err;
}

static void signal_wakes_the_first(void **state)
{
	struct task *a = start(wait_note, "a"), *b = start(wait_note, "b");

	(void)state;
	cond_signal(&c);
	assert_int_equal(join(a), 0);
	assert_string_equal(noted(), "a");
	cond_signal(&c);
	assert_int_equal(join(b), 0);
	cond_signal(&c); /* nobody: not kept */
	wait_until = clock_deadline(10);
	assert_int_equal(join(start(wait_note, "t")), -ETIMEDOUT);
	assert_string_equal(noted(), "bt");
}

static void broadcast_wakes_all(void **state)
{
	struct task *t[3];

	(void)state;
	t[0] = start(wait_note, "a");
	t[1] = start(wait_note, "b");
	t[2] = start(wait_note, "c");
	cond_broadcast(&c);
	for (int i = 2; i >= 0; i--)
		assert_int_equal(join(t[i]), 0);
	assert_string_equal(noted(), "abc");
}

static void cancel_takes_the_mutex_again(void **state)
{
	struct task *a = start(wait_note, "a");

	(void)state;
	mutex_lock(&m, FATA_FOREVER);
	fata_task_cancel(a);
	fata_task_cancel(a); /* pending: must not break the lock */
	fata_yield();
	fata_yield();
	assert_string_equal(noted(), "");
	mutex_unlock(&m);
	assert_int_equal(join(a), -ECANCELED);
	assert_string_equal(noted(), "a");
}

/* A signal meant for one who has timed out goes to the next. */
static void signal_passes_over_who_gave_up(void **state)
{
	struct task *a = start(wait_note, "a"), *b = start(wait_note, "b");

	(void)state;
	fata_task_cancel(a);
	cond_signal(&c);
	assert_int_equal(join(a), -ECANCELED);
	assert_int_equal(join(b), 0);
	noted();
}

/* --- a bounded buffer with both -------------------------------------- */

#define ITEMS 20000

static struct cond not_empty, not_full;
static int buffer[7], used, produced;

static int produce(void *arg)
{
	(void)arg;
	for (;;) {
		mutex_lock(&m, FATA_FOREVER);
		while (used == 7 && produced < ITEMS)
			cond_wait(&not_full, &m, FATA_FOREVER);
		if (produced == ITEMS)
			break;
		buffer[used++] = ++produced;
		cond_signal(&not_empty);
		mutex_unlock(&m);
	}
	cond_broadcast(&not_full);
	mutex_unlock(&m);
	return 0;
}

static void bounded_buffer(void **state)
{
	struct task *t[3];
	uint64_t sum = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		t[i] = start(produce, NULL);
	for (int n = 0; n < ITEMS; n++) {
		mutex_lock(&m, FATA_FOREVER);
		while (!used)
			cond_wait(&not_empty, &m, FATA_FOREVER);
		sum += (uint64_t)buffer[--used];
		cond_signal(&not_full);
		mutex_unlock(&m);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(join(t[i]), 0);
	assert_int_equal(sum, (uint64_t)ITEMS * (ITEMS + 1) / 2);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(lock_and_try, set_up),
	cmocka_unit_test_setup(held_by_another, set_up),
	cmocka_unit_test_setup(served_in_order_of_arrival, set_up),
	cmocka_unit_test_setup(unlock_passes_over_who_gave_up, set_up),
	cmocka_unit_test_setup(cancel_after_the_hand_over, set_up),
	cmocka_unit_test_setup(only_the_owner_may_unlock, set_up),
	cmocka_unit_test_setup(signal_wakes_the_first, set_up),
	cmocka_unit_test_setup(broadcast_wakes_all, set_up),
	cmocka_unit_test_setup(cancel_takes_the_mutex_again, set_up),
	cmocka_unit_test_setup(signal_passes_over_who_gave_up, set_up),
	cmocka_unit_test_setup(bounded_buffer, set_up),
};

UNIT_MAIN("sync", tests)
