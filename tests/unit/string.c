/* SPDX-License-Identifier: ISC */
/*
 * The kernel's string functions, compiled here under other names, against the
 * host's: all small sizes at all alignments, with bytes around them watched.
 */
#define memcpy  our_memcpy
#define memmove our_memmove
#define memset  our_memset
#define memcmp  our_memcmp
#define memchr  our_memchr
#define strlen  our_strlen
#define strnlen our_strnlen
#define strcmp  our_strcmp
#define strncmp our_strncmp
#define strchr  our_strchr
#define strrchr our_strrchr
#define strstr  our_strstr
#include "../../src/core/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

/* <string.h> has been read under the other names. */
void *memcpy(void *d, const void *s, size_t n);
void *memmove(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
char *strstr(const char *s, const char *t);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

#include "unit/unit.h"

#include <stdlib.h>

#define MAX  300
#define EDGE 32

static unsigned char a[MAX + 2 * EDGE], b[MAX + 2 * EDGE], source[MAX + EDGE];

static void fill(unsigned char *p, size_t n, unsigned salt)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)((i * 167 + salt * 31) >> 1);
}

static int set_up(void **state)
{
	(void)state;
	fill(source, sizeof(source), 1);
	return 0;
}

static void copies(void **state)
{
	(void)state;
	for (size_t n = 0; n <= MAX; n++)
		for (size_t to = 0; to < 9; to++)
			for (size_t from = 0; from < 9; from += 3) {
				memset(a, 0xee, sizeof(a));
				memset(b, 0xee, sizeof(b));
				assert_ptr_equal(our_memcpy(a + EDGE + to,
							    source + from, n),
						 a + EDGE + to);
				memcpy(b + EDGE + to, source + from, n);
				assert_memory_equal(a, b, sizeof(a));
			}
}

static void moves(void **state)
{
	(void)state;
	for (size_t n = 0; n <= MAX; n += n < 40 ? 1 : 13)
		for (size_t to = 0; to < 2 * EDGE; to++) {
			fill(a, sizeof(a), 2);
			fill(b, sizeof(b), 2);
			our_memmove(a + to, a + EDGE, n);
			memmove(b + to, b + EDGE, n);
			assert_memory_equal(a, b, sizeof(a));
		}
}

static void sets(void **state)
{
	(void)state;
	for (size_t n = 0; n <= MAX; n++)
		for (size_t to = 0; to < 9; to++) {
			fill(a, sizeof(a), 3);
			fill(b, sizeof(b), 3);
			our_memset(a + EDGE + to, 0x1a5, n);
			memset(b + EDGE + to, 0x1a5, n);
			assert_memory_equal(a, b, sizeof(a));
		}
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void compares(void **state)
{
	(void)state;
	for (size_t n = 0; n < 40; n++)
		for (size_t at = 0; at <= n; at++)
			for (int d = -1; d <= 1; d++) {
				fill(a, n + 1, 4);
				fill(b, n + 1, 4);
				a[at] = 0x80;
				b[at] = (unsigned char)(0x80 + d);
				assert_int_equal(sign(our_memcmp(a, b, n)),
						 sign(memcmp(a, b, n)));
			}
}

static void strings(void **state)
{
	static const char *const text[] = {"",     "a",   "ab",    "abc",
					   "abcd", "abd", "\x80x", "xyzxyzab",
					   "zab",  "bcd", "za",    "xyzxyzaa"};

	(void)state;
	for (size_t i = 0; i < N_OF(text); i++) {
		const char *s = text[i];

		assert_int_equal(our_strlen(s), strlen(s));
		for (const char *c = "abxz\x80q"; *c; c++) {
			assert_ptr_equal(our_strchr(s, *c), strchr(s, *c));
			assert_ptr_equal(our_strrchr(s, *c), strrchr(s, *c));
		}
		assert_ptr_equal(our_strchr(s, 0), s + strlen(s));
		assert_ptr_equal(our_strrchr(s, 0), s + strlen(s));
		for (size_t k = 0; k < N_OF(text); k++) {
			const char *t = text[k];

			assert_int_equal(sign(our_strcmp(s, t)),
					 sign(strcmp(s, t)));
			assert_ptr_equal(our_strstr(s, t), strstr(s, t));
			for (size_t n = 0; n < 6; n++)
				assert_int_equal(sign(our_strncmp(s, t, n)),
						 sign(strncmp(s, t, n)));
		}
		for (size_t n = 0; n < 10; n++)
			assert_int_equal(our_strnlen(s, n), strnlen(s, n));
	}
	assert_ptr_equal(our_memchr(text[3], 'c', 3), text[3] + 2);
	assert_null(our_memchr(text[3], 'c', 2));
	assert_null(our_memchr("", 'c', 0));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(copies, set_up),
	cmocka_unit_test_setup(moves, set_up),
	cmocka_unit_test_setup(sets, set_up),
	cmocka_unit_test_setup(compares, set_up),
	cmocka_unit_test_setup(strings, set_up),
};

UNIT_MAIN("string", tests)
