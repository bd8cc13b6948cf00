/* SPDX-License-Identifier: ISC */
/* The table of function names, whole and damaged. */
#include "unit/unit.h"

#include "core/symbols.h"

#include <stdlib.h>

struct table {
	uint32_t magic, size, count, strings;
	uint32_t symbol[3][2];
	char text[24];
};

static const struct table good = {
	.magic = SYMBOLS_MAGIC,
	.size = sizeof(good),
	.count = 3,
	.strings = 16 + 24,
	.symbol = {{0x1000, 0}, {0x1100, 6}, {0x2000, 13}},
	.text = "first\0second\0third",
};

static void finds_the_function_below(void **state)
{
	uint64_t offset = 99;

	(void)state;
	symbols_init(&good);
	assert_null(symbols_find(0xfff, &offset));
	assert_string_equal(symbols_find(0x1000, &offset), "first");
	assert_int_equal(offset, 0);
	assert_string_equal(symbols_find(0x10ff, &offset), "first");
	assert_int_equal(offset, 0xff);
	assert_string_equal(symbols_find(0x1100, &offset), "second");
	assert_string_equal(symbols_find(0x99999, &offset), "third");
}

/* Any bytes: the table is refused, or every answer lies inside of it. */
static void damage_is_harmless(void **state)
{
	(void)state;
	srand(3);
	for (unsigned i = 0; i < 200000; i++) {
		struct table *t = malloc(sizeof(*t));
		uint64_t offset;
		const char *name;

		*t = good;
		for (int k = rand() % 4; k >= 0; k--)
			((unsigned char *)t)[rand() % sizeof(*t)] =
				(unsigned char)rand();
		t->size = t->size % (sizeof(*t) + 1);
		symbols_init(t);
		name = symbols_find((uint64_t)rand() % 0x3000, &offset);
		if (name)
			assert_true(strlen(name) < sizeof(*t));
		symbols_init(&good);
		free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_function_below),
		cmocka_unit_test(damage_is_harmless),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
