/* SPDX-License-Identifier: ISC */
/*
 * Suspends: cancelled, refused, into a new domain, fifty times over while
 * everything runs, and at any moment, whatever else happens.
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
#include <fata/xen/xs.h>

#include "lib/sim_lifecycle.h"
#include "lib/sim_xenstore.h"
#include "xen/lifecycle.h"

#define FRONT HOME "/device/vif/0"
#define BACK  "/local/domain/0/backend/vif/5/0"

/* --- one suspend ---------------------------------------------------------- */

static char order[32];
static int refuse;

static void say(char c)
{
	size_t n = strlen(order);

	if (n + 1 == sizeof(order)) /* nobody looks at so many */
		return;
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
	sim_suspend();
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

static void class_49_renewed(void **state)
{
	uint32_t generation = lifecycle_generation();
	struct evtchn e = {0};

	(void)state;
	CHECK(evtchn_bind_ipi(&e) == 0);
	sim_guest->suspend = sim_into_new_domain;
	suspend_and_wait();
	sim_guest->suspend = NULL;
	CHECK(strcmp(order, "abc321") == 0);
	CHECK(lifecycle_generation() == generation + 1);
	CHECK(evtchn_notify(&e) == -ESTALE);
	CHECK(evtchn_close(&e) == 0);
	CHECK(strcmp(sim_xs_read(HOME "/control/feature-suspend"), "1") == 0);
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
		sim_guest->suspend = i % 2 ? sim_into_new_domain : NULL;
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

/* --- fifty rounds --------------------------------------------------------- */

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

/* Never sees anything but success; a write under way is not sent again. */
static int worker(void *arg)
{
	uint64_t n, v, last = 0;

	(void)arg;
	for (n = 0; !run.stop; n++) {
		int err = xs_printf(NULL, "data/n", FATA_FOREVER, "%llu",
				    (unsigned long long)n);

		CHECK(err == 0 || err == -ECONNRESET);
		err = xs_read_u64(NULL, "data/n", UINT64_MAX, &v, FATA_FOREVER);
		CHECK(err == 0 && (v == n || v == last));
		last = v;
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
	sim_device_make(FRONT, BACK, front_changed);
	sim_device_begin(FRONT, BACK, XENBUS_INIT_WAIT);
}

static int migrate(struct sim_domain *d)
{
	if (sim_chance(3))
		return 1;
	sim_into_new_domain(d);
	plug();
	return 0;
}

static struct task *working;
static struct xenbus_device *device;

static void start_all(void)
{
	memset(&run, 0, sizeof(run));
	sim_xs_write(HOME "/data/n", "0");
	sim_xs_perms(HOME "/data/n", (const char *[]){"n5"}, 1);
	plug();
	CHECK(xenbus_find(&driver, NULL, NULL, &device,
			  clock_deadline(FATA_NS_PER_S)) == 0);
	CHECK(xenbus_wait(device, clock_deadline(FATA_NS_PER_S)) == 0);
	CHECK(xs_watch(&run.watch, "data/n", changed, NULL,
		       clock_deadline(MS)) == 0);
	tick(NULL);
	CHECK(fata_task_spawn(&working, NULL, worker, NULL) == 0);
}

static void stop_all(void)
{
	run.stop = true;
	CHECK(fata_task_join(working, NULL, clock_deadline(FATA_NS_PER_S)) ==
	      0);
	timer_cancel(&run.timer);
	xs_unwatch(run.watch);
	xenbus_put(device);
	sim_xs_rm(FRONT);
	sim_xs_rm(BACK);
	sim_sleep(FATA_NS_PER_S);
	CHECK(run.disconnects == run.setups);
}

/* Everything goes on as it did. */
static void all_work(void)
{
	unsigned int ticks = run.ticks, reads = run.reads;
	unsigned int changes = run.changes;

	CHECK(xenbus_wait(device, clock_deadline(100 * MS)) == 0);
	sim_sleep(FATA_NS_PER_S);
	CHECK(run.ticks > ticks + 90);
	CHECK(run.reads > reads + 10 && run.changes > changes + 10);
	CHECK(run.disconnects + 1 == run.setups);
}

static void class_49_fifty_rounds(void **state)
{
	(void)state;
	start_all();
	sim_guest->suspend = migrate;
	for (unsigned int i = 0; i < 50; i++) {
		uint64_t now = clock_mono_ns();

		suspend_and_wait();
		CHECK(clock_mono_ns() > now);
		all_work();
	}
	sim_guest->suspend = NULL;
	CHECK(run.setups > 10);
	stop_all();
}

/* The new domain has no such device; later it has one again. */
static void class_49_device_gone_after_resume(void **state)
{
	(void)state;
	start_all();
	sim_guest->suspend = sim_into_new_domain;
	suspend_and_wait();
	sim_guest->suspend = NULL;
	CHECK(run.setups == 1 && run.disconnects == 1);
	CHECK(xenbus_wait(device, clock_deadline(MS)) < 0);
	xenbus_put(device);
	plug();
	CHECK(xenbus_find(&driver, NULL, NULL, &device,
			  clock_deadline(FATA_NS_PER_S)) == 0);
	all_work();
	stop_all();
}

/* It is there when the guest wakes up, and taken away at once. */
static void unplug(void *arg)
{
	(void)arg;
	sim_xs_rm(FRONT);
	sim_xs_rm(BACK);
}

static int migrate_and_unplug(struct sim_domain *d)
{
	sim_into_new_domain(d);
	plug();
	sim_after(sim_below(2 * MS), unplug, NULL);
	return 0;
}

static void unplug_at_resume(void)
{
	start_all();
	sim_guest->suspend = migrate_and_unplug;
	suspend_and_wait();
	sim_guest->suspend = NULL;
	CHECK(run.setups == run.disconnects);
	stop_all();
}

static void class_49_unplugged_at_resume(void **state)
{
	(void)state;
	sim_runs(100, unplug_at_resume);
}

/* --- at any moment -------------------------------------------------------- */

static void go_on(void *arg)
{
	(void)arg;
	sim_xs_pause(false);
}

static void restart(void *arg)
{
	(void)arg;
	sim_xs_restart();
}

/* The new domain has a device or not, and perhaps a slow xenstored. */
static int anywhere(struct sim_domain *d)
{
	if (sim_chance(3))
		return 1;
	sim_into_new_domain(d);
	if (!sim_chance(3))
		plug();
	if (sim_chance(3)) {
		sim_xs_pause(true);
		sim_after(sim_below(FATA_NS_PER_S), go_on, NULL);
	}
	if (sim_chance(4))
		sim_after(sim_below(5 * MS), restart, NULL);
	return 0;
}

/* Through the event channel, if the guest offers one just now. */
static void knock_if_open(void)
{
	const char *text = sim_xs_read(HOME "/device/suspend/event-channel");
	int port = text && atoi(text) > 0
			   ? sim_evtchn_bind(SIM_DOM0, 5, atoi(text))
			   : -1;

	if (port <= 0)
		return;
	sim_evtchn_send(SIM_DOM0, port);
	sim_sleep(sim_below(5 * MS));
	sim_evtchn_close(SIM_DOM0, port);
}

static void chaos_step(void)
{
	switch (sim_below(9)) {
	case 0:
		sim_xs_pause(true);
		sim_after(sim_below(500 * MS), go_on, NULL);
		break;
	case 1:
		sim_xs_restart();
		break;
	case 2:
		unplug(NULL);
		break;
	case 3:
		plug();
		break;
	case 4:
		knock_if_open();
		break;
	case 5:
		sim_xs_write(BACK "/state", sim_chance(2) ? "5" : "6");
		break;
	default:
		sim_ask("suspend");
		break;
	}
	if (!sim_chance(4))
		sim_sleep(sim_below(sim_chance(4) ? FATA_NS_PER_S : 5 * MS));
}

/* What the toolstack must know, in whatever domain. */
static bool told(const char *key)
{
	char path[64];
	const char *value;

	snprintf(path, sizeof(path), HOME "/%s", key);
	value = sim_xs_read(path);
	return value && atoi(value) > 0;
}

static void chaos(void)
{
	start_all();
	sim_guest->suspend = anywhere;
	if (sim_chance(2))
		sim.step_chance = 2 + sim_below(50);
	for (unsigned int i = 0; i < 20; i++)
		chaos_step();
	sim.step_chance = 0;
	sim_sleep(30 * FATA_NS_PER_S);
	CHECK(strcmp(sim_asked(), "") == 0);
	sim_guest->suspend = NULL;
	CHECK(told("control/feature-suspend"));
	CHECK(told("control/feature-poweroff"));
	CHECK(told("device/suspend/event-channel"));
	/* Whatever has happened, what was there goes on, a new device works. */
	xenbus_put(device);
	unplug(NULL);
	sim_sleep(40 * FATA_NS_PER_S);
	CHECK(run.disconnects == run.setups);
	plug();
	CHECK(xenbus_find(&driver, NULL, NULL, &device,
			  clock_deadline(FATA_NS_PER_S)) == 0);
	all_work();
	stop_all();
}

static void class_49_at_any_moment(void **state)
{
	(void)state;
	sim_runs(200, chaos);
}

static int group_set_up(void **state)
{
	sim_lifecycle_setup(state);
	CHECK(xenbus_register(&driver, clock_deadline(MS)) == 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_49_cancelled),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(class_49_renewed),
		cmocka_unit_test(test_event_channel),
		cmocka_unit_test(class_49_fifty_rounds),
		cmocka_unit_test(class_49_device_gone_after_resume),
		cmocka_unit_test(class_49_unplugged_at_resume),
		cmocka_unit_test(class_49_at_any_moment),
	};

	return cmocka_run_group_tests(tests, group_set_up, NULL);
}
