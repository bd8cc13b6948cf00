/* SPDX-License-Identifier: ISC */
/*
 * The toolstack's requests, and suspends: cancelled, refused, and into a new
 * domain, fifty times over while everything runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/lifecycle.h>
#include <fata/task.h>
#include <fata/timer.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/xenbus.h>

#include "lib/sim.h"
#include "lib/sim_hypercall.h"
#include "lib/sim_xenstore.h"
#include "xen/lifecycle.h"
#include "xen/xenstore.h"

#define HOME  "/local/domain/5"
#define FRONT HOME "/device/vif/0"
#define BACK  "/local/domain/0/backend/vif/5/0"
#define MS    FATA_NS_PER_MS

static const char *shutdown_key(void)
{
	return sim_xs_read(HOME "/control/shutdown");
}

static void ask(const char *what)
{
	sim_xs_write(HOME "/control/shutdown", what);
}

static int group_set_up(void **state)
{
	sim_setup(state);
	CHECK(lifecycle_start() == 0);
	sim_sleep(100 * MS);
	return 0;
}

/* --- requests ---------------------------------------------------------------
 */

static void test_advertises(void **state)
{
	(void)state;
	CHECK(strcmp(sim_xs_read(HOME "/control/feature-poweroff"), "1") == 0);
	CHECK(strcmp(sim_xs_read(HOME "/control/feature-reboot"), "1") == 0);
	CHECK(strcmp(sim_xs_read(HOME "/control/feature-suspend"), "1") == 0);
}

static enum lifecycle_request told;
static unsigned int tellings;

static bool take_over(void *arg, enum lifecycle_request r)
{
	(void)arg;
	told = r;
	tellings++;
	return true;
}

static void test_callback(void **state)
{
	(void)state;
	lifecycle_on_request(take_over, NULL);
	ask("reboot");
	sim_sleep(100 * MS);
	CHECK(tellings == 1 && told == LIFECYCLE_REBOOT);
	CHECK(strcmp(shutdown_key(), "") == 0); /* acknowledged */
	ask("halt");
	sim_sleep(100 * MS);
	CHECK(tellings == 2 && told == LIFECYCLE_POWEROFF);
	lifecycle_on_request(NULL, NULL);
}

static void class_50_unknown_requests_are_not_acknowledged(void **state)
{
	(void)state;
	lifecycle_on_request(take_over, NULL);
	ask("dance");
	sim_sleep(100 * MS);
	CHECK(strcmp(shutdown_key(), "dance") == 0);
	ask("a word that is much longer than any that there is, by far");
	sim_sleep(100 * MS);
	CHECK(tellings == 2);
	ask("");
	sim_xs_rm(HOME "/control/shutdown");
	sim_sleep(100 * MS);
	CHECK(tellings == 2);
	lifecycle_on_request(NULL, NULL);
	ask("");
	sim_xs_perms(HOME "/control/shutdown", (const char *[]){"n0", "b5"}, 2);
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
	ask("poweroff");
	CHECK(lifecycle_await(&r, clock_deadline(100 * MS)) == 0);
	CHECK(r == LIFECYCLE_POWEROFF);
	ask("reboot"); /* before anybody waits */
	sim_sleep(100 * MS);
	CHECK(lifecycle_await(&r, 0) == 0 && r == LIFECYCLE_REBOOT);
}

/* --- suspend ------------------------------------------------------ */

static char order[32];
static int refuse;

static void say(char c)
{
	size_t n = strlen(order);

	CHECK(n + 1 < sizeof(order));
	order[n] = c;
	order[n + 1] = 0;
}

static int before(void *arg, uint64_t deadline)
{
	CHECK(deadline > clock_mono_ns());
	say(*(char *)arg);
	return *(char *)arg == 'b' ? refuse : 0;
}

static void after(void *arg, enum lifecycle_resume how)
{
	say(*(char *)arg + (how == LIFECYCLE_SAME ? 'A' - 'a' : '1' - 'a'));
}

static struct lifecycle_client clients[] = {
	{.name = "c",
	 .order = 350,
	 .before = before,
	 .after = after,
	 .arg = "c"},
	{.name = "a",
	 .order = -5,
	 .before = before,
	 .after = after,
	 .arg = "a"},
	{.name = "b",
	 .order = 220,
	 .before = before,
	 .after = after,
	 .arg = "b"},
};

static void suspend_and_wait(void)
{
	order[0] = 0;
	ask("suspend");
	sim_sleep(2 * FATA_NS_PER_S);
	CHECK(strcmp(shutdown_key(), "") == 0);
}

static void class_49_cancelled(void **state)
{
	uint32_t generation = lifecycle_generation();
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		lifecycle_register(&clients[i]);
		lifecycle_register(&clients[i]);
	}
	suspend_and_wait();
	CHECK(strcmp(order, "abcCBA") == 0);
	CHECK(lifecycle_generation() == generation);
	CHECK(xs_write(NULL, "data/x", "1", 1, clock_deadline(MS)) == 0);
}

static void test_refused(void **state)
{
	(void)state;
	refuse = -EBUSY;
	suspend_and_wait();
	CHECK(strcmp(order, "abA") == 0);
	refuse = 0;
	CHECK(xs_write(NULL, "data/x", "1", 1, clock_deadline(MS)) == 0);
}

/* A new domain: no ports, no grants, another xenstored that knows nothing. */
static int into_new_domain(struct sim_domain *d)
{
	sim_new_domain(d);
	sim_xs_drop(d);
	sim_xs_rm(HOME "/control");
	sim_xs_rm(HOME "/device");
	sim_xs_populate(d);
	sim_xs_introduce(d);
	return 0;
}

static void class_49_renewed(void **state)
{
	uint32_t generation = lifecycle_generation();
	struct evtchn e = {0};

	(void)state;
	CHECK(evtchn_bind_ipi(&e) == 0);
	sim_guest->suspend = into_new_domain;
	suspend_and_wait();
	sim_guest->suspend = NULL;
	CHECK(strcmp(order, "abc321") == 0);
	CHECK(lifecycle_generation() == generation + 1);
	CHECK(evtchn_notify(&e) == -ESTALE);
	CHECK(evtchn_close(&e) == 0);
	test_advertises(state);
	CHECK(xs_write(NULL, "data/x", "1", 1, clock_deadline(MS)) == 0);
}

/* The toolstack binds the port that the guest has published, and knocks. */
static void knock(void)
{
	const char *text = sim_xs_read(HOME "/device/suspend/event-channel");
	int port;

	CHECK(text && atoi(text) > 0);
	port = sim_evtchn_bind(SIM_DOM0, 5, atoi(text));
	CHECK(port > 0);
	sim_sleep(100 * MS);
	CHECK(order[0] == 0); /* binding alone asks for nothing */
	CHECK(sim_evtchn_send(SIM_DOM0, port) == 0);
	sim_sleep(2 * FATA_NS_PER_S);
	sim_evtchn_close(SIM_DOM0, port);
}

static void test_event_channel(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		order[0] = 0;
		sim_guest->suspend = i % 2 ? into_new_domain : NULL;
		knock();
		CHECK(strcmp(order, i % 2 ? "abc321" : "abcCBA") == 0);
		sim_guest->suspend = NULL;
		order[0] = 0;
		if (i % 2 == 0) /* a port is for one who binds it */
			suspend_port_open();
	}
	sim_sleep(FATA_NS_PER_S);
	CHECK(order[0] == 0);
}

/* --- fifty rounds ------------------------------------------------- */

static struct {
	unsigned int ticks, reads, changes, setups, disconnects;
	struct timer timer;
	struct xs_watch *watch;
	bool stop;
} run;

static void tick(void *arg)
{
	(void)arg;
	run.ticks++;
	timer_set(&run.timer, clock_deadline(10 * MS), tick, NULL);
}

static void changed(void *arg, const char *path)
{
	(void)arg;
	run.changes += path != NULL;
}

/* Never sees anything but success. */
static int worker(void *arg)
{
	uint64_t n, v;

	(void)arg;
	for (n = 0; !run.stop; n++) {
		int err = xs_printf(NULL, "data/n", FATA_FOREVER, "%llu",
				    (unsigned long long)n);

		/* one that was under way is not sent again */
		CHECK(err == 0 || err == -ECONNRESET);
		err = xs_read_u64(NULL, "data/n", UINT64_MAX, &v, FATA_FOREVER);
		CHECK(err == 0 && (v == n || v + 1 == n));
		run.reads++;
		fata_sleep(sim_below(20 * MS));
	}
	return 0;
}

static int device_setup(struct xenbus_device *d)
{
	(void)d;
	run.setups++;
	return 0;
}

static void device_disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	(void)d;
	(void)why;
	run.disconnects++;
}

static const struct xenbus_driver driver = {
	.class = "vif",
	.ready = XENBUS_CONNECTED,
	.setup = device_setup,
	.disconnect = device_disconnect,
};

/* A backend that is at once ready for whatever the frontend does. */
static void front_changed(void *arg, const char *path)
{
	const char *front = sim_xs_read(FRONT "/state");

	(void)arg;
	(void)path;
	if (front && !strcmp(front, "4"))
		sim_xs_write(BACK "/state", "4");
}

static void plug(void)
{
	sim_xs_write(BACK, "");
	sim_xs_perms(BACK, (const char *[]){"n0", "r5"}, 2);
	sim_xs_write(BACK "/state", "2");
	sim_xs_write(FRONT, "");
	sim_xs_perms(FRONT, (const char *[]){"n5", "r0"}, 2);
	sim_xs_write(FRONT "/backend-id", "0");
	sim_xs_write(FRONT "/state", "1");
	sim_xs_write(FRONT "/backend", BACK);
}

static int migrate(struct sim_domain *d)
{
	if (sim_chance(3))
		return 1;
	into_new_domain(d);
	plug();
	return 0;
}

static void test_fifty_rounds(void **state)
{
	struct xenbus_device *d;
	struct task *t;
	unsigned int i;

	(void)state;
	sim_xs_watch(HOME "/device", front_changed, NULL);
	plug();
	CHECK(xenbus_register(&driver, clock_deadline(MS)) == 0);
	CHECK(xenbus_find(&driver, NULL, NULL, &d, clock_deadline(MS)) == 0);
	CHECK(xenbus_wait(d, clock_deadline(100 * MS)) == 0);
	CHECK(xs_watch(&run.watch, "data/n", changed, NULL,
		       clock_deadline(MS)) == 0);
	tick(NULL);
	CHECK(fata_task_spawn(&t, NULL, worker, NULL) == 0);
	sim_guest->suspend = migrate;
	for (i = 0; i < 50; i++) {
		uint64_t now = clock_mono_ns();
		unsigned int ticks = run.ticks, reads = run.reads;
		unsigned int changes = run.changes;

		suspend_and_wait();
		CHECK(clock_mono_ns() > now);
		CHECK(xenbus_wait(d, clock_deadline(100 * MS)) == 0);
		CHECK(run.ticks > ticks + 100);
		CHECK(run.reads > reads + 10 && run.changes > changes + 10);
	}
	sim_guest->suspend = NULL;
	CHECK(run.setups > 10 && run.disconnects + 1 == run.setups);
	run.stop = true;
	CHECK(fata_task_join(t, NULL, clock_deadline(FATA_NS_PER_S)) == 0);
	timer_cancel(&run.timer);
	xs_unwatch(run.watch);
	xenbus_put(d);
}

/* --- watchdog ----------------------------------------------------- */

static void test_watchdog(void **state)
{
	(void)state;
	CHECK(lifecycle_watchdog(2500 * MS) == 0);
	sim_sleep(60 * FATA_NS_PER_S);
	sim_guest->suspend = into_new_domain;
	suspend_and_wait();
	sim_guest->suspend = NULL;
	sim_sleep(60 * FATA_NS_PER_S);
	CHECK(lifecycle_watchdog(0) == 0);
	sim_sleep(60 * FATA_NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_advertises),
		cmocka_unit_test(test_callback),
		cmocka_unit_test(
			class_50_unknown_requests_are_not_acknowledged),
		cmocka_unit_test(test_sysrq),
		cmocka_unit_test(test_await),
		cmocka_unit_test(class_49_cancelled),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(class_49_renewed),
		cmocka_unit_test(test_event_channel),
		cmocka_unit_test(test_fifty_rounds),
		cmocka_unit_test(test_watchdog),
	};

	return cmocka_run_group_tests(tests, group_set_up, NULL);
}
