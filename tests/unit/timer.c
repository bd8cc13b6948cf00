/* SPDX-License-Identifier: ISC */
/* Timers: order, cancelling, callbacks that arm and cancel, a million. */
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

/* Time never goes back, so each test begins later. */
static uint64_t t0;

static int set_up(void **state)
{
	(void)state;
	t0 += 1ull << 50;
	return 0;
}

static void by_deadline_then_arming(void **state)
{
	struct timer a = {0}, b = {0}, c = {0}, d = {0};

	(void)state;
	timer_set(&a, t0 + 30, note_arg, "a");
	timer_set(&b, t0 + 10, note_arg, "b");
	timer_set(&c, t0 + 30, note_arg, "c");
	timer_set(&d, t0 + 20, note_arg, "d");
	assert_int_equal(timer_next(), t0 + 10);
	assert_int_equal(timer_run(t0 + 9), 0);
	assert_int_equal(timer_run(t0 + 29), 2);
	assert_string_equal(noted(), "bd");
	assert_int_equal(timer_next(), t0 + 30);
	assert_int_equal(timer_run(t0 + 30), 2);
	assert_string_equal(noted(), "ac");
	assert_int_equal(timer_next(), FATA_FOREVER);
}

static void arming_again_moves(void **state)
{
	struct timer a = {0}, b = {0};

	(void)state;
	timer_set(&a, t0 + 10, note_arg, "a");
	timer_set(&b, t0 + 10, note_arg, "b");
	timer_set(&a, t0 + 10, note_arg, "A"); /* now behind b */
	timer_run(t0 + 10);
	assert_string_equal(noted(), "bA");
	timer_set(&a, t0 + 20, note_arg, "a");
	timer_set(&a, t0 + 1000000, note_arg, "a"); /* later */
	assert_int_equal(timer_next(), t0 + 1000000);
	assert_int_equal(timer_run(t0 + 999999), 0);
	timer_set(&a, t0 + 1000001, note_arg, "a");
	assert_int_equal(timer_run(t0 + 1000000), 0);
	assert_int_equal(timer_run(t0 + 1000001), 1);
	noted();
}

static void cancel_tells_whether_armed(void **state)
{
	struct timer a = {0}, b = {0};

	(void)state;
	assert_false(timer_cancel(&a));
	timer_set(&a, t0 + 10, note_arg, "a");
	timer_set(&b, t0 + 11, note_arg, "b");
	assert_true(timer_cancel(&a));
	assert_false(timer_cancel(&a));
	assert_int_equal(timer_next(), t0 + 11);
	assert_int_equal(timer_run(t0 + 100), 1);
	assert_string_equal(noted(), "b");
	assert_false(timer_cancel(&b));
}

static void forever_never_comes(void **state)
{
	struct timer a = {0};

	(void)state;
	timer_set(&a, FATA_FOREVER, note_arg, "a");
	assert_int_equal(timer_next(), FATA_FOREVER);
	assert_int_equal(timer_run(FATA_FOREVER - 1), 0);
	assert_true(timer_cancel(&a));
}

static void past_deadlines_in_order_of_arming(void **state)
{
	struct timer a = {0}, b = {0}, c = {0};

	(void)state;
	timer_run(t0 + 100);
	timer_set(&a, t0 + 50, note_arg, "a");
	timer_set(&b, 0, note_arg, "b");
	timer_set(&c, t0 + 100, note_arg, "c");
	assert_true(timer_next() <= t0 + 100);
	assert_int_equal(timer_run(t0 + 100), 3);
	assert_string_equal(noted(), "abc");
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
	timer_set(&again, t0 + 5, rearm_in_the_past, "x");
	timer_set(&other, t0 + 20, note_arg, "o");
	/* x arms itself for 0, which must not keep o from its turn */
	assert_int_equal(timer_run(t0 + 20), 2);
	assert_string_equal(noted(), "xo");
	assert_true(timer_next() <= t0 + 20);
	assert_int_equal(timer_run(t0 + 20), 1);
	assert_string_equal(noted(), "x");
	assert_true(timer_cancel(&again));
	assert_int_equal(timer_next(), FATA_FOREVER);
}

static void arm_and_cancel(void *arg)
{
	struct timer *t = arg;

	timer_set(t, 0, note_arg, "p");
	assert_true(timer_cancel(t));
	timer_set(t, t0 + 12, note_arg, "q"); /* due in this run: late */
	timer_set(t + 1, t0 + 21, note_arg, "r");
}

static void callback_arms_and_cancels(void **state)
{
	struct timer a = {0}, t[2] = {0};

	(void)state;
	timer_set(&a, t0 + 10, arm_and_cancel, t);
	assert_int_equal(timer_run(t0 + 20), 1);
	assert_int_equal(timer_run(t0 + 20), 1);
	assert_string_equal(noted(), "q");
	assert_int_equal(timer_run(t0 + 21), 1);
	assert_string_equal(noted(), "r");
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
	timer_set(&a, t0 + 1, cancel_other, &b);
	timer_set(&b, t0 + 1, note_arg, "b");
	assert_int_equal(timer_run(t0 + 1), 1);
	assert_string_equal(noted(), "c");
}

static void callback_may_free_its_timer(void **state)
{
	struct timer *t = calloc(1, sizeof(*t));

	(void)state;
	timer_set(t, t0 + 1, free, t);
	assert_int_equal(timer_run(t0 + 1), 1);
}

/* The first one stays alone in its slot when time comes into that slot. */
static void later_one_in_the_slot_that_has_begun(void **state)
{
	struct timer a = {0}, b = {0};

	(void)state;
	timer_set(&a, t0 + 5000, note_arg, "a");
	assert_int_equal(timer_run(t0 + 4500), 0);
	timer_set(&b, t0 + 5001, note_arg, "b");
	assert_int_equal(timer_next(), t0 + 5000);
	assert_int_equal(timer_run(t0 + 6000), 2);
	assert_string_equal(noted(), "ab");
}

static uint64_t due;

static void check_due(void *arg)
{
	assert_int_equal((uint64_t)arg, due);
}

/* Beside each power of 64: not called a nanosecond early, nor late. */
static void edges_of_the_wheels(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 49; bits++)
		for (uint64_t d = 0; d < 3; d++) {
			struct timer t = {0};

			due = t0 + (1ull << bits) - 1 + d;
			timer_run(t0 - 1);
			timer_set(&t, due, check_due, (void *)due);
			assert_int_equal(timer_next(), due);
			assert_int_equal(timer_run(due - 1), 0);
			assert_int_equal(timer_run(due), 1);
			t0 += 1ull << 50;
		}
}

/* timer_next may be early for a crowd, but it gets there, and never late. */
static void crowds(void **state)
{
	static struct timer t[1000];
	uint64_t from = t0 + 123456789, now = t0;
	unsigned wakes = 0, calls = 0;

	(void)state;
	timer_run(t0);
	for (size_t i = 0; i < N_OF(t); i++)
		timer_set(&t[i], from + i * 7 % 1000, note_arg, "");
	while (timer_next() != FATA_FOREVER) {
		unsigned n;

		assert_true(timer_next() > now);
		now = timer_next();
		n = timer_run(now);
		calls += n;
		wakes += !n;
		assert_int_equal(now < from, !calls);
	}
	assert_int_equal(calls, N_OF(t));
	assert_int_equal(now, from + 999);
	assert_in_range(wakes, 0, 40); /* for nothing, of a thousand */
	noted();
}

/* --- against a model ------------------------------------------------- */

#define MANY 500

static struct timer many[MANY];
static uint64_t expected[MANY], arming[MANY]; /* 0: idle */
static uint64_t last_deadline, last_arming, fired, model_now;

static void check_order(void *arg)
{
	size_t i = (size_t)arg;

	assert_true(expected[i]);
	assert_true(expected[i] <= model_now);
	assert_true(expected[i] > last_deadline ||
		    (expected[i] == last_deadline && arming[i] > last_arming));
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
	assert_true(timer_next() <= first);
	assert_true(timer_next() > now);
}

static void random_against_model(void **state)
{
	uint64_t now = t0, armings = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t i = next_random() % MANY;

		switch (next_random() % 8) {
		case 0:
			now += 1 + next_random() % (1ull << next_random() % 12);
			model_now = now;
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
			expected[i] =
				now + 1 +
				next_random() % (1ull << next_random() % 30);
			arming[i] = ++armings;
			timer_set(&many[i], expected[i], check_order,
				  (void *)i);
		}
	}
	assert_true(fired > 1000);
	last_deadline = last_arming = 0;
	model_now = now + (1 << 30);
	timer_run(model_now);
	check_left(model_now);
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
		timer_set(&t[i], t0 + deadline(i), check_sorted,
			  (void *)deadline(i));
	for (uint64_t i = 0; i < MILLION; i += 3)
		cancelled += timer_cancel(&t[i]);
	assert_int_equal(timer_run(t0 + MILLION / 2) +
				 timer_run(t0 + 4 * MILLION),
			 MILLION - cancelled);
	t0 += 5 * MILLION;
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
	run_million(falling);
	run_million(scattered);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(by_deadline_then_arming, set_up),
	cmocka_unit_test_setup(arming_again_moves, set_up),
	cmocka_unit_test_setup(cancel_tells_whether_armed, set_up),
	cmocka_unit_test_setup(past_deadlines_in_order_of_arming, set_up),
	cmocka_unit_test_setup(past_deadline_waits_for_next_run, set_up),
	cmocka_unit_test_setup(callback_arms_and_cancels, set_up),
	cmocka_unit_test_setup(callback_cancels_a_due_one, set_up),
	cmocka_unit_test_setup(callback_may_free_its_timer, set_up),
	cmocka_unit_test_setup(later_one_in_the_slot_that_has_begun, set_up),
	cmocka_unit_test_setup(edges_of_the_wheels, set_up),
	cmocka_unit_test_setup(crowds, set_up),
	cmocka_unit_test_setup(random_against_model, set_up),
	cmocka_unit_test_setup(a_million, set_up),
	cmocka_unit_test_setup(forever_never_comes, set_up), /* the last */
};

UNIT_MAIN("timer", tests)
