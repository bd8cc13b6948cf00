/* SPDX-License-Identifier: ISC */
/* The log: lines, escaping, levels, rates, the tail. */
#include "unit/unit.h"

#include "core/log.h"
#include "core/param.h"

#include <errno.h>
#include <stdlib.h>

FATA_LOG_SOURCE("unit");

static struct log_source second_source
	__attribute__((section("fata_log_sources"), aligned(8), used)) = {
		.name = "other", .level = LOG_LEVEL_INFO};

static char shown[200000];
static size_t n_shown;

static void keep(const char *text, size_t n)
{
	assert_true(n_shown + n < sizeof(shown));
	memcpy(shown + n_shown, text, n);
	n_shown += n;
	shown[n_shown] = '\0';
}

static void forget(void)
{
	n_shown = 0;
	shown[0] = '\0';
}

static int set_up(void **state)
{
	static uint64_t day;

	(void)state;
	forget();
	unix_log_to(keep);
	log_set_level(NULL, LOG_LEVEL_INFO);
	day += 86400 * FATA_NS_PER_S;
	unix_clock_set(day);
	fata_yield();
	forget();
	unix_clock_set(12345678901ull + day);
	return 0;
}

static void the_line(void **state)
{
	(void)state;
	unix_clock_set(12345678901ull);
	log_info("link %s after %d", "up", 3);
	log_warn("w\n");
	log_error("e");
	log_write(&fata_log_source, LOG_LEVEL_QUIET, "q");
	unix_clock_set(123456789012345678ull);
	log_info("late");
	assert_string_equal(shown, "[   12.345678] unit: link up after 3\n"
				   "[   12.345678] warning: unit: w\n"
				   "[   12.345678] error: unit: e\n"
				   "[   12.345678] unit: q\n"
				   "[123456789.012345] unit: late\n");
}

static const char *text_of_line(void)
{
	const char *text = strstr(shown, "unit: ");

	assert_non_null(text);
	return text + 6;
}

static void nothing_steers_the_terminal(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{"\033[2J", "\\x1b[2J\n"},
		{"a\nb\rc\td", "a\\x0ab\\x0dc\\x09d\n"},
		{"\x7f\x01", "\\x7f\\x01\n"},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\n"},
		{"\xc2\x9b"
		 "2J",
		 "\\xc2\\x9b2J\n"}, /* CSI as UTF-8 */
		{"\x9b\xff\xc3", "\\x9b\\xff\\xc3\n"},
		{"\xe2\x82", "\\xe2\\x82\n"},
		{"\xc0\xaf", "\\xc0\\xaf\n"}, /* overlong */
		{"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80\n"},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(t); i++) {
		forget();
		log_info("%s", t[i].in);
		assert_string_equal(text_of_line(), t[i].out);
	}
}

static void long_lines_are_cut(void **state)
{
	char text[2000];
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[500] = '\0'; /* the longest that fits */
	log_info("%s", text);
	assert_int_equal(strlen(text_of_line()), 501);
	text[500] = 'x';
	forget();
	log_info("%s", text);
	line = text_of_line();
	assert_int_equal(strlen(line), 501);
	assert_string_equal(line + 494, "xxx...\n");
	forget();
	memset(text, 1, sizeof(text) - 1);
	log_info("%s", text);
	assert_int_equal(strlen(text_of_line()), 4 * 497 + 4);
}

static void levels(void **state)
{
	(void)state;
	log_debug("d");
	assert_string_equal(shown, "");
	assert_int_equal(log_set_level("unit", LOG_LEVEL_ERROR), 0);
	log_warn("w");
	log_info("i");
	assert_string_equal(shown, "");
	log_error("e");
	assert_non_null(strstr(shown, "error: unit: e"));
	log_write(&second_source, LOG_LEVEL_INFO, "still");
	assert_non_null(strstr(shown, "other: still"));
	assert_int_equal(log_set_level(NULL, LOG_LEVEL_QUIET), 0);
	forget();
	log_error("e");
	assert_string_equal(shown, "");
	log_write(&fata_log_source, LOG_LEVEL_QUIET, "always");
	assert_non_null(strstr(shown, "always"));
	assert_int_equal(log_set_level("nobody", LOG_LEVEL_INFO), -ENOENT);
}

static char said[600];

static void say(const char *text, size_t n)
{
	strncat(said, text, n);
}

/* The line that -l VALUE is answered with, "" when it is taken. */
static const char *apply(const char *value)
{
	char *argv[] = {"image", "-l", (char *)value, NULL};
	int argc = 3, status;

	said[0] = '\0';
	status = param_apply(&argc, argv, say);
	assert_int_equal(status, *said ? PARAM_BAD : 0);
	return said;
}

static void parameter_l(void **state)
{
	(void)state;
	assert_string_equal(apply("debug"), "");
	assert_int_equal(fata_log_source.level, LOG_LEVEL_DEBUG);
	assert_int_equal(second_source.level, LOG_LEVEL_DEBUG);
	assert_string_equal(apply("error,unit:warn,other:quiet"), "");
	assert_int_equal(fata_log_source.level, LOG_LEVEL_WARN);
	assert_int_equal(second_source.level, LOG_LEVEL_QUIET);
	assert_string_equal(apply("unit:loud"),
			    "-l unit:loud: bad log level \"loud\" (expected "
			    "quiet, error, warn, info or debug)\n");
	assert_non_null(strstr(apply("net:debug"),
			       "-l net:debug: no log source \"net\" here "
			       "(there are:"));
	assert_non_null(strstr(said, " unit"));
	assert_non_null(strstr(said, " other"));
	assert_non_null(strstr(apply(""), "bad log level \"\""));
	assert_non_null(strstr(apply("debug,"), "bad log level \"\""));
	assert_non_null(strstr(apply("unit:"), "bad log level \"\""));
	assert_non_null(strstr(apply(":debug"), "no log source \"\""));
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *p = shown; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void a_storm_is_held_back(void **state)
{
	(void)state;
	for (int i = 0; i < 2500; i++)
		log_info("storm");
	assert_int_equal(count("storm"), 1000);
	log_write(&second_source, LOG_LEVEL_INFO, "calm");
	log_write(&fata_log_source, LOG_LEVEL_QUIET, "exit status");
	assert_int_equal(count("calm"), 1); /* a rate for each source */
	assert_int_equal(count("exit status"), 1);
	forget();
	assert_int_equal(fata_sleep(FATA_NS_PER_S), 0);
	assert_int_equal(count("warning: unit: 1500 lines held back"), 1);
	forget();
	assert_int_equal(fata_sleep(3 * FATA_NS_PER_S), 0);
	log_info("again");
	assert_int_equal(count("held back"), 0); /* told once */
	assert_int_equal(count("again"), 1);
}

static void next_line_tells_before_the_timer(void **state)
{
	(void)state;
	for (int i = 0; i < 1007; i++)
		log_info("storm");
	forget();
	unix_clock_set(clock_mono_ns() + FATA_NS_PER_S);
	log_info("next");
	assert_int_equal(count("7 lines held back"), 1);
	assert_true(strstr(shown, "held back") < strstr(shown, "next"));
	fata_yield();
	assert_int_equal(count("held back"), 1);
}

/* --- the tail -------------------------------------------------------- */

static char tail[40000];
static size_t n_tail;

static void keep_tail(const char *text, size_t n)
{
	memcpy(tail + n_tail, text, n);
	n_tail += n;
	tail[n_tail] = '\0';
}

static const char *get_tail(void)
{
	n_tail = 0;
	log_tail(keep_tail);
	return tail;
}

static void tail_holds_whole_lines(void **state)
{
	size_t before;

	(void)state;
	log_debug("not shown, but kept");
	assert_string_equal(shown, "");
	assert_non_null(strstr(get_tail(), "not shown, but kept\n"));
	for (int i = 0; i < 3000; i++) {
		log_write(&second_source, LOG_LEVEL_DEBUG, "%.*s %d end",
			  i % 50,
			  "..................................."
			  "....................",
			  i);
		get_tail();
		assert_int_equal(tail[0], '[');
		assert_int_equal(tail[n_tail - 1], '\n');
		before = (size_t)i;
		assert_int_equal(atoi(strrchr(tail, '.') + 1) >= 0, 1);
	}
	assert_int_equal(before, 2999);
	assert_non_null(strstr(tail, " 2999 end\n"));
	assert_in_range(n_tail, 4096 - 100, 4096);
}

static void tail_grows_and_keeps_its_lines(void **state)
{
	char *argv[] = {"image", "--log-tail=20K", NULL};
	int argc = 2;

	(void)state;
	assert_int_equal(param_apply(&argc, argv, say), 0);
	log_init();
	assert_non_null(strstr(get_tail(), " 2999 end\n"));
	assert_in_range(n_tail, 4096 - 100, 4096);
	for (int i = 0; i < 1000; i++)
		log_debug("more %d", i);
	assert_non_null(strstr(get_tail(), " more 999\n"));
	assert_in_range(n_tail, 20480 - 100, 20480);
	log_init(); /* nothing to do */
	assert_non_null(strstr(get_tail(), " more 999\n"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(the_line, set_up),
	cmocka_unit_test_setup(nothing_steers_the_terminal, set_up),
	cmocka_unit_test_setup(long_lines_are_cut, set_up),
	cmocka_unit_test_setup(levels, set_up),
	cmocka_unit_test_setup(parameter_l, set_up),
	cmocka_unit_test_setup(a_storm_is_held_back, set_up),
	cmocka_unit_test_setup(next_line_tells_before_the_timer, set_up),
	cmocka_unit_test_setup(tail_holds_whole_lines, set_up),
	cmocka_unit_test_setup(tail_grows_and_keeps_its_lines, set_up),
};

UNIT_MAIN("log", tests)
