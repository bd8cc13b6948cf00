/* SPDX-License-Identifier: ISC */
/* Formatted text, against the host's snprintf. */
#include "unit/unit.h"

#include "core/fmt.h"

#include <stdlib.h>

static unsigned compared;

/* The same call of both; the same text, length and cut. */
#define SAME(...)                                                              \
	do {                                                                   \
		char ours[300], theirs[300];                                   \
		for (size_t n = 0; n <= sizeof(ours); n += n < 12 ? 1 : 96) {  \
			memset(ours, 'x', sizeof(ours));                       \
			memset(theirs, 'x', sizeof(theirs));                   \
			assert_int_equal(fmt(ours, n, __VA_ARGS__),            \
					 snprintf(theirs, n, __VA_ARGS__));    \
			if (memcmp(ours, theirs, sizeof(ours)))                \
				fail_msg("\"%s\" != \"%s\"", ours, theirs);    \
			compared++;                                            \
		}                                                              \
	} while (0)

#pragma GCC diagnostic ignored "-Wformat"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"
#endif
#pragma GCC diagnostic ignored "-Wformat-extra-args"
#pragma GCC diagnostic ignored "-Wformat-zero-length"

static void plain(void **state)
{
	(void)state;
	SAME("");
	SAME("no conversion at all");
	SAME("100%%");
	SAME("%s and %s", "this", "that");
	SAME("%c%c|%5c|%-5c|", 'a', 'b', 'c', 'd');
	SAME("%.3s|%.0s|%10.4s|%-10s|%.10s", "abcdef", "x", "abcdef", "left",
	     "short");
	SAME("%*d|%-*d|%*d|%.*d|%.*s", 6, 1, 6, 2, -6, 3, 4, 5, 2, "abc");
	SAME("%.*d", -3, 7);
}

static void precision_stops_reading(void **state)
{
	static const char three[3] = {'a', 'b', 'c'}; /* no NUL */
	char text[8];

	(void)state;
	assert_int_equal(fmt(text, sizeof(text), "%.3s", three), 3);
	assert_string_equal(text, "abc");
}

static void lengths(void **state)
{
	(void)state;
	SAME("%hhd %hhu %hhx", 300, 300, -1);
	SAME("%hd %hu %hX", 70000, 70000, -1);
	SAME("%d %u %i", INT32_MIN, UINT32_MAX, INT32_MAX);
	SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
	SAME("%lld %llu %llX", (long long)INT64_MIN, (long long)-1ll, 0xabcll);
	SAME("%zu %zd %jd %ju %td", SIZE_MAX, (ssize_t)-1, INTMAX_MIN,
	     UINTMAX_MAX, (ptrdiff_t)-5);
}

static void pointers(void **state)
{
	char text[40];

	(void)state;
	SAME("%p", (void *)0x1234abcd5678);
	SAME("%20p|%-20p|", (void *)0x1000, (void *)0x1000);
	fmt(text, sizeof(text), "%p %s", NULL, (const char *)NULL);
	assert_string_equal(text, "0x0 (null)");
}

/* Each flag set, width, precision and conversion with telling values. */
static void all_layouts(void **state)
{
	static const char *const widths[] = {"", "1", "4", "12", "30"};
	static const char *const precisions[] = {"",   ".",  ".0",
						 ".1", ".5", ".25"};
	static const int64_t values[] = {
		0, 1, -1, 9, 10, 15, 255, 256, -123456, INT64_MAX, INT64_MIN};

	(void)state;
	for (unsigned flags = 0; flags < 32; flags++)
		for (size_t w = 0; w < N_OF(widths); w++)
			for (size_t p = 0; p < N_OF(precisions); p++)
				for (const char *conv = "diuxX"; *conv;
				     conv++) {
					char f[32];

					sprintf(f, "<%%%s%s%s%s%s%s%sl%c>",
						flags & 1 ? "-" : "",
						flags & 2 ? "+" : "",
						flags & 4 ? " " : "",
						flags & 8 ? "#" : "",
						flags & 16 ? "0" : "",
						widths[w], precisions[p],
						*conv);
					for (size_t v = 0; v < N_OF(values);
					     v++)
						SAME(f, values[v]);
				}
	assert_true(compared > 500000);
}

static void unknown_is_copied(void **state)
{
	char text[40];

	(void)state;
	assert_int_equal(fmt(text, sizeof(text), "a %y b %5.2k c"), 14);
	assert_string_equal(text, "a %y b %5.2k c");
	assert_int_equal(fmt(text, sizeof(text), "end %"), 5);
	assert_string_equal(text, "end %");
	assert_int_equal(fmt(text, sizeof(text), "end %-5"), 7);
	assert_string_equal(text, "end %-5");
}

static void huge_widths_are_harmless(void **state)
{
	char text[8];

	(void)state;
	fmt(text, sizeof(text), "%99999999999d|%.99999999999d", 1, 2);
	assert_string_equal(text, "       ");
	fmt(text, sizeof(text), "%*d", INT32_MIN, 1);
	assert_string_equal(text, "1");
	fmt(text, sizeof(text), "%*d", INT32_MAX, 1);
	assert_string_equal(text, "       ");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(plain),
	cmocka_unit_test(precision_stops_reading),
	cmocka_unit_test(lengths),
	cmocka_unit_test(pointers),
	cmocka_unit_test(all_layouts),
	cmocka_unit_test(unknown_is_copied),
	cmocka_unit_test(huge_widths_are_harmless),
};

UNIT_MAIN("fmt", tests)
