/* SPDX-License-Identifier: ISC */
/*
 * A driver that counts, and a backend for it: sim_bus.h.
 */
#include "lib/sim_bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/xenbus.h"
#include "xen/xenstore.h"

struct bus_record bus;

static int probe(struct xenbus_device *d)
{
	CHECK(!bus.probed);
	CHECK(d->id == 0 && strcmp(d->path, "device/vif/0") == 0);
	bus.probed = true;
	bus.probes++;
	d->data = &bus;
	return 0;
}

static int setup(struct xenbus_device *d)
{
	int err;

	CHECK(bus.probed && !bus.up);
	CHECK(d->peer_path && d->data == &bus);
	if (bus.setup_errors) {
		bus.setup_errors--;
		return bus.setup_error;
	}
	err = xenbus_read_u64_or(d, "feature-x", 9, 1, &bus.feature);
	if (err)
		return err;
	bus.up = true;
	bus.setups++;
	return 0;
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	int err = xenbus_printf(d, t, "ring-ref", "%d", 8);

	CHECK(bus.up);
	if (bus.publish_error)
		return bus.publish_error;
	return err ? err : xenbus_printf(d, t, "event-channel", "%d", 11);
}

static int connect(struct xenbus_device *d)
{
	(void)d;
	CHECK(bus.up && !bus.connected);
	if (bus.connect_error)
		return bus.connect_error;
	bus.connected = true;
	bus.connects++;
	return 0;
}

static int update(struct xenbus_device *d)
{
	(void)d;
	CHECK(bus.up && bus.connected && !bus.frozen);
	bus.updates++;
	return 0;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	CHECK(bus.up && d->peer_path);
	bus.up = bus.connected = bus.frozen = false;
	bus.disconnects++;
	bus.why = why;
	/* a driver's last word must not bring back a directory that is gone */
	xenbus_printf(d, NULL, "last", "%s", "word");
}

static void suspend(struct xenbus_device *d)
{
	(void)d;
	CHECK(bus.connected && !bus.frozen);
	bus.frozen = true;
}

static void unsuspend(struct xenbus_device *d)
{
	(void)d;
	CHECK(bus.frozen);
	bus.frozen = false;
}

static void removed(struct xenbus_device *d)
{
	(void)d;
	CHECK(bus.probed && !bus.up);
	bus.probed = false;
	bus.removes++;
}

const struct xenbus_driver bus_driver = {
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

bool bus_tame;
static const char *back = BACK;

void bus_back(int state)
{
	char path[128], text[8];

	sprintf(path, "%s/state", back);
	sprintf(text, "%d", state);
	sim_xs_write(path, text);
}

int bus_state(const char *directory)
{
	char path[128];
	const char *value;

	sprintf(path, "%s/state", directory);
	value = sim_xs_read(path);
	return value && *value ? atoi(value) : 0;
}

void bus_look(void)
{
	int next = sim_back_state(bus_state(FRONT), bus_state(back),
				  XENBUS_INITIALISED);

	if (bus_tame && bus_state(back) && next)
		bus_back(next);
}

static void front_changed(void *arg, const char *path)
{
	(void)arg;
	(void)path;
	bus_look();
}

void bus_backend(const char *where)
{
	back = where;
}

void bus_plug_at(const char *where)
{
	back = where;
	sim_device_make(FRONT, back, front_changed);
	sim_device_begin(FRONT, back, XENBUS_INITIALISING);
	bus_look();
}

void bus_plug(void)
{
	bus_plug_at(BACK);
}

void bus_unplug(void)
{
	sim_xs_rm(FRONT);
	sim_xs_rm(BACK);
	sim_xs_rm(BACK3);
	sim_sleep(20 * MS);
}

struct xenbus_device *bus_device(void)
{
	struct xenbus_device *d;

	CHECK(xenbus_find(&bus_driver, NULL, NULL, &d, SOON) == 0);
	return d;
}

struct xenbus_device *bus_running(void)
{
	struct xenbus_device *d;

	bus_tame = true;
	bus_plug();
	d = bus_device();
	CHECK(xenbus_wait(d, SOON) == 0);
	CHECK(bus.connected);
	return d;
}

void bus_finish(struct xenbus_device *d)
{
	bus_unplug();
	CHECK(d->phase == XENBUS_GONE);
	CHECK(xenbus_wait(d, SOON) == -ENODEV);
	CHECK(bus.setups == bus.disconnects);
	CHECK(bus.removes + 1 == bus.probes);
	xenbus_put(d);
	CHECK(bus.removes == bus.probes);
}

int bus_set_up(void **state)
{
	static bool booted;

	(void)state;
	if (!booted) {
		sim_start(1);
		sim_boot(5);
		CHECK(xs_init(sim_xs_page(sim_guest), sim_xs_port(sim_guest)) ==
		      0);
		CHECK(xenbus_register(&bus_driver, SOON) == 0);
		CHECK(xenbus_register(&bus_driver, SOON) == 0);
	}
	booted = true;
	memset(&bus, 0, sizeof(bus));
	bus_tame = true;
	sim_sleep(10 * MS);
	return 0;
}
