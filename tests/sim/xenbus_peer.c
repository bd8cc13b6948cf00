/* SPDX-License-Identifier: ISC */
/*
 * Devices against backends and toolstacks that do as they please.
 */
#include <stdio.h>
#include <string.h>

#include "lib/sim_bus.h"
#include "xen/xenbus.h"

static void class_32_backend_closes(void **state)
{
	struct xenbus_device *d = bus_running();

	(void)state;
	bus_back(XENBUS_CLOSING);
	sim_sleep(5 * MS);
	CHECK(bus.disconnects == 1 && bus.why == XENBUS_WHY_CLOSED);
	sim_sleep(FATA_NS_PER_S); /* it is online: we come back */
	CHECK(d->phase == XENBUS_RUNNING && bus.setups == 2);
	sim_xs_write(BACK "/online", "0");
	bus_back(XENBUS_CLOSING);
	sim_sleep(30 * FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_OFFLINE && bus.setups == 2);
	CHECK(bus_state(FRONT) == XENBUS_CLOSED);
	bus_finish(d);
}

static void class_32_backend_vanishes_and_returns(void **state)
{
	struct xenbus_device *d = bus_running();

	(void)state;
	sim_xs_rm(BACK);
	sim_sleep(50 * MS);
	CHECK(bus.disconnects == 1 && !bus.up);
	sim_sleep(FATA_NS_PER_S);
	bus_plug();
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING && bus.probes == 1);
	bus_finish(d);
}

static void class_32_backend_starts_anew_without_closing(void **state)
{
	struct xenbus_device *d = bus_running();

	(void)state;
	bus_back(XENBUS_INIT_WAIT);
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING);
	CHECK(bus.setups == 2 && bus.disconnects == 1);
	bus_finish(d);
}

/* It may take up the old rings, so these stay until it has seen the close. */
static void test_backend_anew_is_led_out(void **state)
{
	struct xenbus_device *d = bus_running();

	(void)state;
	bus_tame = false;
	bus_back(XENBUS_INIT_WAIT);
	sim_sleep(10 * MS);
	CHECK(bus_state(FRONT) == XENBUS_CLOSING && !bus.disconnects);
	bus_back(XENBUS_CONNECTED);
	sim_sleep(10 * MS);
	CHECK(bus_state(FRONT) == XENBUS_CLOSING && !bus.disconnects);
	bus_back(XENBUS_CLOSING);
	sim_sleep(10 * MS);
	CHECK(bus_state(FRONT) == XENBUS_CLOSED && bus.disconnects == 1);
	bus_tame = true;
	bus_look();
	bus_back(XENBUS_CLOSED);
	sim_sleep(2 * FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING && bus.setups == 2);
	bus_finish(d);
}

static void class_33_backend_moves_to_third_domain(void **state)
{
	struct xenbus_device *d = bus_running();

	(void)state;
	sim_xs_write(FRONT "/backend-id", "3");
	sim_xs_write(FRONT "/backend", BACK3);
	sim_sleep(100 * MS);
	CHECK(d->phase == XENBUS_BROKEN && bus.disconnects == 1);
	sim_xs_write(FRONT "/backend", BACK);
	sim_xs_write(FRONT "/backend-id", "3"); /* the two disagree */
	sim_sleep(100 * MS);
	xenbus_reset(d);
	sim_sleep(FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_BROKEN);
	bus_finish(d);
}

static void test_replugged_elsewhere(void **state)
{
	struct xenbus_device *d = bus_running(), *e;

	(void)state;
	sim_xs_rm(FRONT);
	sim_xs_rm(BACK);
	bus_plug_at(BACK3);
	sim_sleep(FATA_NS_PER_S);
	e = bus_device();
	CHECK(e->phase == XENBUS_RUNNING && e->peer == 3);
	xenbus_put(e);
	bus_unplug();
	CHECK(d->phase == XENBUS_GONE);
	xenbus_put(d);
	CHECK(sim_xs_transactions(sim_guest) == 0);
	CHECK(bus.setups == bus.disconnects && bus.probes == bus.removes);
}

static void class_31_junk_states(void **state)
{
	static const char *const junk[] = {
		"", "-1", "9", "4x", "banana", "99999999999999999999999"};
	struct xenbus_device *d = bus_running();
	size_t i;

	(void)state;
	bus_tame = false;
	for (i = 0; i < sizeof(junk) / sizeof(*junk); i++) {
		sim_xs_write(BACK "/state", junk[i]);
		sim_sleep(FATA_NS_PER_S);
		CHECK(!bus.connected);
	}
	bus_tame = true;
	bus_back(XENBUS_INIT_WAIT);
	sim_sleep(12 * FATA_NS_PER_S);
	CHECK(d->phase == XENBUS_RUNNING);
	bus_finish(d);
}

/* A restart of ours: the backend still talks to what we were before. */
static void test_stale_connection(void **state)
{
	struct xenbus_device *d;

	(void)state;
	bus_tame = false;
	bus_plug();
	bus_back(XENBUS_CONNECTED);
	sim_xs_write(FRONT "/state", "4");
	sim_sleep(10 * MS);
	bus_tame = true;
	bus_look();
	d = bus_device();
	CHECK(xenbus_wait(d, clock_deadline(FATA_NS_PER_S)) == 0);
	bus_finish(d);
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
		bus_unplug();
		break;
	case 2:
		bus_plug();
		break;
	case 3:
		bus_plug_at(BACK3);
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
		bus_tame = !bus_tame;
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

	memset(&bus, 0, sizeof(bus));
	if (sim_chance(3))
		sim.fail_chance[SIM_FAIL_ALLOC] = 5 + sim_below(100);
	if (sim_chance(3))
		sim.fail_chance[SIM_FAIL_REPLY] = 5 + sim_below(100);
	for (i = 0; i < 40; i++)
		chaos_step();
	/* Whatever has happened, a new device works. */
	memset(sim.fail_chance, 0, sizeof(sim.fail_chance));
	bus_tame = true;
	bus_unplug();
	sim_sleep(40 * FATA_NS_PER_S);
	CHECK(sim_xs_transactions(sim_guest) == 0);
	CHECK(bus.setups == bus.disconnects && bus.probes == bus.removes);
	bus_plug();
	d = bus_device();
	CHECK(xenbus_wait(d, clock_deadline(FATA_NS_PER_S)) == 0);
	bus_finish(d);
}

static void class_32_37_chaos(void **state)
{
	(void)state;
	sim_runs(300, chaos);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(class_32_backend_closes, bus_set_up),
		cmocka_unit_test_setup(class_32_backend_vanishes_and_returns,
				       bus_set_up),
		cmocka_unit_test_setup(
			class_32_backend_starts_anew_without_closing,
			bus_set_up),
		cmocka_unit_test_setup(test_backend_anew_is_led_out,
				       bus_set_up),
		cmocka_unit_test_setup(class_33_backend_moves_to_third_domain,
				       bus_set_up),
		cmocka_unit_test_setup(test_replugged_elsewhere, bus_set_up),
		cmocka_unit_test_setup(class_31_junk_states, bus_set_up),
		cmocka_unit_test_setup(test_stale_connection, bus_set_up),
		cmocka_unit_test_setup(class_32_37_chaos, bus_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
