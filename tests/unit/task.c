/* SPDX-License-Identifier: ISC */
/* Tasks: lives, joining, cancelling, thousands of them, the guard page. */
#include "unit/unit.h"

#include "core/task.h"

#include <errno.h>
#include <stdlib.h>
#include <xmmintrin.h>

static struct task *spawn(int (*fn)(void *arg), void *arg)
{
	struct task *t;

	assert_int_equal(fata_task_spawn(&t, NULL, fn, arg), 0);
	return t;
}

static int join(struct task *t)
{
	int result;

	assert_int_equal(fata_task_join(t, &result, FATA_FOREVER), 0);
	return result;
}

static int return_arg(void *arg)
{
	note('r');
	return (int)(intptr_t)arg;
}

static int exit_deep(void *arg)
{
	fata_task_exit((int)(intptr_t)arg);
}

static void result_is_reported(void **state)
{
	(void)state;
	assert_int_equal(join(spawn(return_arg, (void *)42)), 42);
	assert_int_equal(join(spawn(exit_deep, (void *)-7)), -7);
	noted();
}

static void runs_when_the_caller_blocks(void **state)
{
	struct task *t = spawn(return_arg, NULL);

	(void)state;
	note('m');
	fata_yield();
	note('m');
	join(t);
	assert_string_equal(noted(), "mrm");
}

static int note_twice(void *arg)
{
	note_arg(arg);
	fata_yield();
	note_arg(arg);
	return 0;
}

static void in_order_of_spawning(void **state)
{
	struct task *a = spawn(note_twice, "a"), *b = spawn(note_twice, "b"),
		    *c = spawn(note_twice, "c");

	(void)state;
	join(c);
	join(a);
	join(b);
	assert_string_equal(noted(), "abcabc");
}

static void detached_before_and_after_its_end(void **state)
{
	struct task *before = spawn(return_arg, NULL);
	struct task *after = spawn(return_arg, NULL);

	(void)state;
	fata_task_detach(before);
	fata_yield();
	fata_yield();
	assert_int_equal(event_count(fata_task_ended(after)), 1);
	fata_task_detach(after);
	assert_int_equal(fata_task_spawn(NULL, NULL, return_arg, NULL), 0);
	fata_yield();
	assert_string_equal(noted(), "rrr");
}

static int sleep_ms(void *arg)
{
	return fata_sleep((uint64_t)arg * FATA_NS_PER_MS);
}

static void join_has_a_deadline(void **state)
{
	struct task *t = spawn(sleep_ms, (void *)10);
	uint64_t start = clock_mono_ns();
	int result = 1;

	(void)state;
	assert_int_equal(fata_task_join(t, &result, 0), -ETIMEDOUT);
	assert_int_equal(
		fata_task_join(t, &result, clock_deadline(FATA_NS_PER_MS)),
		-ETIMEDOUT);
	assert_int_equal(clock_mono_ns() - start, FATA_NS_PER_MS);
	assert_int_equal(fata_task_join(fata_task_self(), NULL, 0), -EDEADLK);
	assert_int_equal(join(t), 0);
	assert_int_equal(clock_mono_ns() - start, 10 * FATA_NS_PER_MS);
}

static void sleep_is_exact_and_never_early(void **state)
{
	uint64_t start = clock_mono_ns();

	(void)state;
	assert_int_equal(fata_sleep(123), 0);
	assert_int_equal(clock_mono_ns() - start, 123);
	assert_int_equal(fata_sleep(0), 0);
	assert_int_equal(fata_sleep_until(0), 0);
	assert_int_equal(clock_mono_ns() - start, 123);
}

static int note_sleep_note(void *arg)
{
	note_arg(arg);
	fata_sleep(0);
	note_arg(arg);
	return 0;
}

static void sleeping_0_gives_way(void **state)
{
	struct task *a = spawn(note_sleep_note, "a"),
		    *b = spawn(note_sleep_note, "b");
	uint64_t start = clock_mono_ns();

	(void)state;
	join(a);
	join(b);
	assert_string_equal(noted(), "abab");
	assert_int_equal(clock_mono_ns(), start);
}

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

static void names(void **state)
{
	struct task_attr attr = {
		.name = "a name that is too long to be kept whole"};
	struct task *t;

	(void)state;
	assert_string_equal(fata_task_name(fata_task_self()), "task");
	assert_int_equal(fata_task_spawn(&t, &attr, return_arg, NULL), 0);
	assert_string_equal(fata_task_name(t),
			    "a name that is too long to be k");
	join(t);
	t = spawn(return_arg, NULL);
	assert_string_equal(fata_task_name(t), "task");
	join(t);
	noted();
}

static int use_stack(void *arg)
{
	size_t n = (size_t)arg;
	volatile char *p = __builtin_alloca(n);

	for (size_t i = 0; i < n; i += 512)
		p[i] = 1;
	return p[0];
}

static void stack_sizes(void **state)
{
	struct task_attr attr = {.stack_size = 4 << 20};
	struct task *t;

	(void)state;
	assert_int_equal(
		fata_task_spawn(&t, &attr, use_stack, (void *)(3 << 20)), 0);
	assert_int_equal(join(t), 1);
	attr.stack_size = 1; /* becomes the least that works */
	assert_int_equal(fata_task_spawn(&t, &attr, return_arg, (void *)5), 0);
	assert_int_equal(join(t), 5);
	attr.stack_size = (1ull << 30) + 1;
	assert_int_equal(fata_task_spawn(&t, &attr, return_arg, NULL), -EINVAL);
	noted();
}

static int recurse(void *arg)
{
	volatile char page[1024];

	page[0] = 1;
	return arg == (void *)-1 ? 0 : recurse((char *)arg + 1) + page[0];
}

static void overflow_child(void)
{
	join(spawn(recurse, NULL));
}

static void overflow_hits_the_guard(void **state)
{
	char text[64];

	(void)state;
	assert_int_not_equal(run_child(overflow_child, text, sizeof(text)), 0);
}

static int set_rounding(void *arg)
{
	unsigned mode = (unsigned)(uintptr_t)arg;

	_MM_SET_ROUNDING_MODE(mode);
	fata_yield();
	return _MM_GET_ROUNDING_MODE() == mode;
}

static void rounding_modes_are_a_tasks_own(void **state)
{
	struct task *a = spawn(set_rounding, (void *)_MM_ROUND_UP),
		    *b = spawn(set_rounding, (void *)_MM_ROUND_DOWN);

	(void)state;
	assert_int_equal(join(a), 1);
	assert_int_equal(join(b), 1);
	assert_int_equal(_MM_GET_ROUNDING_MODE(), _MM_ROUND_NEAREST);
}

#define THOUSANDS 5000

static unsigned alive, most;

static int live(void *arg)
{
	if (++alive > most)
		most = alive;
	fata_sleep((uint64_t)arg % 97 * FATA_NS_PER_MS);
	fata_yield();
	alive--;
	return (int)(intptr_t)arg;
}

static void five_thousand(void **state)
{
	static struct task *t[THOUSANDS];
	size_t before = task_stack_bytes();
	long sum = 0;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < THOUSANDS; i++)
			t[i] = spawn(live, (void *)i);
		assert_true(task_stack_bytes() - before >
			    (THOUSANDS - 20) * 65536ul);
		for (size_t i = 0; i < THOUSANDS; i++)
			sum += join(t[i]);
	}
	fata_yield();
	assert_int_equal(sum, 2l * THOUSANDS * (THOUSANDS - 1) / 2);
	assert_int_equal(alive, 0);
	assert_int_equal(most, THOUSANDS);
	/* but for the few that are kept for the next tasks */
	assert_true(task_stack_bytes() <= before + 16 * 65536ul);
}

static char dumped[2000];

static void add_dump(const char *text, size_t n)
{
	strncat(dumped, text, n);
}

static void dump_names_all(void **state)
{
	struct task_attr attr = {.name = "dozer"};
	struct task *t;

	(void)state;
	assert_int_equal(fata_task_spawn(&t, &attr, sleep_ms, (void *)1), 0);
	fata_yield();
	task_dump(add_dump);
	assert_string_equal(dumped, "  task task: running\n"
				    "  task dozer: waits for sleep\n");
	join(t);
}

static void libc_word(void **state)
{
	struct task *t = spawn(return_arg, NULL);

	(void)state;
	assert_null(*task_libc(t));
	*task_libc(t) = t;
	assert_null(*task_libc(fata_task_self()));
	assert_ptr_equal(*task_libc(t), t);
	join(t);
	noted();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(result_is_reported),
	cmocka_unit_test(runs_when_the_caller_blocks),
	cmocka_unit_test(in_order_of_spawning),
	cmocka_unit_test(detached_before_and_after_its_end),
	cmocka_unit_test(join_has_a_deadline),
	cmocka_unit_test(sleep_is_exact_and_never_early),
	cmocka_unit_test(sleeping_0_gives_way),
	cmocka_unit_test(cancel_wakes_once),
	cmocka_unit_test(cancel_before_the_call),
	cmocka_unit_test(cancel_can_be_taken_back),
	cmocka_unit_test(cancel_after_the_end),
	cmocka_unit_test(cancel_against_timeout),
	cmocka_unit_test(names),
	cmocka_unit_test(stack_sizes),
	cmocka_unit_test(overflow_hits_the_guard),
	cmocka_unit_test(rounding_modes_are_a_tasks_own),
	cmocka_unit_test(five_thousand),
	cmocka_unit_test(dump_names_all),
	cmocka_unit_test(libc_word),
};

UNIT_MAIN("task", tests)
