/* SPDX-License-Identifier: ISC */
/*
 * netfront against netback: frames both ways under every combination of
 * features; a backend that restarts, is unplugged or left behind with frames
 * in flight; a flood without memory; and one that breaks the rules. Tests named
 * class_NN are the classes of what a frontend must survive
 * (docs/simulator.md); the device breaks, the guest goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/lifecycle.h>
#include <fata/net.h>
#include <fata/task.h>
#include <fata/xen/gnttab.h>

#include "lib/sim.h"
#include "lib/sim_hypercall.h"
#include "lib/sim_netback.h"
#include "lib/sim_xenstore.h"
#include "xen/lifecycle.h"

#define MS   FATA_NS_PER_MS
#define SOON clock_deadline(FATA_NS_PER_S)
#define RING 256

static struct sim_netback back;
static struct net *net;
static unsigned char data[65536];

static void offer(void)
{
	memset(&back, 0, sizeof(back));
	back.split = back.sg = back.gso = back.ipv6 = true;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)sim_random();
}

static void open_net(void)
{
	sim_netback_plug(&back);
	CHECK(net_open("0", &net, SOON) == 0);
}

static bool is_up(void)
{
	struct net_info info;

	net_info(net, &info);
	return info.up;
}

static struct net_stat figures(void)
{
	struct net_stat s;

	net_stat(net, &s);
	return s;
}

static void close_net(void)
{
	sim_netback_unplug(&back);
	sim_sleep(100 * MS);
	CHECK(!is_up());
}

static void start(void)
{
	offer();
	open_net();
}

/* A backend that will break the rules. */
static void start_wrong(void)
{
	start();
	back.wrong = true;
}

static void expect_broken(void)
{
	struct net_frame *f;

	CHECK(net_receive(net, &f, 1, clock_deadline(50 * MS)) == -ETIMEDOUT);
	CHECK(!is_up());
	f = net_frame_alloc(net, 100, 0);
	CHECK(f && net_send(net, &f, 1, 0) == -ENETDOWN);
	net_frame_free(f);
}

/* --- frames --------------------------------------------------------------- */

static void fill(struct net_frame *f, const unsigned char *from)
{
	for (unsigned i = 0; i < f->pieces; i++) {
		memcpy(f->piece[i].data, from, f->piece[i].size);
		from += f->piece[i].size;
	}
}

static bool same(const struct net_frame *f, const unsigned char *as)
{
	for (unsigned i = 0; i < f->pieces; i++) {
		if (memcmp(f->piece[i].data, as, f->piece[i].size))
			return false;
		as += f->piece[i].size;
	}
	return true;
}

static int send_frame(uint32_t size, uint64_t deadline)
{
	struct net_frame *f = net_frame_alloc(net, size, 0);
	int rc;

	if (!f)
		return -ENOMEM;
	fill(f, data);
	if (size > 1514) {
		f->gso = NET_GSO_TCPV4;
		f->gso_size = 1448;
		f->sum = NET_SUM_BLANK;
	}
	rc = net_send(net, &f, 1, deadline);
	if (rc != 1)
		net_frame_free(f);
	return rc;
}

static struct net_frame *receive_frame(uint64_t deadline)
{
	struct net_frame *f;

	return net_receive(net, &f, 1, deadline) == 1 ? f : NULL;
}

/* A frame there and one back, so that all of it works (still, or again). */
static void expect_working(void)
{
	uint64_t before = back.frames;
	struct net_frame *f;

	CHECK(send_frame(700, SOON) == 1);
	sim_sleep(MS);
	CHECK(back.frames == before + 1 && back.last_size == 700);
	CHECK(!memcmp(back.last, data, 700));
	CHECK(sim_netback_send(&back, data + 5, 900, 0, 0));
	f = receive_frame(SOON);
	CHECK(f && f->size == 900 && same(f, data + 5));
	net_frame_free(f);
}

static void drain(void)
{
	for (struct net_frame *f; (f = receive_frame(clock_deadline(MS)));)
		net_frame_free(f);
}

/* --- as it should be ------------------------------------------------------ */

static uint32_t some_size(void)
{
	if (back.gso && sim_chance(4))
		return 1515 + (uint32_t)sim_below(NET_FRAME_MAX - 1515);
	return 14 + (uint32_t)sim_below(1500);
}

static void run_traffic(void)
{
	uint64_t sent = 0, got = 0;

	offer();
	back.split = sim_chance(2);
	back.sg = sim_chance(4) == 0;
	back.gso = back.sg && sim_chance(2);
	back.loops = true;
	open_net();
	for (unsigned i = 0; i < 200; i++) {
		struct net_frame *f;

		sent += send_frame(some_size(), SOON) == 1;
		f = receive_frame(sim_chance(3) ? clock_deadline(MS) : 0);
		if (!f)
			continue;
		CHECK(same(f, data));
		net_frame_free(f);
		got++;
	}
	for (struct net_frame *f; (f = receive_frame(clock_deadline(MS)));) {
		net_frame_free(f);
		got++;
	}
	CHECK(sent == 200 && back.frames == sent);
	CHECK(got + back.lost == sent);
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
	offer();
	back.gso = false;
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
	start();
	CHECK(send_frame(60000, SOON) == 1);
	sim_sleep(MS);
	CHECK(back.last_size == 60000 && back.last_gso == 1448);
	CHECK(back.last_flags & NETTXF_csum_blank);
	CHECK(!memcmp(back.last, data, 60000));
	CHECK(sim_netback_send(&back, data, 50000, NETRXF_csum_blank, 1400));
	f = receive_frame(SOON);
	CHECK(f && f->size == 50000 && f->gso_size == 1400 && same(f, data));
	CHECK(f->gso == NET_GSO_TCPV4 && f->sum == NET_SUM_BLANK);
	net_frame_free(f);
	close_net();
}

static void test_full_ring_waits(void **state)
{
	unsigned n = 0;

	(void)state;
	start();
	back.holds = true;
	while (send_frame(100, clock_deadline(MS)) == 1)
		n++;
	CHECK(n > RING / 2 && n <= RING);
	CHECK(send_frame(100, 0) == 0 || send_frame(100, 0) == -ETIMEDOUT);
	back.holds = false;
	sim_netback_go(&back);
	sim_sleep(MS);
	expect_working();
	close_net();
}

/* --- coming and going ----------------------------------------------------- */

static void leave_in_flight(void)
{
	unsigned n = 1 + (unsigned)sim_below(100);

	back.holds = true;
	for (unsigned i = 0; i < n; i++)
		CHECK(send_frame(some_size(), SOON) == 1 || i > 10);
	for (unsigned i = 0; i < n; i++)
		sim_netback_send(&back, data, 14 + sim_below(60000), 0, 0);
	sim_sleep(sim_below(MS));
	back.holds = false;
}

static void run_restart(void)
{
	uint64_t connects;

	start();
	connects = figures().connects;
	for (unsigned i = 0; i < 3; i++) {
		leave_in_flight();
		sim_netback_restart(&back);
		sim_sleep(20 * FATA_NS_PER_S);
		CHECK(is_up() && figures().connects == connects + i + 1);
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

	start();
	first = net;
	leave_in_flight();
	sim_netback_unplug(&back);
	sim_sleep(FATA_NS_PER_S);
	CHECK(!is_up() && send_frame(100, 0) == -ENETDOWN);
	sim_netback_plug(&back);
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
	sim_netback_lose(&back);
	sim_xs_rm(SIM_NET_BACK);
	sim_new_domain(d);
	sim_xs_drop(d);
	sim_xs_rm("/local/domain/5/control");
	sim_xs_rm("/local/domain/5/device");
	sim_xs_populate(d);
	sim_xs_introduce(d);
	sim_netback_plug(&back);
	return 0;
}

static void run_suspend(void)
{
	start();
	sim_guest->suspend = elsewhere;
	for (unsigned i = 0; i < 3; i++) {
		leave_in_flight();
		sim_xs_write("/local/domain/5/control/shutdown", "suspend");
		sim_sleep(20 * FATA_NS_PER_S);
		sim_netback_go(&back);
		sim_sleep(MS);
		drain(); /* what a suspend that was cancelled has left */
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

	start();
	before = figures();
	sim.fail_chance[SIM_FAIL_ALLOC] = 2;
	for (unsigned i = 0; i < 2000; i++) {
		struct net_frame *f;

		sent += sim_netback_send(&back, data, 14 + sim_below(9000),
					 0, 0);
		f = receive_frame(sim_chance(10) ? clock_deadline(MS) : 0);
		got += !!f;
		CHECK(!f || same(f, data));
		net_frame_free(f);
	}
	sim.fail_chance[SIM_FAIL_ALLOC] = 0;
	for (struct net_frame *f; (f = receive_frame(clock_deadline(MS)));) {
		net_frame_free(f);
		got++;
	}
	after = figures();
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
	start();
	while (n < 700) {
		struct net_frame *f = NULL;

		if (sim_netback_send(&back, data, 60, 0, 0))
			f = receive_frame(SOON);
		CHECK(f);
		kept[n++] = f;
	}
	sim.fail_chance[SIM_FAIL_ALLOC] = 1;
	dropped = figures().rx_dropped;
	for (unsigned i = 0; i < 2000; i++) {
		struct net_frame *f;

		CHECK(sim_netback_send(&back, data, 60, 0, 0));
		f = receive_frame(0);
		if (f)
			kept[n++] = f;
	}
	CHECK(figures().rx_dropped > dropped + 100);
	sim.fail_chance[SIM_FAIL_ALLOC] = 0;
	while (n)
		net_frame_free(kept[--n]);
	expect_working();
	close_net();
}

static void run_failing(void)
{
	offer();
	sim_netback_plug(&back);
	if (net_open("0", &net, clock_deadline(60 * FATA_NS_PER_S)) == 0) {
		send_frame(700, clock_deadline(MS));
		sim_netback_send(&back, data, 5000, 0, 0);
		net_frame_free(receive_frame(clock_deadline(MS)));
	}
	sim_netback_unplug(&back);
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

/* --- rings: classes 1 to 11 ----------------------------------------------- */

static uint32_t nonsense(void)
{
	return sim_chance(2) ? RING + 1 + (uint32_t)sim_below(RING)
			     : (uint32_t)sim_below(UINT32_MAX - 2 * RING) +
				       2 * RING;
}

static void run_1(void)
{
	start_wrong();
	back.holds = true; /* and so does not put it right */
	if (sim_chance(2)) {
		back.rx.page->rsp_prod = back.rx.rsp_prod + nonsense();
	} else {
		back.tx.page->rsp_prod = back.tx.rsp_prod + nonsense();
		send_frame(100, 0);
	}
	sim_netback_kick(&back);
	expect_broken();
	close_net();
}

static void class_01_too_many_responses(void **state)
{
	(void)state;
	sim_runs(40, run_1);
}

static void class_02_producer_goes_back(void **state)
{
	(void)state;
	start_wrong();
	for (unsigned i = 0; i < 10; i++)
		expect_working();
	back.rx.page->rsp_prod -= 1 + (uint32_t)sim_below(9);
	sim_netback_kick(&back);
	expect_broken();
	close_net();
}

/* Rings start at 0xffffff00: more than 256 frames pass the wrap. */
static void class_03_indices_wrap(void **state)
{
	(void)state;
	start_wrong();
	for (unsigned i = 0; i < 3 * RING; i++)
		expect_working();
	CHECK(back.rx.rsp_prod < 0x10000 && back.tx.rsp_prod < 0x10000);
	close_net();
}

/* Somebody writes into a ring at any moment, also what only we write. */
static void scribble(void *arg)
{
	struct ring_page *p = sim_chance(2) ? back.tx.page : back.rx.page;
	unsigned char *b = (unsigned char *)p;

	(void)arg;
	if (back.connected && sim_chance(20))
		b[sim_chance(4) ? sim_below(16) : 64 + sim_below(4032)] =
			(unsigned char)sim_random();
}

static void run_scribble(void)
{
	offer();
	back.loops = true;
	back.wrong = true;
	open_net();
	sim.step_chance = 2;
	sim.hostile = scribble;
	for (unsigned i = 0; i < 100; i++) {
		struct net_frame *f;

		send_frame(some_size(), clock_deadline(MS));
		f = receive_frame(clock_deadline(MS));
		CHECK(!f || (f->size >= 14 && f->size <= NET_PIECES * 4096u));
		net_frame_free(f);
	}
	sim.hostile = NULL;
	sim.step_chance = 0;
	close_net();
	start_wrong();
	expect_working();
	close_net();
}

static void class_04_05_ring_changed_meanwhile(void **state)
{
	(void)state;
	sim_runs(80, run_scribble);
}

static bool twice(struct sim_netback *b, union sim_net_tx *a)
{
	ring_back_put(&b->tx, a, sizeof(*a));
	return true;
}

/* So that there is room for an answer too many. */
static void send_two_with(bool (*twist)(struct sim_netback *,
					union sim_net_tx *))
{
	start_wrong();
	back.holds = true;
	for (unsigned i = 0; i < 4; i++)
		CHECK(send_frame(100, 0) == 1);
	sim_sleep(MS);
	back.opens = 2;
	back.twist = twist;
	sim_netback_go(&back);
	sim_netback_kick(&back);
	expect_broken();
	close_net();
}

static void class_06_response_twice(void **state)
{
	(void)state;
	send_two_with(twice);
}

static bool large_id(struct sim_netback *b, union sim_net_tx *a)
{
	(void)b;
	a->response.id = (uint16_t)(RING + sim_below(65536 - RING));
	return true;
}

static void class_07_id_too_large(void **state)
{
	(void)state;
	send_two_with(large_id);
}

static bool to_nothing(struct sim_netback *b, union sim_net_tx *a)
{
	(void)b;
	a->response.status = NETIF_RSP_NULL;
	return true;
}

/* An answer without an id, where no extra info was sent. */
static void class_09_answer_to_nothing(void **state)
{
	(void)state;
	send_two_with(to_nothing);
}

static void class_09_answers_out_of_order(void **state)
{
	(void)state;
	start_wrong();
	for (unsigned i = 0; i < 20; i++) {
		back.holds = true;
		for (unsigned k = 0; k < 40; k++)
			CHECK(send_frame(100, SOON) == 1);
		sim_sleep(MS);
		for (unsigned k = 0; k + 1 < back.opens; k++) {
			unsigned other = (unsigned)sim_below(back.opens);
			union sim_net_tx t = back.open[k];

			back.open[k] = back.open[other];
			back.open[other] = t;
		}
		back.holds = false;
		sim_netback_go(&back);
		expect_working();
	}
	close_net();
}

/* Answer every page at once with nothing, for ever. */
static void endless(void *arg)
{
	union sim_net_rx q, a;

	(void)arg;
	memset(&a, 0, sizeof(a));
	while (sim_netback_page(&back, &q)) {
		a.response.id = q.request.id;
		sim_netback_answer(&back, a);
	}
	if (back.connected)
		sim_netback_show(&back);
}

static void class_10_endless_supply(void **state)
{
	struct net_frame *f;
	uint64_t before;

	(void)state;
	start_wrong();
	before = figures().rx_dropped;
	sim.step_chance = 1;
	sim.hostile = endless;
	CHECK(net_receive(net, &f, 1, 0) == -ETIMEDOUT);
	CHECK(net_receive(net, &f, 1, clock_deadline(10 * MS)) == -ETIMEDOUT);
	sim.hostile = NULL;
	sim.step_chance = 0;
	CHECK(figures().rx_dropped > before + RING);
	drain(); /* what came last */
	expect_working();
	close_net();
}

static void class_11_27_no_event_ever(void **state)
{
	struct net_frame *f;

	(void)state;
	start_wrong();
	back.silent = true;
	back.rx.page->rsp_event = (uint32_t)sim_random();
	sim_netback_send(&back, data, 100, 0, 0);
	f = receive_frame(clock_deadline(MS));
	CHECK(f); /* seen at the deadline at the latest */
	net_frame_free(f);
	back.tx.page->rsp_event = (uint32_t)sim_random();
	for (unsigned i = 0; i < 3 * RING; i++)
		CHECK(send_frame(100, clock_deadline(MS)) <= 1);
	CHECK(back.frames > 2 * RING);
	back.silent = false;
	sim_sleep(MS);
	expect_working();
	close_net();
}

/* --- lengths and flags: classes 12 to 18 ---------------------------------- */

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

	CHECK(sim_netback_page(&back, &q));
	sim_netback_answer(&back, a);
}

static void answer_frame(int16_t status, uint16_t offset, uint16_t flags)
{
	put_answer(answer_of(status, offset, flags));
}

/* The device works on and the frame is counted as dropped. */
static void expect_dropped(void)
{
	uint64_t before = figures().rx_dropped;

	sim_netback_show(&back);
	CHECK(!receive_frame(clock_deadline(MS)));
	CHECK(figures().rx_dropped == before + 1);
	expect_working();
}

static void class_12_data_beyond_the_page(void **state)
{
	static const struct {
		int16_t status;
		uint16_t offset;
	} bad[] = {{4097, 0}, {1, 4096}, {100, 4000}, {32767, 65535},
		   {64, 65500}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		start_wrong();
		answer_frame(bad[i].status, bad[i].offset, 0);
		sim_netback_show(&back);
		expect_broken();
		close_net();
	}
	start_wrong();
	answer_frame(96, 4000, 0); /* just within */
	sim_netback_show(&back);
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
	sim_netback_show(&back);
	net_frame_free(receive_frame(SOON));
	expect_working();
	close_net();
}

static void class_15_chains(void **state)
{
	(void)state;
	start_wrong();
	answer_frame(100, 0, NETRXF_more_data); /* and then nothing */
	sim_netback_show(&back);
	expect_broken();
	close_net();
	start_wrong();
	for (unsigned i = 0; i < 60; i++)
		answer_frame(4096, 0, NETRXF_more_data);
	sim_netback_show(&back);
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
	sim_netback_show(&back);
	expect_broken();
	close_net();
	start_wrong();
	answer_frame(100, 0, NETRXF_extra_info);
	for (unsigned i = 0; i < 100; i++)
		put_extra(XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE,
			  1400, XEN_NETIF_GSO_TYPE_TCPV4);
	sim_netback_show(&back);
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
	sim_netback_show(&back);
	drain();
	expect_broken();
	sim_netback_go(&back);
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

/* --- grants and events: classes 19 to 28 ---------------------------------- */

static void class_19_21_page_kept_after_sending(void **state)
{
	(void)state;
	start_wrong();
	back.keeps = true;
	CHECK(send_frame(1000, SOON) == 1);
	sim_sleep(MS);
	sim_netback_kick(&back);
	expect_broken();
	/* its page is in quarantine: the simulator watches for its reuse */
	for (unsigned i = 0; i < 100; i++)
		net_frame_free(net_frame_alloc(net, 60000, 0));
	back.keeps = false;
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
	CHECK(sim_netback_page(&back, &q));
	CHECK(sim_grant_map(SIM_DOM0, sim_guest, q.request.gref, false, NULL));
	sim_netback_answer(&back, answer_of(100, 0, 0));
	sim_netback_show(&back);
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
		CHECK(sim_netback_page(&back, &q));
		CHECK(shows_nothing(&back, q.request.gref, 0));
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
	offer();
	sim_netback_plug(&back);
	CHECK(net_open("0", &net, clock_deadline(5 * FATA_NS_PER_S)) < 0);
	while (n)
		gnttab_free(refs[--n]);
	sim_netback_unplug(&back);
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
	before = figures().interrupts;
	for (unsigned i = 0; i < 20000; i++) {
		sim_netback_kick(&back);
		sim_sleep(10000);
	}
	/* 200 ms of it: far fewer got through */
	CHECK(figures().interrupts - before < 10000);
	expect_working();
	close_net();
}

static void class_28_30_peer_closes_its_channels(void **state)
{
	(void)state;
	start_wrong();
	sim_evtchn_close(SIM_DOM0, back.tx_port);
	sim_evtchn_close(SIM_DOM0, back.rx_port);
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
		cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_large_frames_keep_their_gso),
		cmocka_unit_test(test_full_ring_waits),
		cmocka_unit_test(test_restart_with_frames_in_flight),
		cmocka_unit_test(test_plugged_in_again),
		cmocka_unit_test(test_suspend_with_frames_in_flight),
		cmocka_unit_test(test_flood_without_memory),
		cmocka_unit_test(test_flood_when_all_memory_is_gone),
		cmocka_unit_test(class_01_too_many_responses),
		cmocka_unit_test(class_02_producer_goes_back),
		cmocka_unit_test(class_03_indices_wrap),
		cmocka_unit_test(class_04_05_ring_changed_meanwhile),
		cmocka_unit_test(class_06_response_twice),
		cmocka_unit_test(class_07_id_too_large),
		cmocka_unit_test(class_09_answer_to_nothing),
		cmocka_unit_test(class_09_answers_out_of_order),
		cmocka_unit_test(class_10_endless_supply),
		cmocka_unit_test(class_11_27_no_event_ever),
		cmocka_unit_test(class_12_data_beyond_the_page),
		cmocka_unit_test(class_13_negative_status),
		cmocka_unit_test(class_14_short_frames),
		cmocka_unit_test(class_15_chains),
		cmocka_unit_test(class_16_extra_infos),
		cmocka_unit_test(class_17_gso),
		cmocka_unit_test(class_18_error_with_frames_in_flight),
		cmocka_unit_test(class_19_21_page_kept_after_sending),
		cmocka_unit_test(class_20_page_kept_after_receiving),
		cmocka_unit_test(class_22_old_content_is_not_shown),
		cmocka_unit_test(class_24_no_grants_left),
		cmocka_unit_test(class_26_storm_of_events),
		cmocka_unit_test(class_28_30_peer_closes_its_channels),
	};
	const struct CMUnitTest fresh[] = {
		cmocka_unit_test(test_each_allocation_fails),
		cmocka_unit_test(test_each_hypercall_fails),
		cmocka_unit_test(test_each_reply_fails),
	};
	int failed = cmocka_run_group_tests_name("netfront, n-th failure",
						 fresh, NULL, NULL);

	return failed + cmocka_run_group_tests_name("netfront", tests,
						    sim_setup, NULL);
}
