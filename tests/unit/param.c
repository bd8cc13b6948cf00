/* SPDX-License-Identifier: ISC */
/* Boot parameters: each type, good and bad values, what is left in argv. */
#include "unit/unit.h"

#include "core/param.h"

#include <errno.h>
#include <fata/param.h>
#include <stdlib.h>

FATA_NAME("tester", "a program that is tested");

/* In a program this is constant, made by FATA_PARAM_UNKNOWN. */
enum param_unknown fata_param_unknown = PARAM_UNKNOWN_REJECT;

static bool flag, on = true;
static int64_t number = 5;
static uint64_t count = 7, bytes = 4096, pause_ns = 1;
static const char *text = "none";
static char listed[100];

static int add(const char *value)
{
	if (!strcmp(value, "bad"))
		return param_bad("not \"%s\"", value);
	if (!strcmp(value, "worse"))
		return -EINVAL;
	strcat(listed, value);
	strcat(listed, ";");
	return 0;
}

FATA_PARAM_BOOL(flag, "flag", "no", "a flag");
FATA_PARAM_BOOL(on, "on", "yes", "a flag that is on");
FATA_PARAM_INT(number, "number", "5", "a number");
FATA_PARAM_UINT(count, "count", "7", "a count");
FATA_PARAM_SIZE(bytes, "bytes", "4K", "some bytes");
FATA_PARAM_TIME(pause_ns, "pause", "1ns", "a time");
FATA_PARAM_STRING(text, "text", "", "a text");
FATA_PARAM_LIST(add, "add", "", "things");
FATA_PARAM_UINT(count, "c", "7", "a count again");

extern struct param __start_fata_params[];
extern struct param __stop_fata_params[];

static char said[5000];

static void say(const char *line, size_t n)
{
	strncat(said, line, n);
}

static char *argv[20];
static int argc;

/* Apply words that blanks separate; "_" stands for an empty word. */
static int apply(const char *words)
{
	static char copy[400];
	char *save = NULL;

	for (struct param *p = __start_fata_params; p < __stop_fata_params; p++)
		p->given = false;
	strcpy(copy, words);
	said[0] = listed[0] = '\0';
	argc = 0;
	argv[argc++] = "image";
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(w, "_") ? w : "";
	argv[argc] = NULL;
	return param_apply(&argc, argv, say);
}

/* argv as one text. */
static const char *left(void)
{
	static char all[400];

	all[0] = '\0';
	for (int i = 0; i < argc; i++) {
		strcat(all, i ? " " : "");
		strcat(all, argv[i]);
	}
	assert_null(argv[argc]);
	return all;
}

static void every_type(void **state)
{
	(void)state;
	assert_int_equal(apply("--flag --no-on --number=-12 --count 0x10 "
			       "--bytes=3M --pause 250ms --text=a=b --add x"),
			 0);
	assert_true(flag);
	assert_false(on);
	assert_int_equal(number, -12);
	assert_int_equal(count, 16);
	assert_int_equal(bytes, 3 << 20);
	assert_int_equal(pause_ns, 250 * FATA_NS_PER_MS);
	assert_string_equal(text, "a=b");
	assert_string_equal(listed, "x;");
	assert_string_equal(left(), "image");
	assert_string_equal(said, "");
}

static void booleans(void **state)
{
	(void)state;
	assert_int_equal(apply("--flag=no"), 0);
	assert_false(flag);
	assert_int_equal(apply("--flag=yes"), 0);
	assert_true(flag);
	assert_int_equal(apply("--no-flag"), 0);
	assert_false(flag);
	assert_int_equal(apply("--flag yes"), 0); /* a flag and a word */
	assert_true(flag);
	assert_string_equal(left(), "image yes");
}

static void short_names(void **state)
{
	(void)state;
	assert_int_equal(apply("-c 3"), 0);
	assert_int_equal(count, 3);
	assert_int_equal(apply("-c4"), 0);
	assert_int_equal(count, 4);
	assert_int_equal(apply("-c"), PARAM_BAD);
	assert_string_equal(said, "-c: value missing (expected a whole "
				  "number, 0 or more)\n");
}

static void lists_collect(void **state)
{
	(void)state;
	assert_int_equal(apply("--add a --add=b --add _ --add=c"), 0);
	assert_string_equal(listed, "a;b;;c;");
	assert_int_equal(apply("--add a --add=bad"), PARAM_BAD);
	assert_string_equal(said, "--add=bad: not \"bad\"\n");
	assert_int_equal(apply("--add=worse"), PARAM_BAD);
	assert_string_equal(said, "--add=worse: bad value (expected a "
				  "value)\n");
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(apply("--number=9223372036854775807"), 0);
	assert_int_equal(number, INT64_MAX);
	assert_int_equal(apply("--number=-9223372036854775808"), 0);
	assert_true(number == INT64_MIN);
	assert_int_equal(apply("--number +3"), 0);
	assert_int_equal(number, 3);
	assert_int_equal(apply("--count=18446744073709551615"), 0);
	assert_true(count == UINT64_MAX);
	assert_int_equal(apply("--bytes=17179869183G"), 0);
	assert_true(bytes == 17179869183ull << 30);
	assert_int_equal(apply("--bytes=5g"), 0);
	assert_int_equal(bytes, 5ull << 30);
	assert_int_equal(apply("--bytes=12345"), 0);
	assert_int_equal(bytes, 12345);
	assert_int_equal(apply("--pause=5124095h"), 0);
	assert_true(pause_ns == 5124095 * 3600ull * FATA_NS_PER_S);
	assert_int_equal(apply("--pause=0"), 0);
	assert_int_equal(pause_ns, 0);
}

static void bad_values(void **state)
{
	static const char *const t[] = {
		"--number=",
		"--number=x",
		"--number=1x",
		"--number=0x",
		"--number=--1",
		"--number=9223372036854775808",
		"--number=1.5",
		"--count=-1",
		"--count=+1",
		"--count=1K",
		"--count=18446744073709551616",
		"--bytes=2Q",
		"--bytes=-1",
		"--bytes=K",
		"--bytes=2KB",
		"--bytes=2K3",
		"--bytes=17179869184G",
		"--pause=5",
		"--pause=5S",
		"--pause=ms",
		"--pause=5124096h",
		"--pause=1.5s",
		"--flag=maybe",
		"--flag=",
		"--flag=YES",
		"--bytes=\xc2\xb2",
	};

	(void)state;
	for (size_t i = 0; i < N_OF(t); i++) {
		char begin[80];

		assert_int_equal(apply(t[i]), PARAM_BAD);
		snprintf(begin, sizeof(begin), "%s: bad ", t[i]);
		if (strncmp(said, begin, strlen(begin)))
			fail_msg("%s: said %s", t[i], said);
		assert_non_null(strstr(said, " (expected "));
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	}
	apply("--bytes=2Q");
	assert_string_equal(said, "--bytes=2Q: bad size (expected bytes with "
				  "K, M or G)\n");
	apply("--bytes 2Q");
	assert_string_equal(said, "--bytes=2Q: bad size (expected bytes with "
				  "K, M or G)\n");
}

static void given_twice(void **state)
{
	(void)state;
	assert_int_equal(apply("--count=1 --count=1"), PARAM_BAD);
	assert_string_equal(said, "--count: given twice\n");
	assert_int_equal(apply("--flag --no-flag"), PARAM_BAD);
	assert_string_equal(said, "--flag: given twice\n");
}

static void value_missing(void **state)
{
	(void)state;
	assert_int_equal(apply("--bytes"), PARAM_BAD);
	assert_string_equal(said, "--bytes: value missing (expected bytes "
				  "with K, M or G)\n");
}

static void other_words_are_the_programs(void **state)
{
	(void)state;
	assert_int_equal(apply("one --count 2 two root=/dev/xvda - -5 _ three"),
			 0);
	assert_string_equal(left(), "image one two root=/dev/xvda - -5  three");
	assert_int_equal(count, 2);
	assert_int_equal(apply("a --count 3 -- --count 4 --help -- b"), 0);
	assert_string_equal(left(), "image a --count 4 --help -- b");
	assert_int_equal(count, 3);
}

static void unknown_words(void **state)
{
	(void)state;
	fata_param_unknown = PARAM_UNKNOWN_REJECT;
	assert_int_equal(apply("--colour=red"), PARAM_BAD);
	assert_string_equal(said, "--colour=red: unknown parameter (--help "
				  "lists those that there are)\n");
	assert_int_equal(apply("-z"), PARAM_BAD);
	assert_int_equal(apply("--no-count"), PARAM_BAD);
	assert_int_equal(apply("--no-flag=yes"), PARAM_BAD);
	assert_int_equal(apply("--coun=1"), PARAM_BAD);
	assert_int_equal(apply("--=1"), PARAM_BAD);
	fata_param_unknown = PARAM_UNKNOWN_IGNORE;
	assert_int_equal(apply("a --colour=red -z --count=5 b"), 0);
	assert_string_equal(left(), "image a b");
	assert_int_equal(count, 5);
	fata_param_unknown = PARAM_UNKNOWN_PASS;
	assert_int_equal(apply("a --colour=red -z --count=6 b"), 0);
	assert_string_equal(left(), "image a --colour=red -z b");
	assert_int_equal(count, 6);
	fata_param_unknown = PARAM_UNKNOWN_REJECT;
}

static void messages_do_not_steer_the_terminal(void **state)
{
	static char long_word[1000];

	(void)state;
	assert_int_equal(apply("--\033[2J"), PARAM_BAD);
	assert_null(strchr(said, '\033'));
	memset(long_word, 'x', sizeof(long_word) - 1);
	memcpy(long_word, "--", 2);
	argv[0] = "image";
	argv[1] = long_word;
	argv[2] = NULL;
	argc = 2;
	said[0] = '\0';
	assert_int_equal(param_apply(&argc, argv, say), PARAM_BAD);
	assert_in_range(strlen(said), 100, 512);
	assert_int_equal(said[strlen(said) - 1], '\n');
}

static void help_lists_all(void **state)
{
	(void)state;
	assert_int_equal(apply("--count=1 --help --bytes=wrong"), PARAM_HELP);
	assert_non_null(strstr(said, "tester - a program that is tested\n"));
	assert_non_null(strstr(said, "  --bytes=SIZE             some bytes "
				     "(default 4K)\n"));
	assert_non_null(strstr(said, "  -c UINT                  a count again "
				     "(default 7)\n"));
	assert_non_null(strstr(said, "  --[no-]flag              a flag "
				     "(default no)\n"));
	assert_non_null(strstr(said, "  --add=VALUE              things\n"));
	assert_non_null(strstr(said, "  --stack=SIZE             stack of a "
				     "task (default 64K)\n"));
	assert_non_null(strstr(said, "  --help "));
	/* in the order of the alphabet */
	assert_true(strstr(said, "--add") < strstr(said, "--bytes"));
	assert_true(strstr(said, "--bytes") < strstr(said, "--stack"));
}

static void environment(void **state)
{
	char **e;

	(void)state;
	assert_null(param_environment()[0]);
	assert_int_equal(apply("--env A=1 --env=B=2=3 --env AB= --env A=4"), 0);
	e = param_environment();
	assert_string_equal(e[0], "A=4");
	assert_string_equal(e[1], "B=2=3");
	assert_string_equal(e[2], "AB=");
	assert_null(e[3]);
	assert_int_equal(apply("--env A"), PARAM_BAD);
	assert_string_equal(said, "--env=A: bad variable (expected "
				  "NAME=VALUE)\n");
	assert_int_equal(apply("--env ==x"), PARAM_BAD);
}

static void no_words_at_all(void **state)
{
	(void)state;
	assert_int_equal(apply(""), 0);
	assert_string_equal(left(), "image");
	argc = 0;
	argv[0] = NULL;
	assert_int_equal(param_apply(&argc, argv, say), 0);
	assert_int_equal(argc, 0);
}

/* Any words end in one of three ways, and with at most as many words left. */
static void random_words(void **state)
{
	static const char *const parts[] = {
		"--", "-",     "no-",  "flag", "count", "=", "1", "9999999999",
		"K",  "bytes", "help", "add",  "x",     "_", " ", "env"};
	uint32_t seed = 7;
	int ends[3] = {0};

	(void)state;
	for (int round = 0; round < 30000; round++) {
		char words[200] = "";
		int n, status;

		for (int i = 0; i < 9; i++) {
			seed = seed * 1664525 + 1013904223;
			strcat(words, parts[(seed >> 10) % N_OF(parts)]);
		}
		status = apply(words);
		n = argc;
		assert_in_range(n, 1, 11);
		assert_null(argv[argc]);
		assert_int_equal(!status, !*said);
		ends[status == PARAM_HELP ? 1 : status == PARAM_BAD ? 2 : 0]++;
	}
	assert_true(ends[0] > 100 && ends[1] > 10 && ends[2] > 100);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_type),
	cmocka_unit_test(booleans),
	cmocka_unit_test(short_names),
	cmocka_unit_test(lists_collect),
	cmocka_unit_test(limits),
	cmocka_unit_test(bad_values),
	cmocka_unit_test(given_twice),
	cmocka_unit_test(value_missing),
	cmocka_unit_test(other_words_are_the_programs),
	cmocka_unit_test(unknown_words),
	cmocka_unit_test(messages_do_not_steer_the_terminal),
	cmocka_unit_test(help_lists_all),
	cmocka_unit_test(environment),
	cmocka_unit_test(no_words_at_all),
	cmocka_unit_test(random_words),
};

UNIT_MAIN("param", tests)
