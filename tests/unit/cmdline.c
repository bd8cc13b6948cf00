/* SPDX-License-Identifier: ISC */
/* The command line: a table, random text against a model, 64 KiB. */
#include "unit/unit.h"

#include "core/cmdline.h"

#include <errno.h>
#include <stdlib.h>

/* The text in memory of just its size, so that a sanitizer sees the edges. */
static int parse(const char *text, char **copy, struct cmdline *c)
{
	int err;

	*copy = strdup(text);
	err = cmdline_parse(*copy, "image", c);
	assert_string_equal(*copy, text);
	return err;
}

static void release(char *copy, struct cmdline *c)
{
	heap_free(c->argv);
	free(copy);
}

static void table(void **state)
{
	static const struct {
		const char *text;
		const char *words[6];
	} t[] = {
		{"", {NULL}},
		{"  \t\n ", {NULL}},
		{"a", {"a"}},
		{" a  b\tc\nd ", {"a", "b", "c", "d"}},
		{"'a b' c", {"a b", "c"}},
		{"\"a b\" c", {"a b", "c"}},
		{"a\\ b c", {"a b", "c"}},
		{"''", {""}},
		{"\"\" x ''", {"", "x", ""}},
		{"a''b\"\"c", {"abc"}},
		{"--key='v w'x\"y z\"", {"--key=v wxy z"}},
		{"'\\'", {"\\"}},
		{"'\"' \"'\"", {"\"", "'"}},
		{"\"\\\"\\\\\\$\\`\"", {"\"\\$`"}},
		{"\"\\a\\n\"", {"\\a\\n"}},
		{"\\a\\'\\\"\\\\", {"a'\"\\"}},
		{"$HOME *.c #x ;|&", {"$HOME", "*.c", "#x", ";|&"}},
		{"a\\\nb", {"a\nb"}},
		{"\xc3\xa4 \xff\x01", {"\xc3\xa4", "\xff\x01"}},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(t); i++) {
		struct cmdline c;
		char *copy;
		int n = 0;

		assert_int_equal(parse(t[i].text, &copy, &c), 0);
		assert_string_equal(c.argv[0], "image");
		for (; n < 6 && t[i].words[n]; n++) {
			assert_true(n + 1 < c.argc);
			assert_string_equal(c.argv[n + 1], t[i].words[n]);
		}
		assert_int_equal(c.argc, n + 1);
		assert_null(c.argv[c.argc]);
		release(copy, &c);
	}
}

static void errors_name_the_place(void **state)
{
	static const struct {
		const char *text, *error;
		size_t at;
	} t[] = {
		{"'", "quote ' is not closed", 0},
		{"ab 'cd", "quote ' is not closed", 3},
		{"ab \"c'd' ", "quote \" is not closed", 3},
		{"\"\\\"", "quote \" is not closed", 0},
		{"'a' b\\", "nothing follows the backslash", 5},
		{"\"a\\", "quote \" is not closed", 0},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(t); i++) {
		struct cmdline c;
		char *copy;

		assert_int_equal(parse(t[i].text, &copy, &c), -EINVAL);
		assert_string_equal(c.error, t[i].error);
		assert_int_equal(c.error_at, t[i].at);
		free(copy);
	}
}

static uint32_t seed = 1;

static unsigned next_random(unsigned bound)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % bound;
}

/* Quote a word in one of the ways that there are, character by character. */
static size_t quote(char *to, const char *word)
{
	char *begin = to;

	if (!*word) {
		memcpy(to, next_random(2) ? "''" : "\"\"", 2);
		return 2;
	}
	for (; *word; word++) {
		bool plain = !strchr(" \t'\"\\", *word);

		switch (next_random(4)) {
		case 0:
			if (*word == '\'')
				to += sprintf(to, "\"'\"");
			else
				to += sprintf(to, "'%c'", *word);
			break;
		case 1:
			to += sprintf(to, "\"%s%c\"",
				      strchr("\"\\", *word) ? "\\" : "", *word);
			break;
		default:
			to += sprintf(to, "%s%c", plain ? "" : "\\", *word);
		}
	}
	return (size_t)(to - begin);
}

static void quoted_words_come_back(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		char words[5][8], text[400];
		unsigned n = next_random(6);
		struct cmdline c;
		size_t len = 0;
		char *copy;

		for (unsigned i = 0; i < n; i++) {
			unsigned k = next_random(8);

			words[i][k] = '\0';
			while (k--)
				words[i][k] = "ab '\"\\\t=$"[next_random(9)];
			len += quote(text + len, words[i]);
			text[len++] = next_random(5) ? ' ' : '\t';
		}
		text[len] = '\0';
		assert_int_equal(parse(text, &copy, &c), 0);
		assert_int_equal(c.argc, n + 1);
		for (unsigned i = 0; i < n; i++)
			assert_string_equal(c.argv[i + 1], words[i]);
		release(copy, &c);
	}
}

static void random_text(void **state)
{
	unsigned good = 0, bad = 0;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		unsigned n = next_random(24);
		char text[25], *copy;
		struct cmdline c;

		text[n] = '\0';
		for (unsigned i = 0; i < n; i++)
			text[i] = "ab  '\"\\"[next_random(7)];
		if (parse(text, &copy, &c)) {
			assert_true(c.error_at < n);
			assert_non_null(strchr("'\"\\", text[c.error_at]));
			free(copy);
			bad++;
		} else {
			size_t total = 0;

			for (int i = 1; i < c.argc; i++)
				total += strlen(c.argv[i]) + 1;
			assert_true(total <= n + 1);
			release(copy, &c);
			good++;
		}
	}
	assert_true(good > 1000 && bad > 1000);
}

static void sixty_four_kib(void **state)
{
	enum { SIZE = 65536 };
	char *text = malloc(SIZE + 1);
	struct cmdline c;

	(void)state;
	for (int i = 0; i < SIZE; i++)
		text[i] = i % 2 ? ' ' : 'x';
	text[SIZE] = '\0';
	assert_int_equal(cmdline_parse(text, "image", &c), 0);
	assert_int_equal(c.argc, SIZE / 2 + 1);
	heap_free(c.argv);
	memset(text, 'y', SIZE);
	assert_int_equal(cmdline_parse(text, "image", &c), 0);
	assert_int_equal(c.argc, 2);
	assert_int_equal(strlen(c.argv[1]), SIZE);
	release(text, &c);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(table),
	cmocka_unit_test(errors_name_the_place),
	cmocka_unit_test(quoted_words_come_back),
	cmocka_unit_test(random_text),
	cmocka_unit_test(sixty_four_kib),
};

UNIT_MAIN("cmdline", tests)
