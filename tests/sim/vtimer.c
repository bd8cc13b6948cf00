/* SPDX-License-Identifier: ISC */
/*
 * The vCPU's one-shot timer: an event always comes in time, and a hypercall is
 * made only where the timer would be too late.
 */
#include <fata/clock.h>
#include <fata/task.h>

#include "lib/sim_channel.h"
#include "lib/sim_hypercall.h"
#include "xen/evtchn.h"
#include "xen/vtimer.h"

#define MS FATA_NS_PER_MS

/* The hypercalls that it takes to be woken `ns` from now. */
static unsigned wake_in(uint64_t ns)
{
	uint64_t before = sim.hypercalls;

	vtimer_wake_by(clock_deadline(ns));
	return (unsigned)(sim.hypercalls - before);
}

/* The timer's event, `ns` from now at the latest. */
static bool comes_within(uint64_t ns)
{
	struct evtchn_stat before, after;

	evtchn_stat(&before);
	fata_sleep(ns);
	evtchn_stat(&after);
	return after.delivered > before.delivered;
}

static int bind(void **state)
{
	(void)state;
	CHECK(vtimer_init() == 0);
	return 0;
}

static void later_deadlines_are_free(void **state)
{
	(void)state;
	CHECK(wake_in(10 * MS) == 1);
	CHECK(wake_in(10 * MS) == 0); /* later by what has passed */
	CHECK(wake_in(50 * MS) == 0);
	CHECK(wake_in(FATA_FOREVER) == 0);
	CHECK(comes_within(11 * MS));
}

static void an_earlier_one_is_set(void **state)
{
	(void)state;
	CHECK(wake_in(3600 * 1000 * MS) == 1);
	CHECK(wake_in(5 * MS) == 1);
	CHECK(comes_within(6 * MS));
	CHECK(!comes_within(20 * MS)); /* once, and the hour is gone */
}

/* An event that has come does not count as one to come. */
static void after_an_event_it_is_set_again(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		CHECK(wake_in(MS) == 1);
		CHECK(comes_within(2 * MS));
	}
	CHECK(wake_in(0) == 1); /* passed: at once */
	CHECK(comes_within(MS / 10));
}

/* In a new domain nothing is set, whatever was in the old one. */
static void a_resume_forgets(void **state)
{
	(void)state;
	CHECK(wake_in(5 * MS) == 1);
	sim_new_domain(sim_guest);
	evtchn_resume(sim_shared(sim_guest));
	sim_forget(&sim_guest->timer);
	CHECK(vtimer_init() == 0);
	CHECK(!comes_within(20 * MS));
	CHECK(wake_in(30 * MS) == 1);
	CHECK(comes_within(31 * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(later_deadlines_are_free, bind),
		cmocka_unit_test_setup(an_earlier_one_is_set, bind),
		cmocka_unit_test_setup(after_an_event_it_is_set_again, bind),
		cmocka_unit_test_setup(a_resume_forgets, bind),
	};

	return channel_groups(tests, sizeof(tests) / sizeof(*tests));
}
