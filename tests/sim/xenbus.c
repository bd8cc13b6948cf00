/* SPDX-License-Identifier: ISC */
/*
 * Devices against backends that do as they please. The driver here only
 * counts; what must always hold is checked at each of its calls: setup and
 * disconnect alternate, connect and update come only between them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/task.h>
#include <fata/xen/xenbus.h>

#include "lib/sim.h"
#include "xen/xenbus.h"
#include "xen/xenstore.h"

#define FRONT "/local/domain/5/device/vif/0"
#define BACK  "/local/domain/0/backend/vif/5/0"
#define BACK3 "/local/domain/3/backend/vif/5/0"
#define MS    FATA_NS_PER_MS
#define SOON  (clock_mono_ns() + 100 * MS)

static struct {
	bool probed, up, connected, frozen;
	unsigned int probes, setups, connects, updates, disconnects, removes;
	enum xenbus_why why;
	int setup_error, connect_error, publish_error;
	unsigned int setup_errors; /* so many times */
	uint64_t feature;
} dev;

static int probe(struct xenbus_device *d)
{
	CHECK(!dev.probed);
	CHECK(d->id == 0 && strcmp(d->path, "device/vif/0") == 0);
	dev.probed = true;
	dev.probes++;
	d->data = &dev;
	return 0;
}

static int setup(struct xenbus_device *d)
{
	int err;

	CHECK(dev.probed && !dev.up);
	CHECK(d->peer_path && d->data == &dev);
	if (dev.setup_errors) {
		dev.setup_errors--;
		return dev.setup_error;
	}
	err = xenbus_read_u64_or(d, "feature-x", 9, 1, &dev.feature);
	if (err)
		return err;
	dev.up = true;
	dev.setups++;
	return 0;
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	int err = xenbus_printf(d, t, "ring-ref", "%d", 8);

	CHECK(dev.up);
	if (dev.publish_error)
		return dev.publish_error;
	return err ? err : xenbus_printf(d, t, "event-channel", "%d", 11);
}

static int connect(struct xenbus_device *d)
{
	(void)d;
	CHECK(dev.up && !dev.connected);
	if (dev.connect_error)
		return dev.connect_error;
	dev.connected = true;
	dev.connects++;
	return 0;
}

static int update(struct xenbus_device *d)
{
	(void)d;
	CHECK(dev.up && dev.connected && !dev.frozen);
	dev.updates++;
	return 0;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	CHECK(dev.up && d->peer_path);
	dev.up = dev.connected = dev.frozen = false;
	dev.disconnects++;
	dev.why = why;
	/* a driver's last word must not bring back a directory that is gone */
	xenbus_printf(d, NULL, "last", "%s", "word");
}

static void suspend(struct xenbus_device *d)
{
	(void)d;
	CHECK(dev.connected && !dev.frozen);
	dev.frozen = true;
}

static void unsuspend(struct xenbus_device *d)
{
	(void)d;
	CHECK(dev.frozen);
	dev.frozen = false;
}

static void removed(struct xenbus_device *d)
{
	(void)d;
	CHECK(dev.probed && !dev.up);
	dev.probed = false;
	dev.removes++;
}

static const struct xenbus_driver driver = {
	.class = "vif",
	.ready = XENBUS_INITIALISED,
	.probe = probe,
	.setup = setup,
	.publish = publish,
	.connect = connect,
	.update = update,
	.disconnect = disconnect,
	.suspend = suspend,
	.unsuspend = unsuspend,
	.remove = removed,
};

/* --- a toolstack and a backend ------------------------------------ */

static bool tame; /* the backend follows the rules */
static const char *back = BACK;

static void back_state(int state)
{
	char path[128], text[8];

	sprintf(path, "%s/state", back);
	sprintf(text, "%d", state);
	sim_xs_write(path, text);
}

static int state_of(const char *directory)
{
	char path[128];
	const char *value;

	sprintf(path, "%s/state", directory);
	value = sim_xs_read(path);
	return value && *value ? atoi(value) : 0;
}

/* What Linux's blkback and netback do when the frontend's state changes. */
static void front_changed(void *arg, const char *path)
{
	int own = state_of(back);

	(void)arg;
	(void)path;
	if (!tame || !own)
		return;
	switch (state_of(FRONT)) {
	case XENBUS_INITIALISING:
		if (own == XENBUS_CLOSED || own == XENBUS_INITIALISING)
			back_state(XENBUS_INIT_WAIT);
		break;
	case XENBUS_INITIALISED:
		if (own == XENBUS_INIT_WAIT)
			back_state(XENBUS_CONNECTED);
		break;
	case XENBUS_CLOSING:
		if (own != XENBUS_CLOSING)
			back_state(XENBUS_CLOSING);
		break;
	case XENBUS_CLOSED:
		if (own != XENBUS_CLOSED)
			back_state(XENBUS_CLOSED);
		break;
	}
}

static void plug_at(const char *where, const char *domid)
{
	const char *perms[] = {"n5", "r0"}, *back_perms[] = {"n0", "r5"};
	char path[128];

	back = where;
	sim_xs_write(back, "");
	sim_xs_perms(back, back_perms, 2);
	sprintf(path, "%s/frontend", back);
	sim_xs_write(path, FRONT);
	sprintf(path, "%s/online", back);
	sim_xs_write(path, "1");
	back_state(XENBUS_INITIALISING);
	sim_xs_write(FRONT, "");
	sim_xs_perms(FRONT, perms, 2);
	sim_xs_write(FRONT "/backend-id", domid);
	sim_xs_write(FRONT "/state", "1");
	sim_xs_write(FRONT "/backend", back);
	front_changed(NULL, NULL);
}

static void plug(void)
{
	plug_at(BACK, "0");
}

static void unplug(void)
{
	sim_xs_rm(FRONT);
	sim_xs_rm(BACK);
	sim_xs_rm(BACK3);
	sim_sleep(20 * MS);
}

static struct xenbus_device *device(void)
{
	struct xenbus_device *d;

	CHECK(xenbus_find(&driver, NULL, NULL, &d, SOON) == 0);
	return d;
}

/* A device that runs; the reference is the caller's. */
static struct xenbus_device *running(void)
{
	struct xenbus_device *d;

	tame = true;
	plug();
	d = device();
	CHECK(xenbus_wait(d, SOON) == 0);
	CHECK(dev.connected);
	return d;
}

/* Take it away: nothing of it may be left. */
static void finish(struct xenbus_device *d)
{
	unplug();
	CHECK(d->phase == XENBUS_GONE);
	CHECK(xenbus_wait(d, SOON) == -ENODEV);
	CHECK(dev.setups == dev.disconnects);
	CHECK(dev.removes + 1 == dev.probes);
	xenbus_put(d);
	CHECK(dev.removes == dev.probes);
}

static int set_up(void **state)
{
	static bool booted;

	(void)state;
	if (!booted) {
		sim_start(1);
		sim_boot(5);
		CHECK(xs_init(sim_xs_page(sim_guest), sim_xs_port(sim_guest)) ==
		      0);
		sim_xs_watch("/local/domain/5/device", front_changed, NULL);
		CHECK(xenbus_register(&driver, SOON) == 0);
		CHECK(xenbus_register(&driver, SOON) == 0);
	}
	booted = true;
	memset(&dev, 0, sizeof(dev));
	tame = true;
	sim_sleep(10 * MS);
	return 0;
}

/* --- tests -------------------------------------------------------- */

static void test_connects(void **state)
{
	struct xenbus_device *d = running();

	(void)state;
	CHECK(state_of(FRONT) == XENBUS_CONNECTED);
	CHECK(strcmp(sim_xs_read(FRONT "/ring-ref"), "8") == 0);
	CHECK(strcmp(sim_xs_read(FRONT "/event-channel"), "11") == 0);
	CHECK(d->peer == 0 && strcmp(d->peer_path, BACK) == 0);
	CHECK(dev.setups == 1 && dev.connects == 1 && dev.feature == 1);
	sim_xs_write(BACK "/sectors", "100");
	sim_sleep(10 * MS);
	CHECK(dev.updates > 0);
	finish(d);
}

static void test_find_waits(void **state)
{
	struct xenbus_device *d;

	(void)state;
	CHECK(xenbus_find(&driver, NULL, NULL, &d, SOON) == -ETIMEDOUT);
	d = running();
	finish(d);
}

/* The toolstack is slow: keys appear and become readable one by one. */
static void class_36_late_keys_and_permissions(void **state)
{
	const char *hidden[] = {"n0"}, *shown[] = {"n0", "r5"};
	const char *owner[] = {"n5", "r0"};
	struct xenbus_device *d;

	(void)state;
	tame = false;
	back = BACK;
	sim_xs_write(FRONT, "");
	sim_xs_perms(FRONT, owner, 2);
	sim_sleep(500 * MS);
	sim_xs_write(FRONT "/backend", BACK);
	sim_sleep(500 * MS);
	sim_xs_write(FRONT "/backend-id", "0");
	sim_sleep(500 * MS);
	back_state(XENBUS_INIT_WAIT);
	sim_xs_perms(BACK, shown, 2);
	sim_xs_perms(BACK "/state", hidden, 1);
	sim_sleep(FATA_NS_PER_S);
	d = device();
	CHECK(d->phase == XENBUS_WAITING && dev.setups == 0);
	sim_xs_perms(BACK "/state", shown, 2);
	sim_sleep(2 * FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_CONNECTING);
	back_state(XENBUS_CONNECTED);
	CHECK(xenbus_wait(d, SOON) == 0);
	finish(d);
}

static void test_setup_is_tried_again(void **state)
{
	struct xenbus_device *d;

	(void)state;
	dev.setup_errors = 5;
	dev.setup_error = -EACCES;
	plug();
	d = device();
	CHECK(xenbus_wait(d, clock_deadline(5 * FATA_NS_PER_S)) == 0);
	CHECK(dev.setups == 1 && dev.setup_errors == 0);
	finish(d);
}

static void test_setup_fails(void **state)
{
	struct xenbus_device *d;

	(void)state;
	dev.setup_errors = 1;
	dev.setup_error = -EINVAL;
	plug();
	d = device();
	CHECK(xenbus_wait(d, SOON) == -EIO);
	CHECK(dev.disconnects == 0);
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(xenbus_wait(d, SOON) == 0);
	finish(d);
}

static void test_publish_and_connect_fail(void **state)
{
	struct xenbus_device *d;

	(void)state;
	dev.publish_error = -ENOSPC;
	plug();
	d = device();
	CHECK(xenbus_wait(d, SOON) == -EIO);
	CHECK(dev.setups == 1 && dev.disconnects == 1);
	CHECK(dev.why == XENBUS_WHY_BROKEN);
	dev.publish_error = 0;
	dev.connect_error = -EPROTO;
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_BROKEN);
	CHECK(dev.setups == 2 && dev.disconnects == 2);
	dev.connect_error = 0;
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(xenbus_wait(d, SOON) == 0);
	finish(d);
}

/* Never comes out of setup's passing errors: broken in the end. */
static void class_38_patience_ends(void **state)
{
	struct xenbus_device *d;

	(void)state;
	dev.setup_errors = UINT32_MAX;
	dev.setup_error = -EAGAIN;
	plug();
	d = device();
	CHECK(xenbus_wait(d, clock_deadline(FATA_NS_PER_S)) == -ETIMEDOUT);
	CHECK(xenbus_wait(d, clock_deadline(60 * FATA_NS_PER_S)) == -EIO);
	finish(d);
}

static void class_37_broken_once(void **state)
{
	struct xenbus_device *d = running();

	(void)state;
	xenbus_broken(d, "the producer index is %d", 77);
	xenbus_broken(d, "again");
	CHECK(dev.up); /* not in the middle of the caller's work */
	sim_sleep(10 * MS);
	CHECK(d->phase == XENBUS_BROKEN && dev.disconnects == 1);
	xenbus_broken(d, "and again");
	sim_sleep(10 * MS);
	CHECK(dev.disconnects == 1);
	CHECK(state_of(FRONT) == XENBUS_CLOSED);
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING && dev.setups == 2);
	finish(d);
}

static void class_32_backend_closes(void **state)
{
	struct xenbus_device *d = running();

	(void)state;
	back_state(XENBUS_CLOSING);
	sim_sleep(5 * MS);
	CHECK(dev.disconnects == 1 && dev.why == XENBUS_WHY_CLOSED);
	sim_sleep(FATA_NS_PER_S); /* it is online: we come back */
	CHECK(d->phase == XENBUS_RUNNING && dev.setups == 2);
	sim_xs_write(BACK "/online", "0");
	back_state(XENBUS_CLOSING);
	sim_sleep(30 * FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_OFFLINE && dev.setups == 2);
	CHECK(state_of(FRONT) == XENBUS_CLOSED);
	finish(d);
}

static void class_32_backend_vanishes_and_returns(void **state)
{
	struct xenbus_device *d = running();

	(void)state;
	sim_xs_rm(BACK);
	sim_sleep(50 * MS);
	CHECK(dev.disconnects == 1 && !dev.up);
	sim_sleep(FATA_NS_PER_S);
	plug();
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING && dev.probes == 1);
	finish(d);
}

static void class_32_backend_starts_anew_without_closing(void **state)
{
	struct xenbus_device *d = running();

	(void)state;
	back_state(XENBUS_INIT_WAIT);
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING);
	CHECK(dev.setups == 2 && dev.disconnects == 1);
	finish(d);
}

/* It may take up the old rings, so these stay until it has seen the close. */
static void test_backend_anew_is_led_out(void **state)
{
	struct xenbus_device *d = running();

	(void)state;
	tame = false;
	back_state(XENBUS_INIT_WAIT);
	sim_sleep(10 * MS);
	CHECK(state_of(FRONT) == XENBUS_CLOSING && !dev.disconnects);
	back_state(XENBUS_CONNECTED);
	sim_sleep(10 * MS);
	CHECK(state_of(FRONT) == XENBUS_CLOSING && !dev.disconnects);
	back_state(XENBUS_CLOSING);
	sim_sleep(10 * MS);
	CHECK(state_of(FRONT) == XENBUS_CLOSED && dev.disconnects == 1);
	tame = true;
	front_changed(NULL, NULL);
	back_state(XENBUS_CLOSED);
	sim_sleep(2 * FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING && dev.setups == 2);
	finish(d);
}

static void class_33_backend_moves_to_third_domain(void **state)
{
	struct xenbus_device *d = running();

	(void)state;
	sim_xs_write(FRONT "/backend-id", "3");
	sim_xs_write(FRONT "/backend", BACK3);
	sim_sleep(100 * MS);
	CHECK(d->phase == XENBUS_BROKEN && dev.disconnects == 1);
	sim_xs_write(FRONT "/backend", BACK);
	sim_xs_write(FRONT "/backend-id", "3"); /* the two disagree */
	sim_sleep(100 * MS);
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_BROKEN);
	finish(d);
}

static void test_replugged_elsewhere(void **state)
{
	struct xenbus_device *d = running(), *e;

	(void)state;
	sim_xs_rm(FRONT);
	sim_xs_rm(BACK);
	plug_at(BACK3, "3");
	sim_sleep(FATA_NS_PER_S);
	e = device();
	CHECK(e->phase == XENBUS_RUNNING && e->peer == 3);
	xenbus_put(e);
	unplug();
	CHECK(d->phase == XENBUS_GONE);
	xenbus_put(d);
	CHECK(sim_xs_transactions(sim_guest) == 0);
	CHECK(dev.setups == dev.disconnects && dev.probes == dev.removes);
}

static void class_31_junk_states(void **state)
{
	static const char *const junk[] = {
		"", "-1", "9", "4x", "banana", "99999999999999999999999"};
	struct xenbus_device *d = running();
	size_t i;

	(void)state;
	tame = false;
	for (i = 0; i < sizeof(junk) / sizeof(*junk); i++) {
		sim_xs_write(BACK "/state", junk[i]);
		sim_sleep(FATA_NS_PER_S);
		CHECK(!dev.connected);
	}
	tame = true;
	back_state(XENBUS_INIT_WAIT);
	sim_sleep(12 * FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING);
	finish(d);
}

/* A restart of ours: the backend still talks to what we were before. */
static void test_stale_connection(void **state)
{
	struct xenbus_device *d;

	(void)state;
	tame = false;
	plug();
	back_state(XENBUS_CONNECTED);
	sim_xs_write(FRONT "/state", "4");
	sim_sleep(10 * MS);
	tame = true;
	front_changed(NULL, NULL);
	d = device();
	CHECK(xenbus_wait(d, clock_deadline(FATA_NS_PER_S)) == 0);
	finish(d);
}

static void test_freeze(void **state)
{
	struct xenbus_device *d = running();
	unsigned int updates;

	(void)state;
	CHECK(xenbus_freeze(SOON) == 0);
	CHECK(dev.frozen);
	updates = dev.updates;
	back_state(XENBUS_CLOSING);
	sim_sleep(100 * MS);
	CHECK(dev.frozen && dev.updates == updates && dev.up);
	back_state(XENBUS_CONNECTED);
	xenbus_thaw(false);
	sim_sleep(100 * MS);
	CHECK(!dev.frozen && dev.up && dev.setups == 1);

	CHECK(xenbus_freeze(SOON) == 0);
	xenbus_thaw(true);
	/* a new toolstack has made both halves anew */
	tame = true;
	sim_xs_rm(BACK);
	plug();
	sim_sleep(FATA_NS_PER_S);
	CHECK(dev.why == XENBUS_WHY_RESUMED);
	CHECK(d->phase == XENBUS_RUNNING && dev.setups == 2);
	finish(d);
}

/* --- any order of anything ---------------------------------------- */

static void chaos_step(void)
{
	char text[16];

	switch (sim_below(14)) {
	case 0:
		sim_xs_rm(BACK);
		break;
	case 1:
		unplug();
		break;
	case 2:
		plug();
		break;
	case 3:
		plug_at(BACK3, "3");
		break;
	case 4:
		sim_xs_rm(FRONT "/backend");
		break;
	case 5:
		sim_xs_write(FRONT "/backend", sim_chance(2) ? BACK : "/junk");
		break;
	case 6:
		sim_xs_write(BACK "/online", sim_chance(2) ? "0" : "1");
		break;
	case 7:
		if (xenbus_freeze(clock_deadline(FATA_NS_PER_S)) == 0) {
			sim_sleep(sim_below(20 * MS));
			xenbus_thaw(sim_chance(2));
		}
		break;
	case 8:
		tame = !tame;
		break;
	default:
		sprintf(text, "%u", (unsigned int)sim_below(10));
		sim_xs_write(sim_chance(6) ? FRONT "/state" : BACK "/state",
			     text);
		break;
	}
	if (sim_chance(2))
		sim_sleep(sim_below(sim_chance(10) ? FATA_NS_PER_S : 5 * MS));
}

static void chaos(void)
{
	struct xenbus_device *d;
	unsigned int i;

	memset(&dev, 0, sizeof(dev));
	if (sim_chance(3))
		sim.fail_chance[SIM_FAIL_ALLOC] = 5 + sim_below(100);
	if (sim_chance(3))
		sim.fail_chance[SIM_FAIL_REPLY] = 5 + sim_below(100);
	for (i = 0; i < 40; i++)
		chaos_step();
	/* Whatever has happened, a new device works. */
	memset(sim.fail_chance, 0, sizeof(sim.fail_chance));
	tame = true;
	unplug();
	sim_sleep(40 * FATA_NS_PER_S);
	CHECK(sim_xs_transactions(sim_guest) == 0);
	CHECK(dev.setups == dev.disconnects && dev.probes == dev.removes);
	plug();
	d = device();
	CHECK(xenbus_wait(d, clock_deadline(FATA_NS_PER_S)) == 0);
	finish(d);
}

static void class_32_37_chaos(void **state)
{
	(void)state;
	sim_runs(300, chaos);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_connects, set_up),
		cmocka_unit_test_setup(test_find_waits, set_up),
		cmocka_unit_test_setup(class_36_late_keys_and_permissions,
				       set_up),
		cmocka_unit_test_setup(test_setup_is_tried_again, set_up),
		cmocka_unit_test_setup(test_setup_fails, set_up),
		cmocka_unit_test_setup(test_publish_and_connect_fail, set_up),
		cmocka_unit_test_setup(class_38_patience_ends, set_up),
		cmocka_unit_test_setup(class_37_broken_once, set_up),
		cmocka_unit_test_setup(class_32_backend_closes, set_up),
		cmocka_unit_test_setup(class_32_backend_vanishes_and_returns,
				       set_up),
		cmocka_unit_test_setup(test_backend_anew_is_led_out, set_up),
		cmocka_unit_test_setup(
			class_32_backend_starts_anew_without_closing, set_up),
		cmocka_unit_test_setup(class_33_backend_moves_to_third_domain,
				       set_up),
		cmocka_unit_test_setup(test_replugged_elsewhere, set_up),
		cmocka_unit_test_setup(class_31_junk_states, set_up),
		cmocka_unit_test_setup(test_stale_connection, set_up),
		cmocka_unit_test_setup(test_freeze, set_up),
		cmocka_unit_test_setup(class_32_37_chaos, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
