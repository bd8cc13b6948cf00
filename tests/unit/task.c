/* SPDX-License-Identifier: ISC */
/* Tasks: their lives, joining, sleeping, names. */
#include "unit/task.h"

#include "core/task.h"

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
	cmocka_unit_test(names),
	cmocka_unit_test(dump_names_all),
	cmocka_unit_test(libc_word),
};

UNIT_MAIN("task", tests)
