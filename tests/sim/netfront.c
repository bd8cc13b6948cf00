/* SPDX-License-Identifier: ISC */
/*
 * netfront against netback as it should be: frames both ways under every
 * combination of features. Other parts: netfront_features.c (each by itself),
 * netfront_life.c (coming and going, memory), netfront_keys.c (xenstore),
 * netfront_rings.c, netfront_frames.c, netfront_grants.c (a backend that breaks
 * the rules).
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>

#include "lib/sim_net.h"

static void run_traffic(void)
{
	uint64_t sent = 0, got = 0;

	offer_net();
	nb.split = sim_chance(2);
	nb.sg = sim_chance(4) == 0;
	nb.gso = nb.sg && sim_chance(2);
	nb.loops = true;
	open_net();
	for (unsigned i = 0; i < 200; i++) {
		struct net_frame *f;

		sent += send_frame(some_size(), SOON) == 1;
		f = receive_frame(sim_chance(3) ? clock_deadline(MS) : 0);
		if (!f)
			continue;
		CHECK(same_frame(f, noise));
		net_frame_free(f);
		got++;
	}
	for (struct net_frame *f; (f = receive_frame(clock_deadline(MS)));) {
		net_frame_free(f);
		got++;
	}
	CHECK(sent == 200 && nb.frames == sent);
	CHECK(got + nb.lost == sent);
	close_net();
}

static void test_traffic(void **state)
{
	(void)state;
	sim_runs(80, run_traffic);
}

static void test_what_is_refused(void **state)
{
	struct net_frame *f;

	(void)state;
	offer_net();
	nb.gso = false;
	open_net();
	CHECK(!net_frame_alloc(net, NET_FRAME_MAX + 1, 0));
	f = net_frame_alloc(net, 2000, 0);
	CHECK(net_send(net, &f, 1, 0) == -EMSGSIZE);
	f->gso = NET_GSO_TCPV4;
	CHECK(net_send(net, &f, 1, 0) == -EINVAL);
	f->gso_size = 1000;
	CHECK(net_send(net, &f, 1, 0) == -EOPNOTSUPP);
	f->piece[0].size = 0;
	CHECK(net_send(net, &f, 1, 0) == -EINVAL);
	net_frame_free(f);
	expect_working();
	close_net();
}

static void test_large_frames_keep_their_gso(void **state)
{
	struct net_frame *f;

	(void)state;
	start_net();
	CHECK(send_frame(60000, SOON) == 1);
	sim_sleep(MS);
	CHECK(nb.last_size == 60000 && nb.last_gso == 1448);
	CHECK(nb.last_flags & NETTXF_csum_blank);
	CHECK(!memcmp(nb.last, noise, 60000));
	CHECK(sim_netback_send(&nb, noise, 50000, NETRXF_csum_blank, 1400));
	f = receive_frame(SOON);
	CHECK(f && f->size == 50000 && f->gso_size == 1400 &&
	      same_frame(f, noise));
	CHECK(f->gso == NET_GSO_TCPV4 && f->sum == NET_SUM_BLANK);
	net_frame_free(f);
	close_net();
}

static void test_full_ring_waits(void **state)
{
	unsigned n = 0;

	(void)state;
	start_net();
	nb.holds = true;
	while (send_frame(100, clock_deadline(MS)) == 1)
		n++;
	CHECK(n > RING / 2 && n <= RING);
	CHECK(send_frame(100, 0) == 0 || send_frame(100, 0) == -ETIMEDOUT);
	nb.holds = false;
	sim_netback_go(&nb);
	sim_sleep(MS);
	expect_working();
	close_net();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_large_frames_keep_their_gso),
		cmocka_unit_test(test_full_ring_waits),
	};

	return cmocka_run_group_tests_name("netfront", tests, sim_setup, NULL);
}
