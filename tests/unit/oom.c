/* SPDX-License-Identifier: ISC */
/* Out of memory: told to the caller, or the end, as the parameter says. */
#include "unit/unit.h"

#include "core/param.h"

#include <stdlib.h>

static char said[4096];

static void ignore(const char *text, size_t n)
{
	(void)text;
	(void)n;
}

/* More than any guest has. */
static void ask_too_much(void)
{
	volatile size_t most = (size_t)1 << 46;

	if (!heap_alloc(most))
		_exit(17);
}

static int with(const char *word)
{
	char *argv[] = {"test", (char *)word, NULL};
	int argc = 2;

	if (param_apply(&argc, argv, ignore))
		return -1;
	return run_child(ask_too_much, said, sizeof(said));
}

static void bad_word(void **state)
{
	(void)state;
	assert_int_equal(with("--oom=maybe"), -1);
}

static void told_by_default(void **state)
{
	struct heap_stat before, after;

	(void)state;
	heap_quick_stat(&before);
	assert_int_equal(run_child(ask_too_much, said, sizeof(said)), 17);
	assert_null(heap_alloc((size_t)1 << 46));
	heap_quick_stat(&after);
	assert_int_equal(after.failures, before.failures + 1);
}

static void crash(void **state)
{
	(void)state;
	assert_int_not_equal(with("--oom=crash"), 17);
	assert_non_null(strstr(said, "out of memory"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(bad_word),
	cmocka_unit_test(told_by_default),
	cmocka_unit_test(crash),
};

UNIT_MAIN("oom", tests)
