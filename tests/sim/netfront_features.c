/* SPDX-License-Identifier: ISC */
/*
 * netfront's features, each by itself, against netback as it should be: queues,
 * groups, sizes, the link's state, addresses from the host, a backend that is
 * not trusted.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/param.h>

#include "lib/sim_net.h"

/*
 * Of one sender each: the hash is linear, so flows that differ in a few bits of
 * the port only all have one queue under one key of twenty.
 */
static struct net_frame *flow(uint16_t port)
{
	struct net_frame *f = net_frame_alloc(net, 200, 0);
	uint32_t sender = port * 0x9e3779b1u;
	unsigned char *p = f->piece[0].data;

	CHECK(f);
	memset(p, 0, 200);
	p[12] = 0x08;
	p[14] = 0x45;
	p[23] = 17;
	memcpy(p + 26, "\12\0\0\1\12\0\0\2", 8);
	memcpy(p + 27, &sender, 3);
	memcpy(p + 34, &port, sizeof(port));
	return f;
}

extern struct param __start_fata_params[], __stop_fata_params[];

static void set_number(const char *name, uint64_t value)
{
	struct param *p = __start_fata_params;

	while (p < __stop_fata_params && strcmp(p->name, name))
		p++;
	CHECK(p < __stop_fata_params);
	*(uint64_t *)p->value = value;
}

/* Several queues: a flow keeps to one, different flows use all of them. */
static void run_queues(void)
{
	static const unsigned offers[] = {0, 1, 2, 3, 4};
	unsigned used = 0, expected;
	uint64_t sent = 0, got = 0;

	offer_net();
	nb.queues_max = offers[sim_below(5)];
	nb.split = sim_chance(2);
	nb.loops = true;
	expected = nb.queues_max ? nb.queues_max : 1;
	open_net();
	CHECK(nb.queues == expected);
	for (uint16_t i = 0; i < 300; i++) {
		struct net_frame *f = flow(i % 60);

		CHECK(net_send(net, &f, 1, SOON) == 1);
		sent++;
		f = receive_frame(sim_chance(3) ? clock_deadline(MS) : 0);
		got += !!f;
		net_frame_free(f);
	}
	for (struct net_frame *f; (f = receive_frame(clock_deadline(MS)));) {
		net_frame_free(f);
		got++;
	}
	for (unsigned i = 0; i < nb.queues; i++)
		used += nb.q[i].frames > 0;
	CHECK(nb.frames == sent && got + nb.lost == sent);
	CHECK(used == expected);
	nb.loops = false;
	sim_netback_restart(&nb);
	sim_sleep(20 * FATA_NS_PER_S);
	expect_working();
	close_net();
}

static void test_queues(void **state)
{
	(void)state;
	set_number("net-queues", 4);
	sim_runs(40, run_queues);
	set_number("net-queues", 1);
}

static void test_a_flow_keeps_to_its_queue(void **state)
{
	struct net_frame *f;

	(void)state;
	set_number("net-queues", 4);
	offer_net();
	nb.queues_max = 4;
	open_net();
	for (unsigned i = 0; i < 100; i++) {
		f = flow(7);
		CHECK(net_send(net, &f, 1, SOON) == 1);
	}
	sim_sleep(MS);
	for (unsigned i = 0; i < 4; i++)
		CHECK(nb.q[i].frames == 0 || nb.q[i].frames == 100);
	close_net();
	set_number("net-queues", 1);
}

static const unsigned char mdns[6] = {1, 0, 0x5e, 0, 0, 0xfb};
static const unsigned char other[6] = {1, 0, 0x5e, 0, 0, 0xfc};

static void test_groups(void **state)
{
	unsigned char many[6] = {1};

	(void)state;
	offer_net();
	nb.multicast = true;
	open_net();
	CHECK(sim_netback_wants(&nb, other)); /* everything, at first */
	CHECK(net_join(net, mdns) == 0 && net_join(net, mdns) == 0);
	CHECK(net_filter(net, true) == 0);
	sim_sleep(MS);
	CHECK(sim_netback_wants(&nb, mdns));
	CHECK(!sim_netback_wants(&nb, other));
	CHECK(net_leave(net, mdns) == 0);
	sim_sleep(MS);
	CHECK(sim_netback_wants(&nb, mdns)); /* joined twice */
	sim_netback_restart(&nb);
	sim_sleep(20 * FATA_NS_PER_S);
	CHECK(sim_netback_wants(&nb, mdns)); /* told again */
	CHECK(!sim_netback_wants(&nb, other));
	CHECK(net_leave(net, mdns) == 0);
	sim_sleep(MS);
	CHECK(!sim_netback_wants(&nb, mdns) && nb.groups == 0);
	CHECK(net_leave(net, mdns) == -ENOENT);
	CHECK(net_join(net, (const unsigned char *)"\2\0\0\0\0\0") == -EINVAL);
	/* as many as there may be, though the ring is full */
	nb.holds = true;
	while (send_frame(100, 0) == 1)
		;
	for (unsigned i = 0; i < 64; i++) {
		many[5] = (unsigned char)i;
		CHECK(net_join(net, many) == 0);
	}
	CHECK(net_join(net, other) == -ENOSPC);
	CHECK(nb.groups == 0);
	nb.holds = false;
	sim_netback_go(&nb);
	sim_sleep(MS);
	CHECK(nb.groups == 64);
	for (unsigned i = 0; i < 64; i++) {
		many[5] = (unsigned char)i;
		CHECK(net_leave(net, many) == 0);
	}
	sim_sleep(MS);
	CHECK(nb.groups == 0);
	CHECK(net_filter(net, false) == 0);
	expect_working();
	close_net();
}

/* A backend that cannot choose delivers everything, and is not asked. */
static void test_groups_without_the_feature(void **state)
{
	(void)state;
	start_net();
	CHECK(net_join(net, mdns) == 0);
	CHECK(net_filter(net, true) == -EOPNOTSUPP);
	sim_sleep(MS);
	CHECK(sim_netback_wants(&nb, other) && nb.groups == 0);
	CHECK(net_leave(net, mdns) == 0);
	CHECK(net_filter(net, false) == -EOPNOTSUPP);
	expect_working();
	close_net();
}

static void test_jumbo_frames(void **state)
{
	struct net_frame *f;
	struct net_info info;

	(void)state;
	offer_net();
	sim_netback_plug(&nb);
	sim_netback_key("mtu", "9000");
	CHECK(net_open("0", &net, SOON) == 0);
	net_info(net, &info);
	CHECK(info.mtu == 9000);
	f = net_frame_alloc(net, 9014, 0);
	fill_frame(f, noise);
	CHECK(net_send(net, &f, 1, SOON) == 1);
	sim_sleep(MS);
	CHECK(nb.last_size == 9014 && !memcmp(nb.last, noise, 9014));
	CHECK(sim_netback_send(&nb, noise + 1, 9014, 0, 0));
	f = receive_frame(SOON);
	CHECK(f && f->size == 9014 && same_frame(f, noise + 1));
	net_frame_free(f);
	close_net();
}

/* Without scatter-gather a frame lies in one page: no more than 1500. */
static void test_no_jumbo_without_sg(void **state)
{
	struct net_info info;

	(void)state;
	offer_net();
	nb.sg = nb.gso = false;
	sim_netback_plug(&nb);
	sim_netback_key("mtu", "9000");
	CHECK(net_open("0", &net, SOON) == 0);
	net_info(net, &info);
	CHECK(info.mtu == 1500);
	expect_working();
	close_net();
}

static void test_link_state(void **state)
{
	(void)state;
	offer_net();
	sim_netback_plug(&nb);
	sim_netback_key("carrier", "0");
	CHECK(net_open("0", &net, SOON) == 0);
	for (unsigned i = 0; i < 6; i++) {
		uint64_t seen = event_count(net_changed(net));

		CHECK(net_is_up() == i % 2);
		sim_netback_key("carrier", i % 2 ? "0" : "1");
		CHECK(event_wait(net_changed(net), &seen, SOON) == 0);
	}
	close_net();
}

static void test_addresses(void **state)
{
	struct net_info info;

	(void)state;
	offer_net();
	sim_netback_plug(&nb);
	sim_netback_key("ip", "10.0.0.7/24 fd00::7/64");
	CHECK(net_open("0", &net, SOON) == 0);
	net_info(net, &info);
	CHECK(!strcmp(info.addresses, "10.0.0.7/24 fd00::7/64"));
	close_net();
}

static bool tail_is_zero(uint32_t ref, uint32_t used)
{
	const unsigned char *p =
		sim_grant_map(SIM_DOM0, sim_guest, ref, true, NULL);
	bool zero = true;

	CHECK(p);
	for (uint32_t i = used; i < PAGE_SIZE; i++)
		zero &= !p[i];
	sim_grant_unmap(sim_guest, ref, true);
	return zero;
}

/* trusted = 0: what a frame has left behind in its page is not shown. */
static void test_untrusted_backend(void **state)
{
	for (unsigned trusted = 0; trusted < 2; trusted++) {
		struct net_frame *f;

		offer_net();
		sim_netback_plug(&nb);
		sim_netback_key("trusted", trusted ? "1" : "0");
		CHECK(net_open("0", &net, SOON) == 0);
		nb.holds = nb.keeps = true;
		f = net_frame_alloc(net, 1000, 0);
		memset(f->piece[0].data, 0x55, 1000);
		f->piece[0].size = f->size = 100; /* shortened */
		CHECK(net_send(net, &f, 1, SOON) == 1);
		sim_sleep(MS);
		CHECK(nb.keeps_n == 1);
		CHECK(tail_is_zero(nb.kept[0], 100) == !trusted);
		nb.holds = nb.keeps = false;
		sim_netback_go(&nb);
		close_net();
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_a_flow_keeps_to_its_queue),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_groups_without_the_feature),
		cmocka_unit_test(test_jumbo_frames),
		cmocka_unit_test(test_no_jumbo_without_sg),
		cmocka_unit_test(test_link_state),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_untrusted_backend),
	};

	return cmocka_run_group_tests_name("netfront_features", tests,
					   sim_setup, NULL);
}
