/* SPDX-License-Identifier: ISC */
/*
 * The end: exit hooks, which reason is given, panics. end.c is compiled here
 * under other names, with a platform that prints what it is asked for.
 */
#define fata_end     our_end
#define end_early    our_end_early
#define platform_end our_platform_end
#include "../../src/core/end.c"
#undef fata_end
#undef end_early
#undef platform_end

#include "unit/unit.h"

#include "core/param.h"

#include <stdlib.h>

__attribute__((noreturn)) void fata_end(enum end_reason reason, int status);

static char text[8000];

void our_platform_end(enum end_reason reason, int status)
{
	printf("<%s end: %d %d>", notes, reason, status);
	fflush(stdout);
	_exit(9);
}

/* What a child that runs fn printed. */
static const char *printed(void (*fn)(void))
{
	assert_int_equal(run_child(fn, text, sizeof(text)), 9);
	return text;
}

static void hold(const char *what)
{
	assert_non_null(strstr(text, what));
}

/* --- status and reason ----------------------------------------------- */

static void end_0(void)
{
	our_end(END_POWEROFF, 0);
}

static void reboot_0(void)
{
	our_end(END_REBOOT, 0);
}

static void reboot_3(void)
{
	our_end(END_REBOOT, 3);
}

static void end_3(void)
{
	our_end(END_POWEROFF, 3);
}

static void end_3_quietly(void)
{
	log_set_level(NULL, LOG_LEVEL_QUIET);
	our_end(END_POWEROFF, 3);
}

static void ignore(const char *line, size_t n)
{
	(void)line;
	(void)n;
}

static void end_3_no_crash(void)
{
	char *argv[] = {"x", "--no-exit-crash", NULL};
	int argc = 2;

	if (!param_apply(&argc, argv, ignore))
		our_end(END_POWEROFF, 3);
}

static void end_64_early(void)
{
	our_end_early(PARAM_BAD);
}

static void reasons(void **state)
{
	(void)state;
	printed(end_0);
	hold("] fata: exit status 0\n");
	hold("< end: 0 0>");
	printed(reboot_0);
	hold("< end: 1 0>");
	printed(reboot_3);
	hold("fata: exit status 3\n");
	hold("< end: 1 3>");
	printed(end_3);
	hold("] fata: exit status 3\n");
	hold("< end: 3 3>");
	printed(end_3_quietly);
	hold("] fata: exit status 3\n");
	printed(end_3_no_crash);
	hold("fata: exit status 3\n");
	hold("< end: 0 3>");
	printed(end_64_early);
	hold("fata: exit status 64\n");
	hold("< end: 0 64>");
}

/* --- hooks ----------------------------------------------------------- */

static struct hook first = {note_arg, "1", NULL};
static struct hook second = {note_arg, "2", NULL};
static struct hook late = {note_arg, "l", NULL};

static void blocks_and_adds(void *arg)
{
	(void)arg;
	note('b');
	fata_sleep(5);
	fata_at_exit(&late);
	note('B');
}

static struct hook blocking = {blocks_and_adds, NULL, NULL};

static void with_hooks(void)
{
	fata_at_exit(&first);
	fata_at_exit(&blocking);
	fata_at_exit(&second);
	our_end(END_POWEROFF, 0);
}

static void ends_again(void *arg)
{
	(void)arg;
	note('e');
	our_end(END_REBOOT, 77);
}

static void hook_that_ends(void)
{
	static struct hook again = {ends_again, NULL, NULL};

	fata_at_exit(&first);
	fata_at_exit(&again);
	fata_at_exit(&second);
	our_end(END_POWEROFF, 4);
}

static int end_other(void *arg)
{
	(void)arg;
	note('o');
	our_end(END_REBOOT, 5);
}

static void two_tasks_end(void)
{
	struct task *t;

	fata_at_exit(&blocking);
	if (!fata_task_spawn(&t, NULL, end_other, NULL)) {
		fata_task_cancel(t); /* does not keep it from waiting */
		our_end(END_POWEROFF, 6);
	}
}

static int end_task(void *arg)
{
	(void)arg;
	our_end(END_POWEROFF, 0);
}

static void from_another_task(void)
{
	fata_at_exit(&blocking);
	if (!fata_task_spawn(NULL, NULL, end_task, NULL))
		fata_sleep(FATA_NS_PER_S);
}

static void hooks(void **state)
{
	(void)state;
	printed(with_hooks);
	hold("<2bBl1 end: 0 0>");
	printed(hook_that_ends);
	hold("<2e1 end: 3 4>"); /* the first call decides */
	printed(two_tasks_end);
	hold("<boBl end: 3 6>");
	printed(from_another_task);
	hold("<bBl end: 0 0>");
}

/* --- panics, with the real platform ---------------------------------- */

static void panic(void)
{
	log_debug("the line before");
	fata_panic("number %d of %s", 7, "test");
}

static void panics(void **state)
{
	const char *p;

	(void)state;
	assert_int_equal(run_child(panic, text, sizeof(text)), 255);
	assert_ptr_equal(text, strstr(text, "fata: panic: number 7 of test\n"));
	p = strstr(text, "fata: tasks:\n  task end: running\n");
	assert_non_null(p);
	p = strstr(p, "fata: last log lines:\n");
	assert_non_null(p);
	assert_non_null(strstr(p, "fata: the line before\n"));
}

static void clean_exit(void)
{
	printf("buffered");
	fata_end(END_POWEROFF, 5);
}

static void the_real_end(void **state)
{
	(void)state;
	assert_int_equal(run_child(clean_exit, text, sizeof(text)), 5);
	hold("buffered");
	hold("fata: exit status 5\n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(reasons),
	cmocka_unit_test(hooks),
	cmocka_unit_test(panics),
	cmocka_unit_test(the_real_end),
};

UNIT_MAIN("end", tests)
