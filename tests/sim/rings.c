/* SPDX-License-Identifier: ISC */
/*
 * Rings against hostile peers: the fault classes 1 to 11 of our list
 * (docs/simulator.md), 23 and 55, one test each. Byte rings are in byte_ring.c.
 *
 * The device under test is the smallest that has everything: requests with an
 * id and a value, answered with the same id and the value plus one. Its front
 * end uses ring.h as a driver does.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/page.h>
#include <fata/xen/evtchn.h>

#include "lib/sim.h"
#include "xen/ring.h"

struct request {
	uint64_t id, value;
	uint32_t op;
};

struct response {
	uint64_t id, value;
	uint32_t op;
};

#define SLOT 24
#define SIZE 128 /* slots in a page */
#define WRAP 0xffffff00u

/* --- the front end -------------------------------------------------------- */

struct front {
	struct ring_front ring;
	struct ring_ids ids;
	uint16_t next[SIZE];
	uint64_t value[SIZE]; /* by id: what we asked */
	struct evtchn evtchn;
	uint64_t done;
	int error;
};

static struct front *front_new(void)
{
	static struct front f;
	void *page = page_alloc(0);

	CHECK(page);
	memset(&f, 0, sizeof(f));
	ring_front_init(&f.ring, page, PAGE_SIZE, SLOT, RING_START);
	CHECK(f.ring.size == SIZE && RING_START == WRAP);
	ring_ids_init(&f.ids, f.next, SIZE);
	return &f;
}

static void front_end(struct front *f)
{
	page_free(f->ring.page, 0);
}

/* Ask as much as fits, at most n; how many. */
static unsigned int ask(struct front *f, unsigned int n)
{
	unsigned int asked = 0;

	while (asked < n && ring_front_free(&f->ring)) {
		int id = ring_ids_get(&f->ids);
		struct request req = {.id = id, .op = 7};

		if (id < 0)
			break;
		req.value = f->value[id] = sim_random();
		CHECK(ring_front_put(&f->ring, &req, sizeof(req)) == 0);
		asked++;
	}
	ring_front_push(&f->ring);
	return asked;
}

/* Take what there is. A bad response breaks the device and nothing else. */
static void take(struct front *f)
{
	struct response rsp;
	int rc;

	while ((rc = ring_front_get(&f->ring, &rsp, sizeof(rsp))) > 0) {
		rc = ring_ids_put(&f->ids, rsp.id);
		if (rc == 0 && rsp.op != 7)
			rc = -EPROTO;
		if (rc)
			break;
		CHECK(rsp.id < SIZE);
		f->done++;
	}
	if (rc < 0 && !f->error)
		f->error = rc;
}

/* --- an honest back end --------------------------------------------------- */

static void serve(struct front *f, struct ring_back *b)
{
	struct request req;

	while (ring_back_get(b, &req, sizeof(req)) > 0) {
		struct response rsp = {.id = req.id, .op = req.op};

		rsp.value = req.value + 1;
		CHECK(req.value == f->value[req.id]);
		CHECK(ring_back_put(b, &rsp, sizeof(rsp)) == 0);
	}
	ring_back_push(b);
}

static void back_init(struct ring_back *b, struct front *f)
{
	ring_back_init(b, f->ring.page, PAGE_SIZE, SLOT, WRAP);
}

static struct ring_page *page_of(struct front *f)
{
	return f->ring.page;
}

/* --- the classes ---------------------------------------------------------- */

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

/* The peer rewrites slots and indices at every step between ours. */
static void rewrite(void *arg)
{
	struct ring_page *p = page_of(arg);
	size_t at =
		sim_chance(8) ? sim_below(16) : 64 + sim_below(PAGE_SIZE - 64);

	((unsigned char *)p)[at] = sim_random();
}

static void run_4(void)
{
	struct front *f = front_new();
	struct ring_back b;

	back_init(&b, f);
	sim.hostile = rewrite;
	sim.hostile_arg = f;
	sim.step_chance = 2;
	for (unsigned int i = 0; i < 20 && !f->error; i++) {
		ask(f, 1 + sim_below(SIZE));
		page_of(f)->rsp_prod += sim_below(SIZE);
		take(f);
	}
	/* what was believed was in flight: never more than was asked */
	CHECK(f->ids.busy <= SIZE);
	sim.step_chance = 0;
	front_end(f);
}

static void class_4_slot_rewritten(void **state)
{
	(void)state;
	sim_runs(2000, run_4);
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

static void answer_id(struct front *f, uint64_t id)
{
	struct response rsp = {.id = id, .op = 7};

	memcpy(page_of(f)->slots + (page_of(f)->rsp_prod % SIZE) * SLOT, &rsp,
	       sizeof(rsp));
	page_of(f)->rsp_prod++;
}

static void class_6_response_twice(void **state)
{
	struct front *f = front_new();

	(void)state;
	ask(f, 4);
	answer_id(f, 2);
	answer_id(f, 2);
	take(f);
	CHECK(f->done == 1 && f->error == -EPROTO);
	front_end(f);
	f = front_new();
	ask(f, 4);
	answer_id(f, 5); /* never asked */
	take(f);
	CHECK(f->done == 0 && f->error == -EPROTO);
	front_end(f);
}

static void run_7(void)
{
	struct front *f = front_new();
	uint64_t id = sim_random() >> sim_below(64);

	ask(f, SIZE);
	answer_id(f, id);
	take(f);
	CHECK(id < SIZE ? f->done == 1 : f->error == -EPROTO);
	front_end(f);
}

/* Also class 8: an id is a number, whatever the peer makes of it. */
static void class_7_8_any_id(void **state)
{
	(void)state;
	sim_runs(5000, run_7);
}

static void run_9(void)
{
	struct front *f = front_new();
	unsigned int n = ask(f, 2 + sim_below(SIZE - 2));
	uint16_t order[SIZE];

	for (unsigned int i = 0; i < n; i++)
		order[i] = i;
	for (unsigned int i = n - 1; i > 0; i--) {
		unsigned int k = sim_below(i + 1);
		uint16_t o = order[i];

		order[i] = order[k];
		order[k] = o;
	}
	for (unsigned int i = 0; i < n; i++)
		answer_id(f, order[i]);
	take(f);
	CHECK(f->done == n && !f->error && f->ids.busy == 0);
	front_end(f);
}

static void class_9_out_of_order(void **state)
{
	(void)state;
	sim_runs(2000, run_9);
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

/*
 * What a slot held before, and what a stack held, must not be seen by the
 * peer: a request is written to its last byte, and nothing beside it is.
 */
static void run_23(void)
{
	struct front *f = front_new();
	unsigned char *slots = page_of(f)->slots;
	unsigned int n = 1 + sim_below(SIZE);

	memset(slots, 0xa5, SIZE * SLOT);
	ask(f, n);
	for (unsigned int i = 0; i < SIZE; i++) {
		unsigned char *slot = slots + (WRAP + i) % SIZE * SLOT;
		struct request req;

		memcpy(&req, slot, sizeof(req));
		for (unsigned int k = 0; k < SLOT; k++) {
			bool padding = k >= offsetof(struct request, op) + 4;

			if (i >= n)
				CHECK(slot[k] == 0xa5);
			else if (padding)
				CHECK(slot[k] == 0);
		}
		CHECK(i >= n || (req.op == 7 && req.id < SIZE));
	}
	front_end(f);
}

static void class_23_nothing_of_ours_leaks(void **state)
{
	(void)state;
	sim_runs(500, run_23);
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
		cmocka_unit_test(class_4_slot_rewritten),
		cmocka_unit_test(class_5_own_words_rewritten),
		cmocka_unit_test(class_6_response_twice),
		cmocka_unit_test(class_7_8_any_id),
		cmocka_unit_test(class_9_out_of_order),
		cmocka_unit_test(class_10_endless_responses),
		cmocka_unit_test(class_11_event_index),
		cmocka_unit_test(hold_off_loses_nothing),
		cmocka_unit_test(class_23_nothing_of_ours_leaks),
		cmocka_unit_test(class_55_too_many_requests),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
