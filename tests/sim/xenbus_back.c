/* SPDX-License-Identifier: ISC */
/* A backend's side of xenbus against frontends that do as they please. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/xen/xenbus.h>

#include "lib/sim.h"

#define BACK  "/local/domain/5/backend/vif/7/3"
#define FRONT "/local/domain/7/device/vif/3"
#define MS    FATA_NS_PER_MS
#define SOON  (clock_mono_ns() + 100 * MS)

static struct {
	bool up, connected;
	unsigned int probes, removes, setups, connects, disconnects;
	uint64_t ring;
} dev;

static int probe(struct xenbus_device *d)
{
	CHECK(d->id == 3 && !strcmp(d->path, "backend/vif/7/3"));
	dev.probes++;
	return 0;
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	CHECK(!dev.up);
	return xenbus_printf(d, t, "feature-sg", "1");
}

static int setup(struct xenbus_device *d)
{
	int err = xenbus_read_u64(d, "ring-ref", UINT32_MAX, &dev.ring);

	CHECK(!dev.up && d->peer == 7);
	if (err)
		return err;
	dev.up = true;
	dev.setups++;
	return 0;
}

static int connect(struct xenbus_device *d)
{
	(void)d;
	CHECK(dev.up && !dev.connected);
	dev.connected = true;
	dev.connects++;
	return 0;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	(void)d;
	(void)why;
	CHECK(dev.up);
	dev.up = dev.connected = false;
	dev.disconnects++;
}

static void removed(struct xenbus_device *d)
{
	(void)d;
	CHECK(!dev.up);
	dev.removes++;
}

static const struct xenbus_driver driver = {
	.class = "vif",
	.probe = probe,
	.publish = publish,
	.setup = setup,
	.connect = connect,
	.disconnect = disconnect,
	.remove = removed,
};

static void front(const char *key, const char *value)
{
	char path[128];

	sprintf(path, FRONT "/%s", key);
	sim_xs_write(path, value);
	sim_sleep(20 * MS);
}

static int back_state(void)
{
	const char *value = sim_xs_read(BACK "/state");

	return value ? atoi(value) : 0;
}

/* What libxl writes for a device whose backend is domain 5. */
static void plug_as(const char *state)
{
	sim_xs_write(FRONT, "");
	sim_xs_perms(FRONT, (const char *[]){"n7", "r5"}, 2);
	sim_xs_write(FRONT "/state", state);
	sim_xs_write(BACK, "");
	sim_xs_perms(BACK, (const char *[]){"n5", "r7"}, 2);
	sim_xs_write(BACK "/frontend-id", "7");
	sim_xs_write(BACK "/online", "1");
	sim_xs_write(BACK "/state", state);
	sim_xs_write(BACK "/frontend", FRONT);
	sim_sleep(100 * MS);
}

static void plug(void)
{
	plug_as("1");
}

static void unplug(void)
{
	sim_xs_rm(BACK);
	sim_xs_rm(FRONT);
	sim_sleep(100 * MS);
	CHECK(dev.setups == dev.disconnects && dev.probes == dev.removes);
}

static int group_set_up(void **state)
{
	sim_setup(state);
	CHECK(xenbus_register_backend(&driver, SOON) == 0);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&dev, 0, sizeof(dev));
	plug();
	CHECK(dev.probes == 1);
	CHECK(back_state() == XENBUS_INIT_WAIT);
	CHECK(!strcmp(sim_xs_read(BACK "/feature-sg"), "1"));
	return 0;
}

static void test_connects_and_closes(void **state)
{
	struct xenbus_device *d;

	(void)state;
	sim_xs_write(FRONT "/ring-ref", "9");
	front("state", "4");
	CHECK(dev.connected && dev.ring == 9);
	CHECK(back_state() == XENBUS_CONNECTED);
	CHECK(xenbus_find(&driver, NULL, NULL, &d, SOON) == 0);
	CHECK(xenbus_wait(d, SOON) == 0);
	xenbus_put(d);
	front("state", "5");
	CHECK(!dev.up && back_state() == XENBUS_CLOSING);
	front("state", "6");
	CHECK(back_state() == XENBUS_CLOSED);
	sim_sleep(FATA_NS_PER_S);
	/* a frontend that begins anew, as after its own restart */
	front("state", "1");
	CHECK(back_state() == XENBUS_INIT_WAIT);
	front("state", "3");
	CHECK(dev.connects == 2);
	unplug();
}

static void test_frontend_dies(void **state)
{
	(void)state;
	sim_xs_write(FRONT "/ring-ref", "9");
	front("state", "4");
	CHECK(dev.connected);
	sim_xs_rm(FRONT);
	sim_sleep(100 * MS);
	CHECK(!dev.up && back_state() == XENBUS_CLOSED);
	unplug();
}

/* Nothing to map: broken, and whole again when it is plugged in anew. */
static void test_junk(void **state)
{
	(void)state;
	sim_xs_write(FRONT "/ring-ref", "-1");
	front("state", "4");
	CHECK(!dev.up && back_state() == XENBUS_CLOSED);
	unplug();
	set_up(state);
	sim_xs_write(FRONT "/ring-ref", "5");
	front("state", "3");
	CHECK(dev.connected);
	unplug();
}

static void test_frontend_of_another_domain(void **state)
{
	struct xenbus_device *d;

	(void)state;
	sim_xs_write(BACK "/frontend", "/local/domain/8/device/vif/3");
	sim_sleep(100 * MS);
	CHECK(xenbus_find(&driver, NULL, NULL, &d, SOON) == 0);
	CHECK(d->phase == XENBUS_BROKEN);
	xenbus_put(d);
	unplug();
}

/*
 * The backend's program was killed and started anew: the frontend is connected
 * to a ring that nobody serves, and must not be met there.
 */
static void test_restarted(void **state)
{
	(void)state;
	unplug();
	memset(&dev, 0, sizeof(dev));
	plug_as("4");
	sim_xs_write(FRONT "/ring-ref", "9");
	CHECK(dev.probes == 1 && !dev.setups);
	CHECK(back_state() == XENBUS_CLOSING);
	front("state", "6");
	CHECK(!dev.setups && back_state() == XENBUS_CLOSED);
	front("state", "1");
	CHECK(back_state() == XENBUS_INIT_WAIT);
	front("state", "3");
	CHECK(dev.connected && back_state() == XENBUS_CONNECTED);
	unplug();
}

static void chaos(void)
{
	char text[8];
	unsigned int i;

	memset(&dev, 0, sizeof(dev));
	plug();
	sim_xs_write(FRONT "/ring-ref", "9");
	for (i = 0; i < 40; i++) {
		sprintf(text, "%u", (unsigned int)sim_below(10));
		switch (sim_below(8)) {
		case 0:
			sim_xs_rm(FRONT);
			break;
		case 1:
			unplug();
			break;
		case 2:
			plug();
			break;
		default:
			front("state", text);
			break;
		}
		if (sim_chance(3))
			sim_sleep(sim_below(FATA_NS_PER_S));
	}
	unplug();
	plug();
	sim_xs_write(FRONT "/ring-ref", "9");
	front("state", "1");
	sim_sleep(20 * FATA_NS_PER_S);
	front("state", "3");
	CHECK(dev.connected);
	unplug();
}

static void test_chaos(void **state)
{
	(void)state;
	unplug();
	sim_runs(200, chaos);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_connects_and_closes, set_up),
		cmocka_unit_test_setup(test_frontend_dies, set_up),
		cmocka_unit_test_setup(test_junk, set_up),
		cmocka_unit_test_setup(test_frontend_of_another_domain, set_up),
		cmocka_unit_test_setup(test_restarted, set_up),
		cmocka_unit_test_setup(test_chaos, set_up),
	};

	return cmocka_run_group_tests(tests, group_set_up, NULL);
}
