/* SPDX-License-Identifier: ISC */
/*
 * The toolstack's requests: known and unknown ones, repeated, in the middle of
 * the boot and without a xenstored; a long pause; and the watchdog.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/lifecycle.h>
#include <fata/task.h>
#include <fata/timer.h>
#include <fata/xen/xs.h>

#include "lib/sim_lifecycle.h"
#include "xen/lifecycle.h"

/* --- requests ------------------------------------------------------------- */

static enum lifecycle_request told;
static unsigned int tellings;

static bool take_over(void *arg, enum lifecycle_request r)
{
	(void)arg;
	told = r;
	tellings++;
	return true;
}

/* One is there before anybody can follow it. */
static int group_set_up(void **state)
{
	sim_setup(state);
	lifecycle_on_request(take_over, NULL);
	sim_ask("reboot");
	CHECK(lifecycle_start() == 0);
	return 0;
}

static void class_50_during_the_boot(void **state)
{
	(void)state;
	CHECK(tellings == 0);
	sim_sleep(100 * MS);
	CHECK(tellings == 1 && told == LIFECYCLE_REBOOT);
	CHECK(strcmp(sim_asked(), "") == 0);
	lifecycle_on_request(NULL, NULL);
}

static void test_advertises(void **state)
{
	(void)state;
	CHECK(strcmp(sim_xs_read(HOME "/control/feature-poweroff"), "1") == 0);
	CHECK(strcmp(sim_xs_read(HOME "/control/feature-reboot"), "1") == 0);
	CHECK(strcmp(sim_xs_read(HOME "/control/feature-suspend"), "1") == 0);
}

static void test_callback(void **state)
{
	(void)state;
	tellings = 0;
	lifecycle_on_request(take_over, NULL);
	sim_ask("reboot");
	sim_sleep(100 * MS);
	CHECK(tellings == 1 && told == LIFECYCLE_REBOOT);
	CHECK(strcmp(sim_asked(), "") == 0); /* acknowledged */
	sim_ask("halt");
	sim_sleep(100 * MS);
	CHECK(tellings == 2 && told == LIFECYCLE_POWEROFF);
	lifecycle_on_request(NULL, NULL);
}

static void class_50_unknown_requests_are_not_acknowledged(void **state)
{
	(void)state;
	lifecycle_on_request(take_over, NULL);
	sim_ask("dance");
	sim_sleep(100 * MS);
	CHECK(strcmp(sim_asked(), "dance") == 0);
	sim_ask("a word that is much longer than any that there is, by far");
	sim_sleep(100 * MS);
	CHECK(tellings == 2);
	sim_ask("");
	sim_xs_rm(HOME "/control/shutdown");
	sim_sleep(100 * MS);
	CHECK(tellings == 2);
	lifecycle_on_request(NULL, NULL);
	sim_ask("");
	sim_xs_perms(HOME "/control/shutdown", (const char *[]){"n0", "b5"}, 2);
}

/* Each is taken, or the one that came in its place; never one twice. */
static void class_50_repeated_requests(void **state)
{
	(void)state;
	tellings = 0;
	lifecycle_on_request(take_over, NULL);
	for (unsigned i = 0; i < 100; i++) {
		sim_ask(i % 2 ? "poweroff" : "reboot");
		sim_sleep(sim_below(200 * FATA_NS_PER_US));
	}
	sim_sleep(100 * MS);
	CHECK(tellings > 1 && tellings <= 100 && told == LIFECYCLE_POWEROFF);
	CHECK(strcmp(sim_asked(), "") == 0);
	lifecycle_on_request(NULL, NULL);
}

/* It is asked for while nobody answers, and while the daemon starts anew. */
static void class_50_no_xenstored_for_a_while(void **state)
{
	(void)state;
	tellings = 0;
	lifecycle_on_request(take_over, NULL);
	sim_xs_pause(true);
	sim_ask("reboot");
	sim_sleep(60 * FATA_NS_PER_S);
	CHECK(tellings == 0);
	sim_xs_pause(false);
	sim_sleep(FATA_NS_PER_S);
	CHECK(tellings == 1);
	sim_ask("poweroff");
	sim_xs_restart();
	sim_sleep(5 * FATA_NS_PER_S);
	CHECK(tellings == 2 && told == LIFECYCLE_POWEROFF);
	CHECK(strcmp(sim_asked(), "") == 0);
	lifecycle_on_request(NULL, NULL);
}

static void test_sysrq(void **state)
{
	static const char *const letters[] = {"m", "t", "e", "h", "?"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(letters) / sizeof(*letters); i++) {
		sim_xs_write(HOME "/control/sysrq", letters[i]);
		sim_sleep(100 * MS);
		CHECK(strcmp(sim_xs_read(HOME "/control/sysrq"), "") == 0);
	}
}

static void test_await(void **state)
{
	enum lifecycle_request r;

	(void)state;
	CHECK(lifecycle_await(&r, clock_deadline(10 * MS)) == -ETIMEDOUT);
	sim_ask("poweroff");
	CHECK(lifecycle_await(&r, clock_deadline(100 * MS)) == 0);
	CHECK(r == LIFECYCLE_POWEROFF);
	sim_ask("reboot"); /* before anybody waits */
	sim_sleep(100 * MS);
	CHECK(lifecycle_await(&r, 0) == 0 && r == LIFECYCLE_REBOOT);
}

/* --- xl pause ------------------------------------------------------------- */

static unsigned int beats;
static struct timer metronome;

static void beat(void *arg)
{
	beats++;
	timer_set(&metronome, clock_deadline(10 * MS), beat, arg);
}

/* The clock counts the hours; what was due happens once, not a million times */
static void class_51_hours_of_pause(void **state)
{
	enum lifecycle_request r;
	uint64_t start, deadline;

	(void)state;
	beats = 0;
	beat(NULL);
	sim_sleep(95 * MS);
	CHECK(beats == 10);
	start = clock_mono_ns();
	deadline = clock_deadline(FATA_NS_PER_S);
	sim.now += 9 * 3600 * FATA_NS_PER_S;
	sim_sleep(5 * MS);
	CHECK(beats <= 12);
	CHECK(clock_mono_ns() - start > 9 * 3600 * FATA_NS_PER_S);
	CHECK(lifecycle_await(&r, deadline) == -ETIMEDOUT);
	CHECK(xs_write(NULL, "data/x", "1", 1, clock_deadline(10 * MS)) == 0);
	sim_sleep(100 * MS);
	CHECK(beats >= 20 && beats <= 22);
	timer_cancel(&metronome);
}

/* --- watchdog ----------------------------------------------------- */

static void test_watchdog(void **state)
{
	(void)state;
	CHECK(lifecycle_watchdog(2500 * MS) == 0);
	sim_sleep(60 * FATA_NS_PER_S);
	sim_guest->suspend = sim_into_new_domain;
	sim_suspend();
	sim_guest->suspend = NULL;
	sim_sleep(60 * FATA_NS_PER_S);
	CHECK(lifecycle_watchdog(0) == 0);
	sim_sleep(60 * FATA_NS_PER_S);
}


int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_50_during_the_boot),
		cmocka_unit_test(test_advertises),
		cmocka_unit_test(test_callback),
		cmocka_unit_test(
			class_50_unknown_requests_are_not_acknowledged),
		cmocka_unit_test(class_50_repeated_requests),
		cmocka_unit_test(class_50_no_xenstored_for_a_while),
		cmocka_unit_test(test_sysrq),
		cmocka_unit_test(test_await),
		cmocka_unit_test(class_51_hours_of_pause),
		cmocka_unit_test(test_watchdog),
	};

	return cmocka_run_group_tests(tests, group_set_up, NULL);
}
