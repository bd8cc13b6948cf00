/* SPDX-License-Identifier: ISC */
/* Metrics: found by name, read when asked for, written in lines. */
#include "unit/unit.h"

#include "core/metrics.h"
#include "core/param.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t served = 5, level = 7;
static unsigned calls;

static uint64_t answer(void)
{
	calls++;
	return 42;
}

FATA_METRIC_COUNTER(served, "test.served");
FATA_METRIC_GAUGE(level, "test.level");
FATA_METRIC_GAUGE_FN(answer, "test.answer");

static void by_name(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(metrics_read("test.served", &v), 0);
	assert_int_equal(v, 5);
	served++;
	assert_int_equal(metrics_read("test.served", &v), 0);
	assert_int_equal(v, 6);
	calls = 0;
	assert_int_equal(metrics_read("test.answer", &v), 0);
	assert_int_equal(v, 42);
	assert_int_equal(calls, 1);
	assert_int_equal(metrics_read("test", &v), -ENOENT);
	assert_int_equal(metrics_read("", &v), -ENOENT);
	assert_int_equal(metrics_read("memory.live", &v), 0);
}

static void see(void *arg, const struct metric *m, uint64_t value)
{
	unsigned *seen = arg;

	if (!strcmp(m->name, "test.level")) {
		assert_int_equal(m->kind, METRIC_GAUGE);
		assert_int_equal(value, 7);
		*seen |= 1;
	}
	if (!strcmp(m->name, "test.served")) {
		assert_int_equal(m->kind, METRIC_COUNTER);
		*seen |= 2;
	}
}

static void each_one(void **state)
{
	unsigned seen = 0;

	(void)state;
	metrics_for_each(see, &seen);
	assert_int_equal(seen, 3);
}

static char shown[10000];

static void keep(const char *text, size_t n)
{
	size_t at = strlen(shown);

	if (at + n < sizeof(shown)) {
		memcpy(shown + at, text, n);
		shown[at + n] = 0;
	}
}

static void periodic_lines(void **state)
{
	char *argv[] = {"test", "--metrics=10s", NULL};
	int argc = 2;

	(void)state;
	assert_int_equal(param_apply(&argc, argv, keep), 0);
	unix_log_to(keep);
	metrics_start();
	fata_sleep(9 * FATA_NS_PER_S);
	assert_null(strstr(shown, "test.level"));
	fata_sleep(2 * FATA_NS_PER_S);
	assert_non_null(strstr(shown, "metrics: "));
	assert_non_null(strstr(shown, "test.level=7"));
	assert_non_null(strstr(shown, "test.answer=42"));
	shown[0] = 0;
	fata_sleep(10 * FATA_NS_PER_S);
	assert_non_null(strstr(shown, "test.level=7"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(by_name),
	cmocka_unit_test(each_one),
	cmocka_unit_test(periodic_lines),
};

UNIT_MAIN("metrics", tests)
