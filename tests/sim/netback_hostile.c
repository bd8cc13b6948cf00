/* SPDX-License-Identifier: ISC */
/*
 * netback against frontends that do as they please: classes 55 to 58 of
 * docs/simulator.md, and those of frontends' tests that a backend has to
 * survive as well. The client is disconnected, or its request answered with an
 * error; the guest goes on, and serves the next one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fata/lifecycle.h>

#include "lib/sim_client.h"
#include "lib/sim_hypercall.h"
#include "lib/sim_xenstore.h"
#include "xen/lifecycle.h"

static void start_hostile(void)
{
	start_client();
	cl.wrong = true;
}

/* A request for n bytes of page `page` of the client's. */
static union sim_client_tx request(unsigned page, uint32_t offset, uint32_t n,
				   uint16_t flags)
{
	union sim_client_tx s = {.pad = {0}};

	s.request = (struct netif_tx_request){
		.gref = cl.page_ref[page],
		.offset = (uint16_t)offset,
		.size = (uint16_t)n,
		.flags = flags,
		.id = (uint16_t)(1000 + page),
	};
	return s;
}

static union sim_client_tx extra(uint8_t type, uint8_t flags, uint16_t size)
{
	union sim_client_tx s = {.pad = {0}};

	s.extra.type = type;
	s.extra.flags = flags;
	s.extra.u.gso.size = size;
	s.extra.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	return s;
}

static void put(union sim_client_tx s)
{
	sim_netfront_put(&cl, s);
}

/* What was put is shown, and is the end of this client. */
static void expect_end(void)
{
	sim_netfront_show(&cl);
	expect_client_broken();
	close_client();
}

/* What was put is answered with an error, n times, and all goes on. */
static void expect_errors(unsigned n)
{
	uint64_t before = cl.errors;
	struct net_frame *f;

	sim_netfront_show(&cl);
	CHECK(net_receive(client, &f, 1, clock_deadline(10 * MS)) ==
	      -ETIMEDOUT);
	sim_sleep(MS);
	CHECK(cl.errors == before + n);
	expect_client_works(700);
}

/* --- rings ---------------------------------------------------------------- */

static uint32_t nonsense(void)
{
	return 257 + (uint32_t)sim_below(UINT32_MAX - 600);
}

static void run_index(void)
{
	bool tx = sim_chance(2);
	struct ring_front *r = tx ? &cl.tx : &cl.rx;
	struct net_frame *f;

	start_hostile();
	r->page->req_prod = r->req_prod + nonsense();
	sim_netfront_kick(&cl);
	sim_sleep(MS);
	if (!tx) {
		f = net_frame_alloc(client, 100, 0);
		memset(f->piece[0].data, 0, 100);
		/* what was posted before is good */
		for (int rc = 0; rc >= 0;) {
			struct net_frame *one =
				net_frame_alloc(client, 60000, 0);

			CHECK(one);
			one->gso = NET_GSO_TCPV4;
			one->gso_size = 1448;
			rc = net_send(client, &one, 1, clock_deadline(MS));
			if (rc != 1)
				net_frame_free(one);
			CHECK(rc == 1 || rc == -ENETDOWN);
		}
		net_frame_free(f);
	}
	expect_client_broken();
	close_client();
}

static void class_55_producer_index(void **state)
{
	(void)state;
	sim_runs(40, run_index);
}

/* Anything in the rings, at any moment, also what only we write. */
static void scribble(void *arg)
{
	struct ring_page *p = sim_chance(2) ? cl.tx.page : cl.rx.page;
	unsigned char *b = (unsigned char *)p;

	(void)arg;
	if (cl.connected && sim_chance(20))
		b[sim_chance(6) ? sim_below(16) : 64 + sim_below(4032)] =
			(unsigned char)sim_random();
}

/* A slot that may be anything; now and then one that is nearly right. */
static void put_some(void)
{
	union sim_client_tx s = {.pad = {0}};

	switch (sim_below(4)) {
	case 0:
		for (unsigned i = 0; i < sizeof(s); i++)
			s.pad[i] = (unsigned char)sim_random();
		break;
	case 1:
		s = extra((uint8_t)sim_below(6), (uint8_t)sim_below(2),
			  (uint16_t)sim_below(3));
		break;
	default:
		s = request((unsigned)sim_below(40), (uint32_t)sim_below(4096),
			    (uint32_t)sim_below(2048), (uint16_t)sim_below(16));
		break;
	}
	put(s);
}

static void take_some(void)
{
	struct net_frame *f[8];
	int n = net_receive(client, f, 1 + (unsigned)sim_below(8),
			    sim_chance(2) ? 0 : clock_deadline(MS));

	for (int i = 0; i < n; i++) {
		uint32_t sum = 0;

		for (unsigned k = 0; k < f[i]->pieces; k++)
			sum += f[i]->piece[k].size;
		CHECK(f[i]->size >= 14 && sum == f[i]->size);
		CHECK(f[i]->pieces <= NET_PIECES);
		if (net_send(client, &f[i], 1, 0) != 1)
			net_frame_free(f[i]);
	}
}

static void run_scribble(void)
{
	start_hostile();
	sim.step_chance = 2;
	sim.hostile = scribble;
	for (unsigned i = 0; i < 60; i++) {
		for (uint64_t n = sim_below(30); n; n--)
			put_some();
		sim_netfront_show(&cl);
		if (sim_chance(10))
			sim_netfront_kick(&cl);
		take_some();
	}
	sim.hostile = NULL;
	sim.step_chance = 0;
	close_client();
	start_client();
	expect_client_works(1000);
	close_client();
}

static void class_55_anything_at_any_moment(void **state)
{
	(void)state;
	sim_runs(150, run_scribble);
}

static void class_26_storm_of_events(void **state)
{
	struct net_stat before, after;

	(void)state;
	start_client();
	net_stat(client, &before);
	for (unsigned i = 0; i < 10000; i++) {
		sim_netfront_kick(&cl);
		sim_sleep(10000);
	}
	net_stat(client, &after);
	CHECK(after.interrupts - before.interrupts < 2000);
	sim_sleep(FATA_NS_PER_S);
	expect_client_works(900);
	close_client();
}

/* --- chains --------------------------------------------------------------- */

static void class_57_sizes(void **state)
{
	(void)state;
	start_client();
	/* the rest is more than the whole, or all of it */
	put(request(0, 0, 100, NETTXF_more_data));
	put(request(1, 0, 200, 0));
	put(request(2, 0, 100, NETTXF_more_data));
	put(request(3, 0, 100, 0));
	expect_errors(4);
	/* no Ethernet header; nothing at all */
	put(request(0, 0, 13, 0));
	put(request(1, 0, 0, 0));
	expect_errors(2);
	/* sums beyond 16 bits */
	for (unsigned i = 0; i < 18; i++)
		put(request(i, 0, i ? 4096 : 65535,
			    i < 17 ? NETTXF_more_data : 0));
	expect_errors(18);
	close_client();
}

/* The header in as many parts as it has bytes: one piece all the same. */
static void class_57_header_in_parts(void **state)
{
	struct net_frame *f;

	(void)state;
	start_client();
	for (unsigned i = 0; i < 18; i++) {
		uint32_t n = i < 17 ? 1 : 483;

		memcpy(cl.page[i] + 7 * i, noise + i, n);
		put(request(i, 7 * i, i ? n : 500,
			    i < 17 ? NETTXF_more_data : 0));
	}
	sim_netfront_show(&cl);
	CHECK(net_receive(client, &f, 1, SOON) == 1);
	CHECK(f->size == 500 && f->pieces == 1 && same_frame(f, noise));
	net_frame_free(f);
	close_client();
}

static void class_57_no_chain(void **state)
{
	(void)state;
	/* across the end of a page: alone, first, last */
	start_client();
	put(request(0, 4000, 97, 0));
	expect_end();
	start_client();
	put(request(0, 4000, 197, NETTXF_more_data));
	put(request(1, 0, 100, 0));
	expect_end();
	start_client();
	put(request(0, 0, 1000, NETTXF_more_data));
	put(request(1, 4095, 2, 0));
	expect_end();
	/* one request too many */
	start_client();
	for (unsigned i = 0; i < 19; i++)
		put(request(i, 0, i ? 1 : 1000, i < 18 ? NETTXF_more_data : 0));
	expect_end();
	/* without an end */
	start_client();
	put(request(0, 0, 1000, NETTXF_more_data));
	expect_end();
}

static void class_57_extra_infos(void **state)
{
	const struct {
		uint8_t type, flags;
		uint16_t size;
	} bad[] = {
		{XEN_NETIF_EXTRA_TYPE_NONE, 0, 1448},
		{XEN_NETIF_EXTRA_TYPE_MAX, 0, 1448},
		{255, 0, 1448},
		{XEN_NETIF_EXTRA_TYPE_GSO, 0, 0},
		{XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE, 1448},
		{XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		start_client();
		put(request(0, 0, 1000, NETTXF_extra_info));
		put(extra(bad[i].type, bad[i].flags, bad[i].size));
		expect_end();
	}
	/* announced, and not there; for ever more */
	start_client();
	put(request(0, 0, 1000, NETTXF_extra_info));
	expect_end();
	start_client();
	put(request(0, 0, 1000, NETTXF_extra_info));
	for (unsigned i = 0; i < 100; i++)
		put(extra(XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE,
			  0));
	expect_end();
	/* a segment size for no protocol */
	start_client();
	put(request(0, 0, 1000, NETTXF_extra_info));
	{
		union sim_client_tx s = extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 9);

		s.extra.u.gso.type = 3;
		put(s);
	}
	expect_end();
}

/* --- grants --------------------------------------------------------------- */

static void class_24_references_that_grant_nothing(void **state)
{
	union sim_client_tx s = request(0, 0, 1000, NETTXF_more_data);
	struct net_frame *f;
	uint32_t at, good;
	uint64_t lost;

	(void)state;
	start_client();
	/* the first or the last of a frame */
	s.request.gref = 7777777;
	put(s);
	put(request(1, 0, 100, 0));
	expect_errors(2);
	put(request(0, 0, 1000, NETTXF_more_data));
	s = request(1, 0, 100, 0);
	s.request.gref = 3; /* Xen's own */
	put(s);
	expect_errors(2);
	/* and to it: a page that may not be written, amid a frame */
	lost = cl.lost;
	at = (cl.rx.req_prod + 1) % SIM_CLIENT_SLOTS;
	good = cl.post_ref[at];
	cl.post_ref[at] = cl.page_ref[9];
	for (unsigned i = 0; i < 300; i++) {
		f = net_frame_alloc(client, 60, 0);
		memset(f->piece[0].data, 0, 60);
		CHECK(net_send(client, &f, 1, SOON) == 1);
	}
	sim_sleep(MS);
	CHECK(cl.lost > lost && cl.lost < lost + 3);
	cl.post_ref[at] = good;
	close_client();
	start_client();
	expect_client_works(100);
	close_client();
}

/* --- keys ----------------------------------------------------------------- */

static void class_56_keys(void **state)
{
	static const char *const bad[][2] = {
		{"tx-ring-ref", "123456"},
		{"rx-ring-ref", "4294967296"},
		{"tx-ring-ref", ""},
		{"event-channel-tx", "99999"},
		{"event-channel-rx", "-1"},
		{"request-rx-copy", "0"},
		{"feature-rx-notify", "0"},
		{"feature-sg", "maybe"},
		{"multi-queue-num-queues", "2"},
		{"multi-queue-num-queues", "99999999999"},
	};

	struct netback_client who;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		offer_client();
		sim_netfront_plug(&cl, 7);
		sim_sleep(100 * MS);
		sim_netfront_connect(&cl);
		/* before we can have looked */
		sim_netfront_key(&cl, bad[i][0], bad[i][1]);
		sim_sleep(FATA_NS_PER_S);
		CHECK(netback_accept(&client, &who, 0) == -ETIMEDOUT);
		CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "6"));
		sim_xs_rm("/local/domain/7/device/vif/0/"
			  "multi-queue-num-queues");
		sim_netfront_unplug(&cl);
		start_client();
		/* and afterwards they are nothing to us */
		sim_netfront_key(&cl, bad[i][0], bad[i][1]);
		expect_client_works(800);
		close_client();
	}
}

/* A key that is not there yet is waited for; none is made up. */
static void class_56_late_key(void **state)
{
	char ref[16];
	struct netback_client who;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		offer_client();
		sim_netfront_plug(&cl, 7);
		sim_sleep(100 * MS);
		sim_netfront_connect(&cl);
		sim_xs_rm(i ? "/local/domain/7/device/vif/0/rx-ring-ref"
			    : "/local/domain/7/device/vif/0/tx-ring-ref");
		sim_netfront_key(&cl, "event-channel", "99");
		sim_sleep(FATA_NS_PER_S);
		CHECK(netback_accept(&client, &who, 0) == -ETIMEDOUT);
		CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "2"));
		snprintf(ref, sizeof(ref), "%u", cl.ring_ref[i]);
		sim_netfront_key(&cl, i ? "rx-ring-ref" : "tx-ring-ref", ref);
		CHECK(netback_accept(&client, &who, SOON) == 0);
		sim_sleep(10 * MS);
		expect_client_works(700);
		close_client();
	}
}

/* A receive ring that says nonsense is not listened to. */
static void class_55_storm(void **state)
{
	(void)state;
	start_client();
	cl.rx.page->req_prod += 300;
	sim_evtchn_send(cl.domain, cl.port[cl.split]);
	sim_sleep(10 * MS);
	expect_client_broken();
	close_client();
}

/* --- coming and going ----------------------------------------------------- */

/* Its directory goes with everything mapped and on the way. */
static void run_vanish(void)
{
	start_hostile();
	for (unsigned i = 0; i < 20; i++)
		sim_netfront_send(&cl, noise, 3000, 3, 0, 0);
	if (sim_chance(2))
		take_some();
	sim_xs_rm("/local/domain/7/device/vif/0");
	if (sim_chance(2))
		take_some();
	sim_sleep(sim_below(FATA_NS_PER_S));
	close_client();
	start_client();
	expect_client_works(1000);
	close_client();
}

static void class_58_vanishes(void **state)
{
	(void)state;
	sim_runs(40, run_vanish);
}

/* States in any order. */
static void run_states(void)
{
	char text[4] = "0";
	struct netback_client who;
	struct net_frame *f;

	start_hostile();
	for (unsigned i = 0; i < 30; i++) {
		text[0] = (char)('0' + sim_below(10));
		sim_netfront_key(&cl, "state", text);
		if (sim_chance(2))
			sim_sleep(sim_below(200 * MS));
		if (sim_chance(3))
			take_some();
	}
	sim_netfront_unplug(&cl);
	while (net_receive(client, &f, 1, SOON) > 0)
		net_frame_free(f);
	netback_close(client);
	CHECK(netback_accept(&client, &who, 0) == -ETIMEDOUT);
}

static void class_32_states(void **state)
{
	(void)state;
	sim_runs(40, run_states);
}

/* --- us ------------------------------------------------------------------- */

static int suspended(struct sim_domain *d)
{
	if (sim_chance(2))
		return 1; /* cancelled */
	sim_new_domain(d);
	sim_xs_drop(d);
	sim_xs_rm("/local/domain/5/control");
	sim_xs_rm("/local/domain/5/backend");
	sim_xs_populate(d);
	sim_xs_introduce(d);
	return 0;
}

/* Elsewhere there are no clients; where nothing has changed they go on. */
static void run_suspend(void)
{
	struct net_frame *f;

	start_client();
	sim_guest->suspend = suspended;
	sim_netfront_send(&cl, noise, 3000, 3, 0, 0);
	sim_xs_write("/local/domain/5/control/shutdown", "suspend");
	sim_sleep(20 * FATA_NS_PER_S);
	sim_guest->suspend = NULL;
	while (net_receive(client, &f, 1, clock_deadline(MS)) > 0)
		net_frame_free(f);
	if (client_is_up())
		expect_client_works(900);
	close_client();
}

static void class_49_suspend(void **state)
{
	(void)state;
	CHECK(lifecycle_start() == 0);
	sim_sleep(100 * MS);
	sim_runs(10, run_suspend);
}

/* Half of all allocations fail: frames are lost, counted, and answered. */
static void class_60_no_memory(void **state)
{
	struct net_stat s;
	uint64_t sent = 0, got = 0;

	(void)state;
	start_client();
	sim.fail_chance[SIM_FAIL_ALLOC] = 2;
	for (unsigned i = 0; i < 2000; i++) {
		struct net_frame *f;

		sent += sim_netfront_send(&cl, noise, 14 + sim_below(9000), 1,
					  0, 0);
		if (net_receive(client, &f, 1, 0) == 1) {
			got++;
			net_frame_free(f);
		}
		sim_sleep(10000);
	}
	sim.fail_chance[SIM_FAIL_ALLOC] = 0;
	net_stat(client, &s);
	CHECK(sent == 2000 && got + s.rx_dropped == sent);
	CHECK(cl.okay > got && cl.dropped >= s.rx_dropped);
	expect_client_works(100);
	close_client();
}

static void run_failing(void)
{
	struct netback_client who;
	struct net_frame *f;

	if (netback_serve(NETBACK_ALL, SOON))
		return;
	offer_client();
	sim_netfront_plug(&cl, 7);
	sim_sleep(100 * MS);
	sim_netfront_connect(&cl);
	if (netback_accept(&client, &who, clock_deadline(60 * FATA_NS_PER_S)) ==
	    0) {
		sim_netfront_send(&cl, noise, 3000, 4, 0, 0);
		if (net_receive(client, &f, 1, SOON) == 1 &&
		    net_send(client, &f, 1, SOON) != 1)
			net_frame_free(f);
		sim_netfront_unplug(&cl);
		sim_sleep(20 * FATA_NS_PER_S);
		netback_close(client);
	}
	sim_netfront_unplug(&cl);
	sim_sleep(20 * FATA_NS_PER_S);
}

static void class_48_each_allocation_fails(void **state)
{
	(void)state;
	sim_nth_fresh(SIM_FAIL_ALLOC, run_failing);
}

static void class_48_each_hypercall_fails(void **state)
{
	(void)state;
	sim_nth_fresh(SIM_FAIL_HYPERCALL, run_failing);
}

static void class_48_each_reply_fails(void **state)
{
	(void)state;
	sim_nth_fresh(SIM_FAIL_REPLY, run_failing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_55_producer_index),
		cmocka_unit_test(class_55_anything_at_any_moment),
		cmocka_unit_test(class_26_storm_of_events),
		cmocka_unit_test(class_57_sizes),
		cmocka_unit_test(class_57_header_in_parts),
		cmocka_unit_test(class_57_no_chain),
		cmocka_unit_test(class_57_extra_infos),
		cmocka_unit_test(class_24_references_that_grant_nothing),
		cmocka_unit_test(class_56_keys),
		cmocka_unit_test(class_56_late_key),
		cmocka_unit_test(class_55_storm),
		cmocka_unit_test(class_58_vanishes),
		cmocka_unit_test(class_32_states),
		cmocka_unit_test(class_49_suspend),
		cmocka_unit_test(class_60_no_memory),
	};
	const struct CMUnitTest fresh[] = {
		cmocka_unit_test(class_48_each_allocation_fails),
		cmocka_unit_test(class_48_each_hypercall_fails),
		cmocka_unit_test(class_48_each_reply_fails),
	};
	int failed = cmocka_run_group_tests_name("netback: n-th failure", fresh,
						 NULL, NULL);

	return failed + cmocka_run_group_tests_name("netback: hostile", tests,
						    client_setup, NULL);
}
