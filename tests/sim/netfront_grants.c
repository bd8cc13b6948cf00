/* SPDX-License-Identifier: ISC */
/*
 * netfront: pages and event channels, classes 19 to 30.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/xen/gnttab.h>

#include "lib/sim_net.h"

static union sim_net_rx answer_of(int16_t status, uint16_t offset,
				  uint16_t flags)
{
	union sim_net_rx a;

	memset(&a, 0, sizeof(a));
	a.response.status = status;
	a.response.offset = offset;
	a.response.flags = flags;
	return a;
}

static void class_19_21_page_kept_after_sending(void **state)
{
	(void)state;
	start_wrong();
	nb.keeps = true;
	CHECK(send_frame(1000, SOON) == 1);
	sim_sleep(MS);
	sim_netback_kick(&nb);
	expect_broken();
	/* its page is in quarantine: the simulator watches for its reuse */
	for (unsigned i = 0; i < 100; i++)
		net_frame_free(net_frame_alloc(net, 60000, 0));
	nb.keeps = false;
	close_net();
	start_wrong();
	expect_working();
	close_net();
}

static void class_20_page_kept_after_receiving(void **state)
{
	union sim_net_rx q;

	(void)state;
	start_wrong();
	CHECK(sim_netback_page(&nb, &q));
	CHECK(sim_grant_map(SIM_DOM0, sim_guest, q.request.gref, false, NULL));
	sim_netback_answer(&nb, answer_of(100, 0, 0));
	sim_netback_show(&nb);
	expect_broken();
	sim_grant_unmap(sim_guest, q.request.gref, false);
	close_net();
}

/* Whatever of a page is not the frame is zero: no memory of ours is shown. */
static bool shows_nothing(struct sim_netback *b, uint32_t ref, uint32_t used)
{
	const unsigned char *p =
		sim_grant_map(SIM_DOM0, sim_guest, ref, true, NULL);
	bool nothing = true;

	(void)b;
	CHECK(p);
	for (uint32_t i = used; i < PAGE_SIZE; i++)
		nothing &= !p[i];
	sim_grant_unmap(sim_guest, ref, true);
	return nothing;
}

static void class_22_old_content_is_not_shown(void **state)
{
	union sim_net_rx q;

	(void)state;
	start_wrong();
	for (unsigned i = 0; i < 10; i++) {
		CHECK(sim_netback_page(&nb, &q));
		CHECK(shows_nothing(&nb, q.request.gref, 0));
	}
	close_net();
}

static void class_24_no_grants_left(void **state)
{
	static uint32_t refs[65536];
	unsigned n = 0;

	(void)state;
	while (n < 65536 && gnttab_alloc(&refs[n], 1, 0) == 0)
		n++;
	offer_net();
	sim_netback_plug(&nb);
	CHECK(net_open("0", &net, clock_deadline(5 * FATA_NS_PER_S)) < 0);
	while (n)
		gnttab_free(refs[--n]);
	sim_netback_unplug(&nb);
	sim_sleep(60 * FATA_NS_PER_S);
	start_wrong();
	expect_working();
	close_net();
}

static void class_26_storm_of_events(void **state)
{
	uint64_t before;

	(void)state;
	start_wrong();
	before = net_figures().interrupts;
	for (unsigned i = 0; i < 20000; i++) {
		sim_netback_kick(&nb);
		sim_sleep(10000);
	}
	/* 200 ms of it: far fewer got through */
	CHECK(net_figures().interrupts - before < 10000);
	expect_working();
	close_net();
}

static void class_28_30_peer_closes_its_channels(void **state)
{
	(void)state;
	start_wrong();
	sim_evtchn_close(SIM_DOM0, nb.tx_port);
	sim_evtchn_close(SIM_DOM0, nb.rx_port);
	for (unsigned i = 0; i < 2 * RING; i++)
		send_frame(100, 0);
	CHECK(!receive_frame(clock_deadline(MS)));
	close_net();
	start_wrong();
	expect_working();
	close_net();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_19_21_page_kept_after_sending),
		cmocka_unit_test(class_20_page_kept_after_receiving),
		cmocka_unit_test(class_22_old_content_is_not_shown),
		cmocka_unit_test(class_24_no_grants_left),
		cmocka_unit_test(class_26_storm_of_events),
		cmocka_unit_test(class_28_30_peer_closes_its_channels),
	};

	return cmocka_run_group_tests_name("netfront: grants", tests, sim_setup,
					   NULL);
}
