/* SPDX-License-Identifier: ISC */
/*
 * What the tests of xenbus share: a driver that only counts, a toolstack and a
 * backend. What must always hold is checked at each call of the driver: setup
 * and disconnect alternate, connect and update come only between them.
 *
 * Interface: one device, domain 5's vif 0. bus_set_up before each test; a test
 * ends with bus_finish, which sees that nothing is left of the device.
 */
#ifndef SIM_BUS_H
#define SIM_BUS_H

#include <fata/clock.h>
#include <fata/xen/xenbus.h>

#include "lib/sim.h"

#define FRONT "/local/domain/5/device/vif/0"
#define BACK  "/local/domain/0/backend/vif/5/0"
#define BACK3 "/local/domain/3/backend/vif/5/0"
#define MS    FATA_NS_PER_MS
#define SOON  (clock_mono_ns() + 100 * MS)

/* What the driver has seen, and how its calls are to fail. */
extern struct bus_record {
	bool probed, up, connected, frozen;
	unsigned int probes, setups, connects, updates, disconnects, removes;
	enum xenbus_why why;
	int setup_error, connect_error, publish_error;
	unsigned int setup_errors; /* so many times */
	uint64_t feature;
} bus;

/* Registered by bus_set_up. */
extern const struct xenbus_driver bus_driver;

extern bool bus_tame; /* the backend follows the rules */

/* The backend's state; the state in a directory, 0 for none. */
void bus_back(int state);
int bus_state(const char *directory);

/* Look at the frontend's state, as the backend does at a change of it. */
void bus_look(void);

/* The device and a backend appear, there; disappear. */
void bus_plug(void);
void bus_plug_at(const char *where);
void bus_unplug(void);

/* The toolstack has named this backend, and not made it yet. */
void bus_backend(const char *where);

/* It, with a reference for the caller. */
struct xenbus_device *bus_device(void);

/* The same, connected. */
struct xenbus_device *bus_running(void);

/* Take it away: nothing of it may be left. */
void bus_finish(struct xenbus_device *d);

/* Before each test. */
int bus_set_up(void **state);

#endif
