/* SPDX-License-Identifier: ISC */
/*
 * netback against frontends that behave: frames of all kinds both ways, clients
 * that come, go, come back, take nothing. netback_hostile.c has the others.
 */
#include <errno.h>
#include <string.h>

#include "lib/sim_client.h"

static void run_traffic(void)
{
	offer_client();
	cl.split = sim_chance(2);
	cl.sg = sim_chance(4) ? false : true;
	cl.gso &= cl.sg;
	open_client();
	for (unsigned i = 0; i < 40; i++)
		expect_client_works(some_client_size());
	close_client();
}

static void test_traffic(void **state)
{
	(void)state;
	sim_runs(60, run_traffic);
}

/* Many frames in one call, both ways, in order. */
static void test_batches(void **state)
{
	struct net_frame *f[64];
	unsigned n = 0, sizes[64];

	(void)state;
	start_client();
	for (unsigned i = 0; i < 64; i++) {
		sizes[i] = 60 + i;
		CHECK(sim_netfront_send(&cl, noise + i, sizes[i], 1, 0, 0));
	}
	while (n < 64) {
		int got = net_receive(client, f + n, 64 - n, SOON);

		CHECK(got > 0);
		n += (unsigned)got;
	}
	for (unsigned i = 0; i < 64; i++)
		CHECK(f[i]->size == sizes[i] && same_frame(f[i], noise + i));
	CHECK(net_send(client, f, 64, SOON) == 64);
	sim_sleep(MS);
	CHECK(cl.frames == 64 && cl.last_size == sizes[63]);
	CHECK(!memcmp(cl.last, noise + 63, sizes[63]));
	CHECK(cl.okay == 64 && !cl.errors);
	close_client();
}

/* Flags and segment sizes come through. */
static void test_offloads(void **state)
{
	struct net_frame *f;
	struct net_info info;

	(void)state;
	start_client();
	net_info(client, &info);
	CHECK(info.send_gso4 && info.send_gso6 && info.send_sum6 && info.up);
	CHECK(info.mtu == 1500 && info.mac[0] == 0xfe);
	CHECK(!strcmp(info.addresses, "10.0.0.7"));
	CHECK(sim_netfront_send(&cl, noise, 40000, 18,
				NETTXF_csum_blank | NETTXF_data_validated,
				1448));
	CHECK(net_receive(client, &f, 1, SOON) == 1);
	CHECK(f->size == 40000 && same_frame(f, noise));
	CHECK(f->gso == NET_GSO_TCPV4 && f->gso_size == 1448);
	CHECK(f->sum == NET_SUM_BLANK && f->piece[0].size >= NETBACK_HEAD);
	/* and as it is to the client */
	CHECK(net_send(client, &f, 1, SOON) == 1);
	sim_sleep(MS);
	CHECK(cl.last_size == 40000 && cl.last_gso == 1448);
	CHECK(cl.last_flags & NETRXF_csum_blank);
	CHECK(!memcmp(cl.last, noise, 40000));
	close_client();
}

/* However the client cuts a frame: what programs look at lies together. */
static void run_heads(void)
{
	uint32_t size = some_client_size();
	struct net_frame *f;

	start_client();
	for (unsigned i = 0; i < 20; i++, size = some_client_size()) {
		unsigned most = cl.sg && size >= 18 ? 18 : 1;
		unsigned slots = 1 + (unsigned)sim_below(most);

		CHECK(sim_netfront_send(&cl, noise, size, slots, 0,
					size > 1514 ? 1448 : 0));
		CHECK(net_receive(client, &f, 1, SOON) == 1);
		CHECK(f->size == size && same_frame(f, noise));
		CHECK(f->piece[0].size == size ||
		      f->piece[0].size >= NETBACK_HEAD);
		/* and its pieces are such as are sent */
		CHECK(net_send(client, &f, 1, SOON) == 1);
		sim_sleep(MS);
	}
	close_client();
}

static void test_heads(void **state)
{
	(void)state;
	sim_runs(20, run_heads);
}

static void test_what_is_refused(void **state)
{
	struct net_frame *f;

	(void)state;
	offer_client();
	cl.sg = cl.gso = false;
	open_client();
	f = net_frame_alloc(client, 5000, 0);
	CHECK(net_send(client, &f, 1, SOON) == -EMSGSIZE);
	f->gso = NET_GSO_TCPV4;
	f->gso_size = 1448;
	CHECK(net_send(client, &f, 1, SOON) == -EOPNOTSUPP);
	net_frame_free(f);
	CHECK(net_join(client, (const unsigned char *)"\1\0\x5e\0\0\1") == 0);
	close_client();
}

/* A client that posts no pages: there is no room, and others go on. */
/* One that takes nothing but small frames with whole sums gets such. */
static void test_cut_to_fit(void **state)
{
	struct net_frame *f, *next;
	unsigned char *p;
	uint64_t before;
	int count;

	(void)state;
	offer_client();
	cl.gso = false;
	cl.no_sum = true;
	open_client();
	f = net_frame_alloc(client, 54 + 10000, 0);
	CHECK(f);
	p = f->piece[0].data;
	memset(p, 0, 54);
	memcpy(p + 12, "\x08\0\x45\0\x27\x38", 6); /* 10040 bytes */
	p[23] = 6;
	p[46] = 0x50;
	f->gso = NET_GSO_TCPV4;
	f->gso_size = 1000;
	f->sum = NET_SUM_BLANK;
	CHECK(net_send(client, &f, 1, SOON) == -EOPNOTSUPP);
	count = net_fit(client, &f);
	CHECK(count == 10);
	before = cl.frames;
	for (; f; f = next) {
		next = f->next;
		CHECK(net_send(client, &f, 1, SOON) == 1);
	}
	sim_sleep(MS);
	CHECK(cl.frames == before + 10 && cl.last_size == 1054);
	CHECK(!cl.last_gso && !(cl.last_flags & NETRXF_csum_blank));
	close_client();
}

static void test_client_takes_nothing(void **state)
{
	struct net_frame *f;
	struct net_stat s;

	(void)state;
	offer_client();
	cl.starve = true;
	open_client();
	f = net_frame_alloc(client, 100, 0);
	memset(f->piece[0].data, 1, 100);
	CHECK(net_send(client, &f, 1, 0) == -ETIMEDOUT);
	CHECK(net_send(client, &f, 1, clock_deadline(MS)) == -ETIMEDOUT);
	cl.starve = false;
	sim_after(MS, sim_netfront_serve, &cl);
	CHECK(net_send(client, &f, 1, SOON) == 1);
	net_stat(client, &s);
	CHECK(s.tx_waits == 3 && s.tx_frames == 1);
	close_client();
}

/* The budget is the caller's: no more than it asks for. */
static void test_budget(void **state)
{
	struct net_frame *f[8];

	(void)state;
	start_client();
	for (unsigned i = 0; i < 100; i++)
		CHECK(sim_netfront_send(&cl, noise, 100, 1, 0, 0));
	for (unsigned i = 0; i < 20; i++) {
		CHECK(net_receive(client, f, 5, SOON) == 5);
		for (unsigned k = 0; k < 5; k++)
			net_frame_free(f[k]);
		sim_sleep(MS);
		CHECK(cl.okay == 5 * (i + 1));
	}
	CHECK(net_receive(client, f, 5, 0) == -ETIMEDOUT);
	close_client();
}

static void run_comes_and_goes(void)
{
	struct net_frame *f;

	start_client();
	for (unsigned i = 0; i < 5; i++) {
		expect_client_works(900);
		if (sim_chance(2)) /* something is on the way */
			sim_netfront_send(&cl, noise, 3000, 3, 0, 0);
		sim_netfront_close(&cl);
		CHECK(!client_is_up());
		f = net_frame_alloc(client, 100, 0);
		CHECK(net_send(client, &f, 1, 0) == -ENETDOWN);
		net_frame_free(f);
		CHECK(net_receive(client, &f, 1, clock_deadline(MS)) ==
		      -ETIMEDOUT);
		sim_sleep(20 * FATA_NS_PER_S);
		sim_netfront_key(&cl, "state", "1");
		sim_sleep(100 * MS);
		CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "2"));
		sim_netfront_connect(&cl);
		sim_sleep(100 * MS);
		CHECK(client_is_up());
	}
	expect_client_works(60);
	close_client();
}

static void test_comes_and_goes(void **state)
{
	(void)state;
	sim_runs(20, run_comes_and_goes);
}

/* The toolstack takes the device away, and waits for us to clear up. */
static void test_toolstack_removes(void **state)
{
	struct net_frame *f;

	(void)state;
	start_client();
	sim_netfront_toolstack(&cl, "online", "0");
	sim_netfront_toolstack(&cl, "state", "5");
	sim_sleep(100 * MS);
	CHECK(client_is_up()); /* until the client has closed */
	sim_netfront_close(&cl);
	CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "6"));
	CHECK(net_receive(client, &f, 1, SOON) == -ENODEV);
	CHECK(!sim_netfront_backend(&cl, "state"));
	f = net_frame_alloc(client, 100, 0);
	CHECK(net_send(client, &f, 1, SOON) == -ENODEV);
	netback_close(client);
	net_frame_free(f); /* outlives its interface */
	sim_netfront_unplug(&cl);
}

/* A client that never connected, or was broken, is cleared up likewise. */
static void test_removed_without_a_connection(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		offer_client();
		sim_netfront_plug(&cl, 7);
		sim_sleep(100 * MS);
		CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "2"));
		if (i) {
			sim_netfront_key(&cl, "tx-ring-ref", "no number");
			sim_netfront_key(&cl, "state", "4");
			sim_sleep(100 * MS);
			CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "6"));
		}
		sim_xs_rm("/local/domain/7/device/vif/0");
		sim_netfront_toolstack(&cl, "online", "0");
		sim_netfront_toolstack(&cl, "state", "5");
		sim_sleep(100 * MS);
		CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "6"));
		sim_sleep(FATA_NS_PER_S);
		CHECK(!sim_netfront_backend(&cl, "state"));
		sim_netfront_unplug(&cl);
	}
}

static void test_carrier(void **state)
{
	(void)state;
	start_client();
	CHECK(!strcmp(sim_netfront_backend(&cl, "carrier"), "1"));
	CHECK(!strcmp(sim_netfront_backend(&cl, "hotplug-status"),
		      "connected"));
	CHECK(netback_carrier(client, false) == 0);
	CHECK(!strcmp(sim_netfront_backend(&cl, "carrier"), "0"));
	close_client();
}

/* The program wants no more of it. */
static void test_program_closes(void **state)
{
	struct netback_client who;

	(void)state;
	start_client();
	netback_close(client);
	sim_sleep(100 * MS);
	CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "6"));
	CHECK(netback_accept(&client, &who, clock_deadline(MS)) == -ETIMEDOUT);
	sim_netfront_unplug(&cl);
	start_client();
	expect_client_works(100);
	close_client();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_offloads),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_cut_to_fit),
		cmocka_unit_test(test_client_takes_nothing),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_comes_and_goes),
		cmocka_unit_test(test_toolstack_removes),
		cmocka_unit_test(test_removed_without_a_connection),
		cmocka_unit_test(test_carrier),
		cmocka_unit_test(test_program_closes),
	};

	return cmocka_run_group_tests_name("netback", tests, client_setup,
					   NULL);
}
