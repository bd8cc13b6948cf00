/* SPDX-License-Identifier: ISC */
/* The loop: rounds, fairness between tasks, timers and events, idleness. */
#include "unit/unit.h"

#include "core/task.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

static unsigned turns[3];
static bool stop;

static int yield_for_ever(void *arg)
{
	while (!stop) {
		turns[(size_t)arg]++;
		unix_clock_set(clock_mono_ns() + 10);
		fata_yield();
	}
	return 0;
}

static void start_yielders(struct task *t[3])
{
	stop = false;
	memset(turns, 0, sizeof(turns));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			fata_task_spawn(&t[i], NULL, yield_for_ever, (void *)i),
			0);
}

static void stop_yielders(struct task *t[3])
{
	stop = true;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fata_task_join(t[i], NULL, FATA_FOREVER), 0);
}

static void yielders_do_not_delay_timers(void **state)
{
	struct task *t[3];
	uint64_t start = clock_mono_ns();

	(void)state;
	start_yielders(t);
	assert_int_equal(fata_sleep(3000), 0);
	/* due after 300 turns in all; noticed within one round of three */
	assert_in_range(clock_mono_ns() - start, 3000, 3030);
	assert_in_range(turns[0], 100, 101);
	assert_in_range(turns[1], 100, 101);
	assert_in_range(turns[2], 100, 101);
	stop_yielders(t);
}

static void yield_waits_for_nothing(void **state)
{
	struct timer t = {0};
	uint64_t start = clock_mono_ns();

	(void)state;
	timer_set(&t, start + FATA_NS_PER_S, note_arg, "t");
	for (int i = 0; i < 1000; i++)
		fata_yield();
	assert_int_equal(clock_mono_ns(), start);
	assert_true(timer_cancel(&t));
}

static void timers_do_not_delay_yielders(void **state)
{
	uint64_t start = clock_mono_ns();

	(void)state;
	assert_int_equal(fata_sleep_until(start), 0);
	assert_int_equal(clock_mono_ns(), start);
}

/* --- events and hooks ------------------------------------------------ */

static struct event arrived;

static void on_readable(void *arg, uint32_t events)
{
	struct unix_watch *w = arg;
	uint64_t value;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(w->fd, &value, sizeof(value)), sizeof(value));
	note('d');
	event_signal(&arrived);
}

static struct unix_watch watch = {.fn = on_readable, .arg = &watch};

static int set_up_watch(void **state)
{
	(void)state;
	watch.fd = eventfd(0, EFD_CLOEXEC);
	return watch.fd < 0 || unix_watch(&watch, EPOLLIN);
}

static int tear_down_watch(void **state)
{
	(void)state;
	unix_unwatch(&watch);
	return close(watch.fd);
}

static void raise_event(void)
{
	uint64_t one = 1;

	assert_int_equal(write(watch.fd, &one, sizeof(one)), sizeof(one));
}

static void yielders_do_not_delay_events(void **state)
{
	struct task *t[3];
	uint64_t seen = event_count(&arrived);

	(void)state;
	start_yielders(t);
	fata_yield();
	raise_event();
	assert_int_equal(event_wait(&arrived, &seen, FATA_FOREVER), 0);
	assert_in_range(turns[0], 1, 3);
	stop_yielders(t);
	noted();
}

static int raise_later(void *arg)
{
	(void)arg;
	raise_event();
	return 0;
}

static void hooks_run_only_with_events(void **state)
{
	static struct hook enter1 = {note_arg, "1", NULL},
			   enter2 = {note_arg, "2", NULL},
			   leave1 = {note_arg, "3", NULL},
			   leave2 = {note_arg, "4", NULL};
	uint64_t seen = event_count(&arrived);

	(void)state;
	fata_at_leave(&leave1);
	fata_at_enter(&enter1);
	fata_at_leave(&leave2);
	fata_at_enter(&enter2);
	fata_yield();
	fata_sleep(10);
	assert_string_equal(noted(), "");
	assert_int_equal(fata_task_spawn(NULL, NULL, raise_later, NULL), 0);
	assert_int_equal(event_wait(&arrived, &seen, FATA_FOREVER), 0);
	fata_yield();
	assert_string_equal(noted(), "12d34");
}

static void unwatch_in_a_batch(void *arg, uint32_t events)
{
	(void)events;
	note('u');
	unix_unwatch(arg);
}

static void no_event_after_unwatch(void **state)
{
	struct unix_watch a = {.fn = unwatch_in_a_batch},
			  b = {.fn = unwatch_in_a_batch};

	(void)state;
	a.fd = eventfd(1, EFD_CLOEXEC);
	b.fd = eventfd(1, EFD_CLOEXEC);
	a.arg = &b;
	b.arg = &a;
	assert_int_equal(unix_watch(&a, EPOLLIN), 0);
	assert_int_equal(unix_watch(&b, EPOLLIN), 0);
	fata_yield();
	fata_yield();
	unix_unwatch(&a);
	unix_unwatch(&b);
	assert_memory_equal(notes, "12u34", 5); /* one, not both */
	noted();
	close(a.fd);
	close(b.fd);
}

/* --- callbacks ------------------------------------------------------- */

static void block(void *arg)
{
	(void)arg;
	fata_sleep(1);
}

static void blocking_child(void)
{
	struct timer t = {0};

	timer_set(&t, 0, block, NULL);
	fata_yield();
	fata_yield();
}

static void blocking_in_a_callback_panics(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(run_child(blocking_child, text, sizeof(text)), 255);
	assert_non_null(strstr(text, "fata: panic: "));
	assert_non_null(strstr(text, "!l->callback"));
}

static int end_soon(void *arg)
{
	(void)arg;
	return 0;
}

/* A dead task runs the loop; what happens there must not touch its stack. */
static void spawn_and_cancel(void *arg)
{
	struct task **t = arg;

	assert_int_equal(fata_task_spawn(NULL, NULL, end_soon, NULL), 0);
	fata_task_detach(*t);
}

static void loop_on_a_dead_stack(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct timer timer = {0};
		struct task *t;

		assert_int_equal(fata_task_spawn(&t, NULL, end_soon, NULL), 0);
		timer_set(&timer, clock_deadline(5), spawn_and_cancel, &t);
		assert_int_equal(fata_sleep(10), 0);
	}
}

static void deadlock_child(void)
{
	struct event never = {0};
	uint64_t seen = 0;

	event_wait(&never, &seen, FATA_FOREVER);
}

static void deadlock_is_told_under_the_manual_clock(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(run_child(deadlock_child, text, sizeof(text)), 255);
	assert_non_null(strstr(text, "nothing can wake them"));
	assert_non_null(strstr(text, "task loop: running"));
}

/* --- idleness, with the real clock ----------------------------------- */

static void idle_child(void)
{
	struct rusage before, after;
	uint64_t seen = 0;
	struct event never = {0};
	long us;

	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < 10; i++) {
		uint64_t start = clock_mono_ns();
		uint64_t deadline = start + 20 * FATA_NS_PER_MS;

		if (event_wait(&never, &seen, deadline) != -ETIMEDOUT ||
		    clock_mono_ns() < deadline)
			_exit(1);
	}
	getrusage(RUSAGE_SELF, &after);
	us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec +
	      after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
		     1000000 +
	     after.ru_utime.tv_usec - before.ru_utime.tv_usec +
	     after.ru_stime.tv_usec - before.ru_stime.tv_usec;
	if (us > 50000) /* of 200,000 */
		_exit(2);
	_exit(after.ru_nvcsw - before.ru_nvcsw < 8 ? 3 : 0);
}

/* A busy machine can be in the way, but not each time. */
static void idle_uses_no_cpu(void **state)
{
	int status, tries = 5;
	char text[64];

	(void)state;
	unix_clock_real();
	do
		status = run_child(idle_child, text, sizeof(text));
	while (status > 1 && --tries);
	unix_clock_manual(START * 2);
	assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(yielders_do_not_delay_timers),
	cmocka_unit_test(yield_waits_for_nothing),
	cmocka_unit_test(timers_do_not_delay_yielders),
	cmocka_unit_test_setup_teardown(yielders_do_not_delay_events,
					set_up_watch, tear_down_watch),
	cmocka_unit_test_setup_teardown(hooks_run_only_with_events,
					set_up_watch, tear_down_watch),
	cmocka_unit_test(no_event_after_unwatch),
	cmocka_unit_test(blocking_in_a_callback_panics),
	cmocka_unit_test(loop_on_a_dead_stack),
	cmocka_unit_test(deadlock_is_told_under_the_manual_clock),
	cmocka_unit_test(idle_uses_no_cpu),
};

UNIT_MAIN("loop", tests)
