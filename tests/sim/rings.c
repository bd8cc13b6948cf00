/* SPDX-License-Identifier: ISC */
/*
 * Rings against hostile peers: the indices. Fault classes 1 to 3, 5, 10, 11 and
 * 55 of our list (docs/simulator.md), one test each. What is in the slots:
 * rings_slots.c; byte rings: byte_ring.c.
 */
#include "lib/sim_ring.h"

static void run_1(void)
{
	struct front *f = front_new();
	unsigned int n = ask(f, 1 + sim_below(SIZE));

	/* more answers than questions, by one or by billions */
	page_of(f)->rsp_prod =
		WRAP + n + 1 +
		(sim_chance(2) ? 0 : sim_below(UINT32_MAX - 2 * SIZE));
	take(f);
	CHECK(f->error == -EPROTO && f->done == 0);
	CHECK(ring_front_put(&f->ring, f, SLOT) == -EPROTO);
	CHECK(ring_front_arm(&f->ring) == -EPROTO);
	front_end(f);
}

static void class_1_too_many_responses(void **state)
{
	(void)state;
	sim_runs(2000, run_1);
}

static void class_2_producer_goes_back(void **state)
{
	struct front *f = front_new();
	struct ring_back b;

	(void)state;
	back_init(&b, f);
	ask(f, 10);
	serve(f, &b);
	take(f);
	CHECK(f->done == 10);
	ask(f, 10);
	page_of(f)->rsp_prod = WRAP + 5;
	take(f);
	CHECK(f->error == -EPROTO && f->done == 10);
	front_end(f);
}

/* Far past the wrap of all indices, in all batch sizes. */
static void class_3_wrap(void **state)
{
	struct front *f = front_new();
	struct ring_back b;

	(void)state;
	back_init(&b, f);
	for (unsigned int i = 0; i < 4000; i++) {
		uint64_t before = f->done;
		unsigned int n = ask(f, 1 + sim_below(SIZE));

		CHECK(n > 0);
		serve(f, &b);
		take(f);
		CHECK(f->done == before + n && !f->error);
	}
	CHECK(f->ring.rsp_cons < WRAP);
	front_end(f);
}

/* What we have written may be changed; we never read it back. */
static void class_5_own_words_rewritten(void **state)
{
	struct front *f = front_new();
	struct ring_back b;

	(void)state;
	back_init(&b, f);
	ask(f, 10);
	serve(f, &b);
	page_of(f)->req_prod = 12345;
	page_of(f)->rsp_event = 54321;
	take(f);
	CHECK(f->done == 10 && !f->error);
	CHECK(ring_front_free(&f->ring) == SIZE);
	CHECK(ask(f, SIZE) == SIZE);
	CHECK(page_of(f)->req_prod == WRAP + 10 + SIZE);
	front_end(f);
}

/* Whenever we look the peer has one more; still every look ends. */
static void one_more(void *arg)
{
	page_of(arg)->rsp_prod++;
}

static void run_10(void)
{
	struct front *f = front_new();
	unsigned int n = ask(f, 1 + sim_below(SIZE));

	sim.hostile = one_more;
	sim.hostile_arg = f;
	sim.step_chance = 1;
	for (unsigned int i = 0; i < 1000; i++)
		take(f);
	sim.step_chance = 0;
	CHECK(f->done <= n);
	front_end(f);
}

static void class_10_endless_responses(void **state)
{
	(void)state;
	sim_runs(200, run_10);
}

/*
 * The peer's event index is garbage: we may not notify it, it may not notify
 * us. Polling at a deadline finds the answer all the same.
 */
static void run_11(void)
{
	struct front *f = front_new();
	struct ring_back b;

	back_init(&b, f);
	page_of(f)->req_event = sim_random();
	ask(f, 5);
	serve(f, &b);
	page_of(f)->rsp_event = sim_random();
	CHECK(ring_front_arm(&f->ring) == 1);
	take(f);
	CHECK(f->done == 5 && ring_front_arm(&f->ring) == 0);
	CHECK(page_of(f)->rsp_event == f->ring.rsp_cons + 1);
	front_end(f);
}

static void class_11_event_index(void **state)
{
	(void)state;
	sim_runs(2000, run_11);
}

/* Arming finds what arrives between the last look and the arming. */
struct race {
	struct front *f;
	struct ring_back b;
};

static void serve_race(void *arg)
{
	struct race *r = arg;

	serve(r->f, &r->b);
}

static void run_hold_off(void)
{
	struct race r = {.f = front_new()};
	struct front *f = r.f;
	unsigned int chance = 1 + sim_below(6);
	uint64_t total = 0;

	back_init(&r.b, f);
	sim.hostile = serve_race;
	sim.hostile_arg = &r;
	sim.step_chance = chance;
	for (unsigned int i = 0; i < 30; i++) {
		total += ask(f, 1 + sim_below(8));
		take(f);
		/* as a driver: sleep only when arming found nothing */
		while (f->done < total) {
			uint32_t old = page_of(f)->rsp_prod;
			uint32_t event;

			if (ring_front_arm(&f->ring) == 1) {
				take(f);
				continue;
			}
			event = page_of(f)->rsp_event;
			sim.step_chance = 0;
			serve(f, &r.b);
			sim.step_chance = chance;
			CHECK(!f->error);
			/* asleep: the peer must have been told to wake us */
			CHECK(page_of(f)->rsp_prod - event <
				      page_of(f)->rsp_prod - old ||
			      page_of(f)->rsp_prod == old);
			take(f);
		}
	}
	CHECK(!f->error);
	sim.step_chance = 0;
	front_end(f);
}

static void hold_off_loses_nothing(void **state)
{
	(void)state;
	sim_runs(1000, run_hold_off);
}

/* Our back end, hostile front end. */
static void run_55(void)
{
	struct front *f = front_new();
	struct ring_back b;
	struct request req;
	unsigned int n = ask(f, 1 + sim_below(SIZE));

	back_init(&b, f);
	page_of(f)->req_prod = WRAP + SIZE + 1 + sim_below(1u << 31);
	CHECK(ring_back_get(&b, &req, sizeof(req)) == -EPROTO);
	CHECK(b.broken && ring_back_put(&b, &req, sizeof(req)) == -EPROTO);
	b.broken = false;
	page_of(f)->req_prod = WRAP + n;
	for (unsigned int i = 0; i < n; i++)
		CHECK(ring_back_get(&b, &req, sizeof(req)) == 1);
	CHECK(ring_back_get(&b, &req, sizeof(req)) == 0);
	/* the slots are not answered yet: no room for as many again */
	page_of(f)->req_prod += SIZE - n + 1;
	CHECK(ring_back_get(&b, &req, sizeof(req)) == -EPROTO);
	front_end(f);
}

static void class_55_too_many_requests(void **state)
{
	(void)state;
	sim_runs(2000, run_55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_1_too_many_responses),
		cmocka_unit_test(class_2_producer_goes_back),
		cmocka_unit_test(class_3_wrap),
		cmocka_unit_test(class_5_own_words_rewritten),
		cmocka_unit_test(class_10_endless_responses),
		cmocka_unit_test(class_11_event_index),
		cmocka_unit_test(hold_off_loses_nothing),
		cmocka_unit_test(class_55_too_many_requests),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
