/* SPDX-License-Identifier: ISC */
/* The trace: off, on, around the ring, and as text. */
#include "unit/unit.h"

#include "core/param.h"
#include "core/trace.h"

#include <stdlib.h>

static char shown[100000];
static size_t n_shown;

static void keep(const char *text, size_t n)
{
	if (n_shown + n < sizeof(shown)) {
		memcpy(shown + n_shown, text, n);
		n_shown += n;
		shown[n_shown] = 0;
	}
}

static struct trace_record record(uint64_t n)
{
	struct trace_header *h = fata_trace_ring;

	return ((struct trace_record *)((char *)h +
					PAGE_SIZE))[n % h->capacity];
}

static void off_by_default(void **state)
{
	(void)state;
	assert_int_equal(trace_start(), 0);
	assert_null(fata_trace_ring);
	trace(TRACE_USER, 1, 2);
	trace_dump();
	fata_yield();
}

static void switched_on(void **state)
{
	char *argv[] = {"test", "--trace=8K", NULL};
	struct trace_header *h;
	int argc = 2;
	size_t pages;

	(void)state;
	assert_int_equal(param_apply(&argc, argv, keep), 0);
	assert_int_equal(trace_start(), 0);
	h = fata_trace_ring;
	assert_non_null(h);
	assert_ptr_equal(trace_pages(&pages), h);
	assert_int_equal(pages, 2);
	assert_memory_equal(h->magic, "FATATRC1", 8);
	assert_int_equal(h->capacity, 4096 / 24);
	trace(TRACE_USER + 1, 7, UINT64_MAX);
	assert_int_equal(h->written, 1);
	assert_int_equal(record(0).kind, TRACE_USER + 1);
	assert_int_equal(record(0).a, 7);
	assert_true(record(0).b == UINT64_MAX);
	assert_true(record(0).time == clock_mono_ns());
}

static int sleeper(void *arg)
{
	(void)arg;
	fata_sleep(FATA_NS_PER_MS);
	return 0;
}

/* Which kinds stand in the ring from record n on, as bits? */
static unsigned kinds_from(uint64_t n)
{
	unsigned seen = 0;

	for (; n < fata_trace_ring->written; n++)
		seen |= 1u << record(n).kind;
	return seen;
}

static void tasks_leave_records(void **state)
{
	const struct task_attr attr = {.name = "sleeper"};
	uint64_t before = fata_trace_ring->written;
	unsigned want = 1u << TRACE_TASK_RUN | 1u << TRACE_TASK_PARK |
			1u << TRACE_TASK_WAKE | 1u << TRACE_IDLE |
			1u << TRACE_BUSY;
	struct task *t;
	bool named = false;

	(void)state;
	assert_int_equal(fata_task_spawn(&t, &attr, sleeper, NULL), 0);
	assert_int_equal(fata_task_join(t, NULL, FATA_FOREVER), 0);
	assert_int_equal(kinds_from(before) & want, want);
	for (unsigned i = 0; i < TRACE_NAMES; i++)
		named |= fata_trace_ring->names[i].task &&
			 !strcmp(fata_trace_ring->names[i].name, "sleeper");
	assert_true(named);
}

static void the_oldest_go_first(void **state)
{
	struct trace_header *h = fata_trace_ring;
	uint64_t first;
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++)
		trace(TRACE_USER, i, 0);
	first = h->written - h->capacity;
	assert_int_equal(record(first).a, 1000 - h->capacity);
	assert_int_equal(record(h->written - 1).a, 999);
}

static void as_text(void **state)
{
	uint64_t before = fata_trace_ring->written;
	const char *at;
	unsigned lines = 0;

	(void)state;
	unix_log_to(keep);
	n_shown = 0;
	trace_dump();
	assert_int_equal(fata_trace_ring->written, before);
	assert_non_null(strstr(shown, "trace: begin\n"));
	assert_non_null(strstr(shown, "trace: end\n"));
	for (at = shown; (at = strstr(at, "\ntrace: ")); at++)
		lines += strcspn(at + 8, "\n") == 48;
	assert_int_equal(lines, fata_trace_ring->capacity);
}

/* For tests/unit/tool_trace.sh: the ring and the text, to two files. */
static void to_files(void **state)
{
	const char *folder = getenv("TRACE_FILES");
	char path[1024];
	FILE *f;

	(void)state;
	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/ring", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(fata_trace_ring, 4096, 2, f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/text", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("other lines\n", f);
	fwrite(shown, 1, n_shown, f);
	fclose(f);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(off_by_default),
	cmocka_unit_test(switched_on),
	cmocka_unit_test(the_oldest_go_first),
	cmocka_unit_test(tasks_leave_records),
	cmocka_unit_test(as_text),
	cmocka_unit_test(to_files),
};

UNIT_MAIN("trace", tests)
