/* SPDX-License-Identifier: ISC */
/*
 * netfront and xenstore: keys that are absent, late or nonsense, and a backend
 * that does not follow the states; classes 31 to 38 as far as they are the
 * driver's (xenbus's own are in xenbus.c, the daemon's in xs.c).
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/xen/xenbus.h>

#include "lib/sim_net.h"
#include "lib/sim_xenstore.h"

/* A value that cannot be right: the device breaks, and another one works. */
static void expect_refused(const char *key, const char *value)
{
	offer_net();
	nb.wrong = true;
	sim_netback_plug(&nb);
	sim_netback_key(key, value);
	CHECK(net_open("0", &net, clock_deadline(60 * FATA_NS_PER_S)) == -EIO);
	close_net();
}

static void class_31_keys_that_make_no_sense(void **state)
{
	static const char *const numbers[] = {
		"", "x", "-1", "2x", " 1", "1 ", "18446744073709551616", "1.0"};
	static const char *const keys[] = {"feature-sg",
					   "feature-split-event-channels",
					   "feature-gso-tcpv6",
					   "feature-multicast-control",
					   "multi-queue-max-queues",
					   "mtu",
					   "trusted",
					   "carrier"};
	static const char *const macs[] = {"",
					   "00:16:3e:01:02",
					   "00:16:3e:01:02:0g",
					   "00-16-3e-01-02-03",
					   "00:16:3e:01:02:03:",
					   "0:16:3e:01:02:03"};

	(void)state;
	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
			expect_refused(keys[k], numbers[i]);
	for (size_t i = 0; i < sizeof(macs) / sizeof(*macs); i++)
		expect_refused("mac", macs[i]);
	expect_refused("mtu", "67");
	expect_refused("mtu", "65522");
	expect_refused("feature-sg", "2");
	start_net();
	expect_working();
	close_net();
}

/* The toolstack is still at work: what is absent is waited for. */
static void late_mac(void *arg)
{
	(void)arg;
	sim_netback_key("mac", "00:16:3e:01:02:03");
}

static void class_31_key_comes_late(void **state)
{
	(void)state;
	offer_net();
	sim_netback_plug(&nb);
	sim_xs_rm(SIM_NET_FRONT "/mac");
	sim_after(FATA_NS_PER_S, late_mac, NULL);
	CHECK(net_open("0", &net, clock_deadline(30 * FATA_NS_PER_S)) == 0);
	expect_working();
	close_net();
}

static void class_31_absurd_number_of_queues(void **state)
{
	(void)state;
	offer_net();
	sim_netback_plug(&nb);
	sim_netback_key("multi-queue-max-queues", "4294967295");
	CHECK(net_open("0", &net, SOON) == 0);
	expect_working();
	close_net();
	offer_net();
	sim_netback_plug(&nb);
	sim_netback_key("multi-queue-max-queues", "0");
	CHECK(net_open("0", &net, SOON) == 0);
	expect_working();
	close_net();
}

static void some_state(void *arg)
{
	static const char *const states[] = {"0", "1", "2", "3", "4", "5",
					     "6", "7", "8", "9", "",  "x"};

	(void)arg;
	if (sim_chance(200))
		sim_netback_key("state", states[sim_below(12)]);
}

/* States in any order, at any moment; then a backend that behaves. */
static void run_states(void)
{
	start_wrong();
	sim.step_chance = 2;
	sim.hostile = some_state;
	for (unsigned i = 0; i < 60; i++) {
		send_frame(100, 0);
		net_frame_free(receive_frame(clock_deadline(10 * MS)));
	}
	sim.hostile = NULL;
	sim.step_chance = 0;
	close_net();
	start_wrong();
	expect_working();
	close_net();
}

static void class_32_states_in_any_order(void **state)
{
	(void)state;
	sim_runs(40, run_states);
}

static void class_32_straight_to_closed(void **state)
{
	(void)state;
	start_net();
	sim_netback_key("state", "6");
	sim_sleep(20 * FATA_NS_PER_S);
	CHECK(net_is_up());
	expect_working();
	close_net();
}

/* The backend names another domain while it runs. */
static void class_33_third_domain(void **state)
{
	(void)state;
	start_wrong();
	sim_xs_write(SIM_NET_FRONT "/backend-id", "7");
	sim_netback_restart(&nb);
	sim_sleep(20 * FATA_NS_PER_S);
	CHECK(!net_is_up() && send_frame(100, 0) == -ENETDOWN);
	close_net();
	start_net();
	expect_working();
	close_net();
}

static void write_any(void *arg)
{
	(void)arg;
	if (sim_chance(4))
		sim_netback_key("nothing", "x");
}

static void class_34_storm_of_watches(void **state)
{
	(void)state;
	start_net();
	sim.step_chance = 2;
	sim.hostile = write_any;
	for (unsigned i = 0; i < 100; i++)
		expect_working();
	sim.hostile = NULL;
	sim.step_chance = 0;
	close_net();
}

/* Two reasons to tear down at once. */
static void run_two_reasons(void)
{
	start_wrong();
	leave_in_flight();
	nb.rx.page->rsp_prod += 1000;
	sim_netback_kick(&nb);
	sim_netback_restart(&nb);
	if (sim_chance(2))
		sim_sleep(sim_below(MS));
	close_net();
	start_wrong();
	expect_working();
	close_net();
}

static void class_37_two_reasons_to_tear_down(void **state)
{
	(void)state;
	sim_runs(60, run_two_reasons);
}

/* For ever in InitWait: who opens it is not held for ever. */
static void class_38_never_connects(void **state)
{
	uint64_t before;

	(void)state;
	offer_net();
	nb.wrong = true;
	sim_netback_plug(&nb);
	sim_netback_key("state", "1");
	before = clock_mono_ns();
	CHECK(net_open("0", &net, clock_deadline(5 * FATA_NS_PER_S)) ==
	      -ETIMEDOUT);
	CHECK(clock_mono_ns() - before < 6 * FATA_NS_PER_S);
	close_net();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_31_keys_that_make_no_sense),
		cmocka_unit_test(class_31_key_comes_late),
		cmocka_unit_test(class_31_absurd_number_of_queues),
		cmocka_unit_test(class_32_states_in_any_order),
		cmocka_unit_test(class_32_straight_to_closed),
		cmocka_unit_test(class_33_third_domain),
		cmocka_unit_test(class_34_storm_of_watches),
		cmocka_unit_test(class_37_two_reasons_to_tear_down),
		cmocka_unit_test(class_38_never_connects),
	};

	return cmocka_run_group_tests_name("netfront: keys", tests, sim_setup,
					   NULL);
}
