/* SPDX-License-Identifier: ISC */
/*
 * netfront: rings that a backend may do anything with, classes 1 to 11 of what
 * a frontend must survive. The device breaks, the guest goes on.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>

#include "lib/sim_net.h"

static uint32_t nonsense(void)
{
	return sim_chance(2)
		       ? RING + 1 + (uint32_t)sim_below(RING)
		       : (uint32_t)sim_below(UINT32_MAX - 2 * RING) + 2 * RING;
}

static void run_1(void)
{
	start_wrong();
	nb.holds = true; /* and so does not put it right */
	if (sim_chance(2)) {
		nb.rx.page->rsp_prod = nb.rx.rsp_prod + nonsense();
	} else {
		nb.tx.page->rsp_prod = nb.tx.rsp_prod + nonsense();
		send_frame(100, 0);
	}
	sim_netback_kick(&nb);
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
	nb.rx.page->rsp_prod -= 1 + (uint32_t)sim_below(9);
	sim_netback_kick(&nb);
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
	CHECK(nb.rx.rsp_prod < 0x10000 && nb.tx.rsp_prod < 0x10000);
	close_net();
}

/* Somebody writes into a ring at any moment, also what only we write. */
static void scribble(void *arg)
{
	struct ring_page *p = sim_chance(2) ? nb.tx.page : nb.rx.page;
	unsigned char *b = (unsigned char *)p;

	(void)arg;
	if (nb.connected && sim_chance(20))
		b[sim_chance(4) ? sim_below(16) : 64 + sim_below(4032)] =
			(unsigned char)sim_random();
}

static void run_scribble(void)
{
	offer_net();
	nb.loops = true;
	nb.wrong = true;
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
	nb.holds = true;
	for (unsigned i = 0; i < 4; i++)
		CHECK(send_frame(100, 0) == 1);
	sim_sleep(MS);
	nb.opens = 2;
	nb.twist = twist;
	sim_netback_go(&nb);
	sim_netback_kick(&nb);
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
		nb.holds = true;
		for (unsigned k = 0; k < 40; k++)
			CHECK(send_frame(100, SOON) == 1);
		sim_sleep(MS);
		for (unsigned k = 0; k + 1 < nb.opens; k++) {
			unsigned other = (unsigned)sim_below(nb.opens);
			union sim_net_tx t = nb.open[k];

			nb.open[k] = nb.open[other];
			nb.open[other] = t;
		}
		nb.holds = false;
		sim_netback_go(&nb);
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
	while (sim_netback_page(&nb, &q)) {
		a.response.id = q.request.id;
		sim_netback_answer(&nb, a);
	}
	if (nb.connected)
		sim_netback_show(&nb);
}

static void class_10_endless_supply(void **state)
{
	struct net_frame *f;
	uint64_t before;

	(void)state;
	start_wrong();
	before = net_figures().rx_dropped;
	sim.step_chance = 1;
	sim.hostile = endless;
	CHECK(net_receive(net, &f, 1, 0) == -ETIMEDOUT);
	CHECK(net_receive(net, &f, 1, clock_deadline(10 * MS)) == -ETIMEDOUT);
	sim.hostile = NULL;
	sim.step_chance = 0;
	CHECK(net_figures().rx_dropped > before + RING);
	drain_net(); /* what came last */
	expect_working();
	close_net();
}

static void class_11_27_no_event_ever(void **state)
{
	struct net_frame *f;

	(void)state;
	start_wrong();
	nb.silent = true;
	nb.rx.page->rsp_event = (uint32_t)sim_random();
	sim_netback_send(&nb, noise, 100, 0, 0);
	f = receive_frame(clock_deadline(MS));
	CHECK(f); /* seen at the deadline at the latest */
	net_frame_free(f);
	nb.tx.page->rsp_event = (uint32_t)sim_random();
	for (unsigned i = 0; i < 3 * RING; i++)
		CHECK(send_frame(100, clock_deadline(MS)) <= 1);
	CHECK(nb.frames > 2 * RING);
	nb.silent = false;
	sim_sleep(MS);
	expect_working();
	close_net();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("netfront: rings", tests, sim_setup,
					   NULL);
}
