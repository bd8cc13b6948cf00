/* SPDX-License-Identifier: ISC */
/*
 * Rings against hostile peers: what is in the slots. Fault classes 4, 6 to 9
 * and 23 of our list (docs/simulator.md).
 */
#include "lib/sim_ring.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_4_slot_rewritten),
		cmocka_unit_test(class_6_response_twice),
		cmocka_unit_test(class_7_8_any_id),
		cmocka_unit_test(class_9_out_of_order),
		cmocka_unit_test(class_23_nothing_of_ours_leaks),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
