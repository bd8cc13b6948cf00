/* SPDX-License-Identifier: ISC */
/*
 * netfront: a backend that restarts, is unplugged or left behind with frames
 * in flight; a flood without memory; and every n-th failure.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/lifecycle.h>
#include <fata/task.h>

#include "lib/sim_hypercall.h"
#include "lib/sim_net.h"
#include "lib/sim_xenstore.h"
#include "xen/lifecycle.h"

static void run_restart(void)
{
	uint64_t connects;

	start_net();
	connects = net_figures().connects;
	for (unsigned i = 0; i < 3; i++) {
		leave_in_flight();
		sim_netback_restart(&nb);
		sim_sleep(20 * FATA_NS_PER_S);
		CHECK(net_is_up() &&
		      net_figures().connects == connects + i + 1);
		expect_working();
	}
	close_net();
}

static void test_restart_with_frames_in_flight(void **state)
{
	(void)state;
	sim_runs(30, run_restart);
}

/* The program's pointer outlives the device. */
static void run_replug(void)
{
	struct net *first, *again;

	start_net();
	first = net;
	leave_in_flight();
	sim_netback_unplug(&nb);
	sim_sleep(FATA_NS_PER_S);
	CHECK(!net_is_up() && send_frame(100, 0) == -ENETDOWN);
	sim_netback_plug(&nb);
	CHECK(net_open("0", &again, SOON) == 0 && again == first);
	expect_working();
	close_net();
}

static void test_plugged_in_again(void **state)
{
	(void)state;
	sim_runs(70, run_replug);
}

static int elsewhere(struct sim_domain *d)
{
	if (sim_chance(3))
		return 1; /* cancelled */
	sim_netback_lose(&nb);
	sim_xs_rm(SIM_NET_BACK);
	sim_new_domain(d);
	sim_xs_drop(d);
	sim_xs_rm("/local/domain/5/control");
	sim_xs_rm("/local/domain/5/device");
	sim_xs_populate(d);
	sim_xs_introduce(d);
	sim_netback_plug(&nb);
	return 0;
}

static void run_suspend(void)
{
	start_net();
	sim_guest->suspend = elsewhere;
	for (unsigned i = 0; i < 3; i++) {
		leave_in_flight();
		sim_xs_write("/local/domain/5/control/shutdown", "suspend");
		sim_sleep(20 * FATA_NS_PER_S);
		sim_netback_go(&nb);
		sim_sleep(MS);
		drain_net(); /* what a suspend that was cancelled has left */
		expect_working();
	}
	sim_guest->suspend = NULL;
	close_net();
}

static void test_suspend_with_frames_in_flight(void **state)
{
	(void)state;
	CHECK(lifecycle_start() == 0);
	sim_sleep(100 * MS);
	sim_runs(30, run_suspend);
}

/* --- memory --------------------------------------------------------------- */

/* Half of all allocations fail: frames are lost and counted, no more. */
static void run_flood(void)
{
	struct net_stat before, after;
	uint64_t sent = 0, got = 0;

	start_net();
	before = net_figures();
	sim.fail_chance[SIM_FAIL_ALLOC] = 2;
	for (unsigned i = 0; i < 2000; i++) {
		struct net_frame *f;

		sent += sim_netback_send(&nb, noise, 14 + sim_below(9000), 0,
					 0);
		f = receive_frame(sim_chance(10) ? clock_deadline(MS) : 0);
		got += !!f;
		CHECK(!f || same_frame(f, noise));
		net_frame_free(f);
	}
	sim.fail_chance[SIM_FAIL_ALLOC] = 0;
	for (struct net_frame *f; (f = receive_frame(clock_deadline(MS)));) {
		net_frame_free(f);
		got++;
	}
	after = net_figures();
	CHECK(sent > 1000);
	CHECK(got + after.rx_dropped - before.rx_dropped == sent);
	expect_working();
	close_net();
}

static void test_flood_without_memory(void **state)
{
	(void)state;
	sim_runs(20, run_flood);
}

/* Nothing left at all, kept frames included: the ring stays full of pages. */
static void test_flood_when_all_memory_is_gone(void **state)
{
	static struct net_frame *kept[4096];
	unsigned n = 0;
	uint64_t dropped;

	(void)state;
	start_net();
	while (n < 700) {
		struct net_frame *f = NULL;

		if (sim_netback_send(&nb, noise, 60, 0, 0))
			f = receive_frame(SOON);
		CHECK(f);
		kept[n++] = f;
	}
	sim.fail_chance[SIM_FAIL_ALLOC] = 1;
	dropped = net_figures().rx_dropped;
	for (unsigned i = 0; i < 2000; i++) {
		struct net_frame *f;

		CHECK(sim_netback_send(&nb, noise, 60, 0, 0));
		f = receive_frame(0);
		if (f)
			kept[n++] = f;
	}
	CHECK(net_figures().rx_dropped > dropped + 100);
	sim.fail_chance[SIM_FAIL_ALLOC] = 0;
	while (n)
		net_frame_free(kept[--n]);
	expect_working();
	close_net();
}

static void run_failing(void)
{
	offer_net();
	sim_netback_plug(&nb);
	if (net_open("0", &net, clock_deadline(60 * FATA_NS_PER_S)) == 0) {
		send_frame(700, clock_deadline(MS));
		sim_netback_send(&nb, noise, 5000, 0, 0);
		net_frame_free(receive_frame(clock_deadline(MS)));
	}
	sim_netback_unplug(&nb);
	sim_sleep(FATA_NS_PER_S);
}

static void test_each_allocation_fails(void **state)
{
	(void)state;
	sim_nth_fresh(SIM_FAIL_ALLOC, run_failing);
}

static void test_each_hypercall_fails(void **state)
{
	(void)state;
	sim_nth_fresh(SIM_FAIL_HYPERCALL, run_failing);
}

static void test_each_reply_fails(void **state)
{
	(void)state;
	sim_nth_fresh(SIM_FAIL_REPLY, run_failing);
}

/* What another guest's netback has no room for would be lost. */
static void test_burst_is_bounded(void **state)
{
	uint64_t sent = 0;

	(void)state;
	offer_net();
	nb.sg = nb.gso = true;
	open_net();
	for (unsigned i = 0; i < 20; i++) {
		nb.holds = true;
		for (sent = 0; send_frame(60000, 0) == 1; sent += 60000)
			CHECK(sent < 2 << 20);
		CHECK(sent > 300 << 10 && sent < 512 << 10);
		CHECK(send_frame(60000, clock_deadline(MS)) == -ETIMEDOUT);
		CHECK(send_frame(100, 0) == 1); /* as far as it goes */
		sim_sleep(MS);
		nb.holds = false;
		sim_netback_go(&nb);
		expect_working();
	}
	close_net();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_is_bounded),
		cmocka_unit_test(test_restart_with_frames_in_flight),
		cmocka_unit_test(test_plugged_in_again),
		cmocka_unit_test(test_suspend_with_frames_in_flight),
		cmocka_unit_test(test_flood_without_memory),
		cmocka_unit_test(test_flood_when_all_memory_is_gone),
	};
	const struct CMUnitTest fresh[] = {
		cmocka_unit_test(test_each_allocation_fails),
		cmocka_unit_test(test_each_hypercall_fails),
		cmocka_unit_test(test_each_reply_fails),
	};
	int failed = cmocka_run_group_tests_name("netfront: life, n-th failure",
						 fresh, NULL, NULL);

	return failed + cmocka_run_group_tests_name("netfront: life", tests,
						    sim_setup, NULL);
}
