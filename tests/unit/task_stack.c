/* SPDX-License-Identifier: ISC */
/* What is a task's own: its stack with the guard page, its rounding mode. */
#include "unit/task.h"

#include "core/task.h"

#include <xmmintrin.h>

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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(stack_sizes),
	cmocka_unit_test(overflow_hits_the_guard),
	cmocka_unit_test(rounding_modes_are_a_tasks_own),
	cmocka_unit_test(five_thousand),
};

UNIT_MAIN("task", tests)
