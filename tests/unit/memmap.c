/* SPDX-License-Identifier: ISC */
/* Range sets against a model: one bit per page of a small world. */
#include "unit/unit.h"

#include "core/memmap.h"

#include <stdlib.h>

#define PAGES 256

static void invariants(const struct memmap *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		assert_true(m->r[i].start < m->r[i].end);
		if (i)
			assert_true(m->r[i - 1].end < m->r[i].start);
	}
}

static void compare(const struct memmap *m, const bool *model)
{
	unsigned at = 0;

	invariants(m);
	for (unsigned page = 0; page < PAGES; page++) {
		while (at < m->n && m->r[at].end <= page * 4096ull)
			at++;
		assert_int_equal(model[page],
				 at < m->n && m->r[at].start <= page * 4096ull);
	}
}

static void random_operations(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 3000; round++) {
		struct memmap m = {0};
		bool model[PAGES] = {false};

		for (unsigned i = 0; i < 40; i++) {
			unsigned from = (unsigned)rand() % PAGES;
			unsigned to = from + (unsigned)rand() % 20;
			bool add = rand() % 3;

			to = to < PAGES ? to : PAGES;
			if (add)
				memmap_add(&m, from * 4096ull, to * 4096ull);
			else
				memmap_remove(&m, from * 4096ull, to * 4096ull);
			for (unsigned p = from; p < to; p++)
				model[p] = add;
			compare(&m, model);
		}
	}
}

static void align_shrinks_inwards(void **state)
{
	struct memmap m = {0};

	(void)state;
	memmap_add(&m, 100, 8192);
	memmap_add(&m, 12289, 16383);
	memmap_add(&m, UINT64_MAX - 100, UINT64_MAX);
	memmap_align(&m);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.r[0].start, 4096);
	assert_int_equal(m.r[0].end, 8192);
}

static void a_full_table_forgets_the_smallest(void **state)
{
	struct memmap m = {0};

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		memmap_add(&m, i << 20, (i << 20) + 4096 * (i + 1));
	invariants(&m);
	assert_int_equal(m.n, MEMMAP_MAX);
	assert_int_equal(m.r[0].start, 36ull << 20);
}

static void take_obeys_its_limits(void **state)
{
	struct memmap m = {0};

	(void)state;
	memmap_add(&m, 0x1000, 0x5000);
	memmap_add(&m, 0x10000, 0x40000);
	assert_int_equal(memmap_take(&m, 0x8000, 0x1000, 0x14000), 0);
	assert_int_equal(memmap_take(&m, 0x2000, 0x2000, 0x14000), 0x2000);
	assert_int_equal(memmap_take(&m, 0x2000, 0x2000, 0x14000), 0x10000);
	assert_int_equal(memmap_total(&m), 0x4000 + 0x30000 - 0x4000);
	invariants(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(align_shrinks_inwards),
		cmocka_unit_test(a_full_table_forgets_the_smallest),
		cmocka_unit_test(take_obeys_its_limits),
	};

	return cmocka_run_group_tests_name("memmap", tests, NULL, NULL);
}
