/* SPDX-License-Identifier: ISC */
/* Timers: order, cancelling, callbacks that change the heap, a million. */
#include "unit/unit.h"

#include "core/timer.h"

#include <stdlib.h>

static uint64_t seed = 88172645463325252ull;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void by_deadline_then_arming(void **state)
{
	struct timer a = {0}, b = {0}, c = {0}, d = {0};

	(void)state;
	timer_set(&a, 30, note_arg, "a");
	timer_set(&b, 10, note_arg, "b");
	timer_set(&c, 30, note_arg, "c");
	timer_set(&d, 20, note_arg, "d");
	assert_int_equal(timer_next(), 10);
	assert_int_equal(timer_run(9), 0);
	assert_int_equal(timer_run(29), 2);
	assert_string_equal(noted(), "bd");
	assert_int_equal(timer_run(30), 2);
	assert_string_equal(noted(), "ac");
	assert_int_equal(timer_next(), FATA_FOREVER);
}

static void arming_again_moves(void **state)
{
	struct timer a = {0}, b = {0};

	(void)state;
	timer_set(&a, 10, note_arg, "a");
	timer_set(&b, 10, note_arg, "b");
	timer_set(&a, 10, note_arg, "A"); /* now behind b */
	timer_run(10);
	assert_string_equal(noted(), "bA");
}

static void cancel_tells_whether_armed(void **state)
{
	struct timer a = {0}, b = {0};

	(void)state;
	assert_false(timer_cancel(&a));
	timer_set(&a, 10, note_arg, "a");
	timer_set(&b, 11, note_arg, "b");
	assert_true(timer_cancel(&a));
	assert_false(timer_cancel(&a));
	assert_int_equal(timer_run(100), 1);
	assert_string_equal(noted(), "b");
	assert_false(timer_cancel(&b));
}

static void forever_never_comes(void **state)
{
	struct timer a = {0};

	(void)state;
	timer_set(&a, FATA_FOREVER, note_arg, "a");
	assert_int_equal(timer_run(FATA_FOREVER - 1), 0);
	assert_true(timer_cancel(&a));
}

static struct timer again, other;

static void rearm_in_the_past(void *arg)
{
	note(*(const char *)arg);
	timer_set(&again, 0, rearm_in_the_past, arg);
}

static void past_deadline_waits_for_next_run(void **state)
{
	(void)state;
	timer_set(&again, 5, rearm_in_the_past, "x");
	timer_set(&other, 20, note_arg, "o");
	/* x arms itself for 0, which must not keep o from its turn */
	assert_int_equal(timer_run(20), 2);
	assert_string_equal(noted(), "xo");
	assert_int_equal(timer_run(20), 1);
	assert_string_equal(noted(), "x");
	assert_true(timer_cancel(&again));
}

static void cancel_other(void *arg)
{
	note('c');
	assert_true(timer_cancel(arg));
}

static void callback_cancels_a_due_one(void **state)
{
	struct timer a = {0}, b = {0};

	(void)state;
	timer_set(&a, 1, cancel_other, &b);
	timer_set(&b, 1, note_arg, "b");
	assert_int_equal(timer_run(1), 1);
	assert_string_equal(noted(), "c");
}

static void callback_may_free_its_timer(void **state)
{
	struct timer *t = calloc(1, sizeof(*t));

	(void)state;
	timer_set(t, 1, free, t);
	assert_int_equal(timer_run(1), 1);
}

/* --- against a model ------------------------------------------------- */

#define MANY 500

static struct timer many[MANY];
static uint64_t expected[MANY], arming[MANY]; /* 0: idle */
static uint64_t last_deadline, last_arming, fired;

static void check_order(void *arg)
{
	size_t i = (size_t)arg;

	assert_true(expected[i]);
	assert_true(expected[i] > last_deadline ||
		    (expected[i] == last_deadline &&
		     arming[i] > last_arming));
	last_deadline = expected[i];
	last_arming = arming[i];
	expected[i] = 0;
	fired++;
}

/* All that is due has been called, and nothing else. */
static void check_left(uint64_t now)
{
	uint64_t first = FATA_FOREVER;

	for (size_t i = 0; i < MANY; i++)
		if (expected[i] && expected[i] < first)
			first = expected[i];
	assert_true(first > now);
	assert_int_equal(timer_next(), first);
}

static void random_against_model(void **state)
{
	uint64_t now = 1, armings = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t i = next_random() % MANY;

		switch (next_random() % 8) {
		case 0:
			now += next_random() % 200;
			last_deadline = last_arming = 0;
			timer_run(now);
			check_left(now);
			break;
		case 1:
		case 2:
			assert_int_equal(timer_cancel(&many[i]),
					 expected[i] != 0);
			expected[i] = 0;
			break;
		default:
			expected[i] = now + 1 + next_random() % 1000;
			arming[i] = ++armings;
			timer_set(&many[i], expected[i], check_order,
				  (void *)i);
		}
	}
	assert_true(fired > 1000);
	last_deadline = last_arming = 0;
	timer_run(FATA_FOREVER - 1);
	check_left(FATA_FOREVER - 1);
}

/* --- a million ------------------------------------------------------- */

#define MILLION 1000000

static uint64_t last, count;

static void check_sorted(void *arg)
{
	assert_true((uint64_t)arg >= last);
	last = (uint64_t)arg;
	count++;
}

static void run_million(uint64_t (*deadline)(uint64_t i))
{
	struct timer *t = calloc(MILLION, sizeof(*t));
	uint64_t cancelled = 0;

	assert_non_null(t);
	last = count = 0;
	for (uint64_t i = 0; i < MILLION; i++)
		timer_set(&t[i], deadline(i), check_sorted,
			  (void *)deadline(i));
	for (uint64_t i = 0; i < MILLION; i += 3)
		cancelled += timer_cancel(&t[i]);
	assert_int_equal(timer_run(MILLION / 2) + timer_run(4 * MILLION),
			 MILLION - cancelled);
	assert_int_equal(count, MILLION - cancelled);
	assert_int_equal(timer_next(), FATA_FOREVER);
	free(t);
}

static uint64_t rising(uint64_t i)
{
	return i;
}

static uint64_t falling(uint64_t i)
{
	return MILLION - i;
}

static uint64_t scattered(uint64_t i)
{
	return i * 2654435761u % (2 * MILLION);
}

static void a_million(void **state)
{
	(void)state;
	run_million(rising);
	run_million(falling); /* a list a million deep */
	run_million(scattered);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(by_deadline_then_arming),
	cmocka_unit_test(arming_again_moves),
	cmocka_unit_test(cancel_tells_whether_armed),
	cmocka_unit_test(forever_never_comes),
	cmocka_unit_test(past_deadline_waits_for_next_run),
	cmocka_unit_test(callback_cancels_a_due_one),
	cmocka_unit_test(callback_may_free_its_timer),
	cmocka_unit_test(random_against_model),
	cmocka_unit_test(a_million),
};

UNIT_MAIN("timer", tests)
