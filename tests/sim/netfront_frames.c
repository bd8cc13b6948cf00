/* SPDX-License-Identifier: ISC */
/*
 * netfront: lengths, flags and extra infos that are wrong, classes 12 to 18.
 * Frames are dropped and counted, or the device breaks; the guest goes on.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>

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

static void put_answer(union sim_net_rx a)
{
	union sim_net_rx q;

	CHECK(sim_netback_page(&nb, &q));
	sim_netback_answer(&nb, a);
}

static void answer_frame(int16_t status, uint16_t offset, uint16_t flags)
{
	put_answer(answer_of(status, offset, flags));
}

/* The device works on and the frame is counted as dropped. */
static void expect_dropped(void)
{
	uint64_t before = net_figures().rx_dropped;

	sim_netback_show(&nb);
	CHECK(!receive_frame(clock_deadline(MS)));
	CHECK(net_figures().rx_dropped == before + 1);
	expect_working();
}

static void class_12_data_beyond_the_page(void **state)
{
	static const struct {
		int16_t status;
		uint16_t offset;
	} bad[] = {
		{4097, 0}, {1, 4096}, {100, 4000}, {32767, 65535}, {64, 65500}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		start_wrong();
		answer_frame(bad[i].status, bad[i].offset, 0);
		sim_netback_show(&nb);
		expect_broken();
		close_net();
	}
	start_wrong();
	answer_frame(96, 4000, 0); /* just within */
	sim_netback_show(&nb);
	net_frame_free(receive_frame(SOON));
	expect_working();
	close_net();
}

static void class_13_negative_status(void **state)
{
	static const int16_t bad[] = {0, -1, -2, -100, -32768};

	(void)state;
	start_wrong();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		answer_frame(bad[i], 0, 0);
		expect_dropped();
		answer_frame(100, 0, NETRXF_more_data);
		answer_frame(bad[i], 65535, NETRXF_more_data);
		answer_frame(100, 0, 0);
		expect_dropped();
	}
	close_net();
}

static void class_14_short_frames(void **state)
{
	(void)state;
	start_wrong();
	for (int16_t n = 1; n < 14; n++) {
		answer_frame(n, 0, 0);
		expect_dropped();
	}
	/* a header in pieces of one byte is a frame */
	for (unsigned i = 0; i < 16; i++)
		answer_frame(1, (uint16_t)i, i < 15 ? NETRXF_more_data : 0);
	sim_netback_show(&nb);
	net_frame_free(receive_frame(SOON));
	expect_working();
	close_net();
}

static void class_15_chains(void **state)
{
	(void)state;
	start_wrong();
	answer_frame(100, 0, NETRXF_more_data); /* and then nothing */
	sim_netback_show(&nb);
	expect_broken();
	close_net();
	start_wrong();
	for (unsigned i = 0; i < 60; i++)
		answer_frame(4096, 0, NETRXF_more_data);
	sim_netback_show(&nb);
	expect_broken();
	close_net();
}

static void put_extra(uint8_t type, uint8_t flags, uint16_t size, uint8_t gso)
{
	union sim_net_rx a;

	memset(&a, 0, sizeof(a));
	a.extra.type = type;
	a.extra.flags = flags;
	a.extra.u.gso.size = size;
	a.extra.u.gso.type = gso;
	put_answer(a);
}

static void class_16_extra_infos(void **state)
{
	(void)state;
	start_wrong();
	answer_frame(100, 0, NETRXF_extra_info); /* missing */
	sim_netback_show(&nb);
	expect_broken();
	close_net();
	start_wrong();
	answer_frame(100, 0, NETRXF_extra_info);
	for (unsigned i = 0; i < 100; i++)
		put_extra(XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE,
			  1400, XEN_NETIF_GSO_TYPE_TCPV4);
	sim_netback_show(&nb);
	expect_broken();
	close_net();
	start_wrong();
	for (unsigned type = 5; type < 256; type += 50) {
		answer_frame(100, 0, NETRXF_extra_info);
		put_extra((uint8_t)type, 0, 1400, 1);
		expect_dropped();
	}
	close_net();
}

static void class_17_gso(void **state)
{
	static const struct {
		uint16_t size;
		uint8_t type;
	} bad[] = {{0, 1}, {0, 2}, {1400, 0}, {1400, 3}, {1400, 255}};

	(void)state;
	start_wrong();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		answer_frame(100, 0, NETRXF_extra_info);
		put_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, bad[i].size,
			  bad[i].type);
		expect_dropped();
	}
	close_net();
}

static void run_18(void)
{
	start_wrong();
	leave_in_flight();
	for (unsigned i = 0; i < 4; i++) /* so that there are pages left */
		net_frame_free(receive_frame(clock_deadline(MS)));
	answer_frame(100, 0, NETRXF_more_data);
	answer_frame(4000, 4000, 0);
	sim_netback_show(&nb);
	drain_net();
	expect_broken();
	sim_netback_go(&nb);
	close_net();
	start_wrong();
	expect_working();
	close_net();
}

static void class_18_error_with_frames_in_flight(void **state)
{
	(void)state;
	sim_runs(40, run_18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_12_data_beyond_the_page),
		cmocka_unit_test(class_13_negative_status),
		cmocka_unit_test(class_14_short_frames),
		cmocka_unit_test(class_15_chains),
		cmocka_unit_test(class_16_extra_infos),
		cmocka_unit_test(class_17_gso),
		cmocka_unit_test(class_18_error_with_frames_in_flight),
	};

	return cmocka_run_group_tests_name("netfront: frames", tests, sim_setup,
					   NULL);
}
