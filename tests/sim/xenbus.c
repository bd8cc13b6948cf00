/* SPDX-License-Identifier: ISC */
/*
 * Devices against a backend that is slow, or a driver that fails: connecting,
 * waiting, breaking, a pause. xenbus_peer.c has backends that do as they
 * please.
 */
#include <errno.h>
#include <string.h>

#include "lib/sim_bus.h"
#include "xen/xenbus.h"

static void test_connects(void **state)
{
	struct xenbus_device *d = bus_running();

	(void)state;
	CHECK(bus_state(FRONT) == XENBUS_CONNECTED);
	CHECK(strcmp(sim_xs_read(FRONT "/ring-ref"), "8") == 0);
	CHECK(strcmp(sim_xs_read(FRONT "/event-channel"), "11") == 0);
	CHECK(d->peer == 0 && strcmp(d->peer_path, BACK) == 0);
	CHECK(bus.setups == 1 && bus.connects == 1 && bus.feature == 1);
	sim_xs_write(BACK "/sectors", "100");
	sim_sleep(10 * MS);
	CHECK(bus.updates > 0);
	bus_finish(d);
}

static void test_find_waits(void **state)
{
	struct xenbus_device *d;

	(void)state;
	CHECK(xenbus_find(&bus_driver, NULL, NULL, &d, SOON) == -ETIMEDOUT);
	d = bus_running();
	bus_finish(d);
}

/* The toolstack is slow: keys appear and become readable one by one. */
static void class_36_late_keys_and_permissions(void **state)
{
	const char *hidden[] = {"n0"}, *shown[] = {"n0", "r5"};
	const char *owner[] = {"n5", "r0"};
	struct xenbus_device *d;

	(void)state;
	bus_tame = false;
	bus_backend(BACK);
	sim_xs_write(FRONT, "");
	sim_xs_perms(FRONT, owner, 2);
	sim_sleep(500 * MS);
	sim_xs_write(FRONT "/backend", BACK);
	sim_sleep(500 * MS);
	sim_xs_write(FRONT "/backend-id", "0");
	sim_sleep(500 * MS);
	bus_back(XENBUS_INIT_WAIT);
	sim_xs_perms(BACK, shown, 2);
	sim_xs_perms(BACK "/state", hidden, 1);
	sim_sleep(FATA_NS_PER_S);
	d = bus_device();
	CHECK(d->phase == XENBUS_WAITING && bus.setups == 0);
	sim_xs_perms(BACK "/state", shown, 2);
	sim_sleep(2 * FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_CONNECTING);
	bus_back(XENBUS_CONNECTED);
	CHECK(xenbus_wait(d, SOON) == 0);
	bus_finish(d);
}

static void test_setup_is_tried_again(void **state)
{
	struct xenbus_device *d;

	(void)state;
	bus.setup_errors = 5;
	bus.setup_error = -EACCES;
	bus_plug();
	d = bus_device();
	CHECK(xenbus_wait(d, clock_deadline(5 * FATA_NS_PER_S)) == 0);
	CHECK(bus.setups == 1 && bus.setup_errors == 0);
	bus_finish(d);
}

static void test_setup_fails(void **state)
{
	struct xenbus_device *d;

	(void)state;
	bus.setup_errors = 1;
	bus.setup_error = -EINVAL;
	bus_plug();
	d = bus_device();
	CHECK(xenbus_wait(d, SOON) == -EIO);
	CHECK(bus.disconnects == 0);
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(xenbus_wait(d, SOON) == 0);
	bus_finish(d);
}

static void test_publish_and_connect_fail(void **state)
{
	struct xenbus_device *d;

	(void)state;
	bus.publish_error = -ENOSPC;
	bus_plug();
	d = bus_device();
	CHECK(xenbus_wait(d, SOON) == -EIO);
	CHECK(bus.setups == 1 && bus.disconnects == 1);
	CHECK(bus.why == XENBUS_WHY_BROKEN);
	bus.publish_error = 0;
	bus.connect_error = -EPROTO;
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_BROKEN);
	CHECK(bus.setups == 2 && bus.disconnects == 2);
	bus.connect_error = 0;
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(xenbus_wait(d, SOON) == 0);
	bus_finish(d);
}

/* Never comes out of setup's passing errors: broken in the end. */
static void class_38_patience_ends(void **state)
{
	struct xenbus_device *d;

	(void)state;
	bus.setup_errors = UINT32_MAX;
	bus.setup_error = -EAGAIN;
	bus_plug();
	d = bus_device();
	CHECK(xenbus_wait(d, clock_deadline(FATA_NS_PER_S)) == -ETIMEDOUT);
	CHECK(xenbus_wait(d, clock_deadline(60 * FATA_NS_PER_S)) == -EIO);
	bus_finish(d);
}

static void class_37_broken_once(void **state)
{
	struct xenbus_device *d = bus_running();

	(void)state;
	xenbus_broken(d, "the producer index is %d", 77);
	xenbus_broken(d, "again");
	CHECK(bus.up); /* not in the middle of the caller's work */
	sim_sleep(10 * MS);
	CHECK(d->phase == XENBUS_BROKEN && bus.disconnects == 1);
	xenbus_broken(d, "and again");
	sim_sleep(10 * MS);
	CHECK(bus.disconnects == 1);
	CHECK(bus_state(FRONT) == XENBUS_CLOSED);
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING && bus.setups == 2);
	bus_finish(d);
}

static void test_freeze(void **state)
{
	struct xenbus_device *d = bus_running();
	unsigned int updates;

	(void)state;
	CHECK(xenbus_freeze(SOON) == 0);
	CHECK(bus.frozen);
	updates = bus.updates;
	bus_back(XENBUS_CLOSING);
	sim_sleep(100 * MS);
	CHECK(bus.frozen && bus.updates == updates && bus.up);
	bus_back(XENBUS_CONNECTED);
	xenbus_thaw(false);
	sim_sleep(100 * MS);
	CHECK(!bus.frozen && bus.up && bus.setups == 1);

	CHECK(xenbus_freeze(SOON) == 0);
	xenbus_thaw(true);
	/* a new toolstack has made both halves anew */
	bus_tame = true;
	sim_xs_rm(BACK);
	bus_plug();
	sim_sleep(FATA_NS_PER_S);
	CHECK(bus.why == XENBUS_WHY_RESUMED);
	CHECK(d->phase == XENBUS_RUNNING && bus.setups == 2);
	bus_finish(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_connects, bus_set_up),
		cmocka_unit_test_setup(test_find_waits, bus_set_up),
		cmocka_unit_test_setup(class_36_late_keys_and_permissions,
				       bus_set_up),
		cmocka_unit_test_setup(test_setup_is_tried_again, bus_set_up),
		cmocka_unit_test_setup(test_setup_fails, bus_set_up),
		cmocka_unit_test_setup(test_publish_and_connect_fail,
				       bus_set_up),
		cmocka_unit_test_setup(class_38_patience_ends, bus_set_up),
		cmocka_unit_test_setup(class_37_broken_once, bus_set_up),
		cmocka_unit_test_setup(test_freeze, bus_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
