/* SPDX-License-Identifier: ISC */
/*
 * Our pages granted: references and waiters, quarantine, a peer that does not
 * let go; the fault classes 19 to 22 and 24 of our list (docs/simulator.md),
 * one test each. Pages of others: grants_map.c.
 */
#include <errno.h>
#include <string.h>

#include <fata/task.h>

#include "lib/sim_grants.h"

static void test_share(void **state)
{
	unsigned char *p = page(), *peer;
	uint32_t ref;
	int status;

	(void)state;
	p[17] = 42;
	CHECK(gnttab_share(&ref, 0, p, false, 0) == 0);
	CHECK(gnttab_grant_access(ref, 0, p, true) == -EBUSY);
	CHECK(!sim_grant_map(SIM_DOM0, sim_guest, ref, false, &status));
	peer = sim_grant_map(SIM_DOM0, sim_guest, ref, true, &status);
	CHECK(peer && peer[17] == 42);
	CHECK(gnttab_end_access(ref) == -EBUSY);
	CHECK(gnttab_end_access_wait(ref, clock_deadline(FATA_NS_PER_S)) ==
	      -EBUSY);
	sim_grant_unmap(sim_guest, ref, true);
	CHECK(gnttab_end_access(ref) == 0);
	CHECK(!sim_grant_map(SIM_DOM0, sim_guest, ref, true, &status));
	gnttab_free(ref);
	page_free(p, 0);
}

static void test_bad_arguments(void **state)
{
	unsigned char *p = page();
	uint32_t ref;

	(void)state;
	CHECK(gnttab_share(&ref, 0, p + 1, true, 0) == -EINVAL);
	CHECK(gnttab_grant_access(0, 0, p, true) == -EINVAL);
	CHECK(gnttab_grant_access(1 << 20, 0, p, true) == -EINVAL);
	CHECK(gnttab_alloc(&ref, 1 << 20, soon()) == -ENOSPC);
	page_free(p, 0);
}

#define LIMIT (64 * 512 / VERSION - 8)

/* All references that the host allows, each once. */
static void test_all_references(void **state)
{
	static uint32_t refs[LIMIT];
	static bool seen[LIMIT + 8];
	struct gnttab_stat s;
	uint32_t one;

	(void)state;
	CHECK(gnttab_alloc(refs, 3000, 0) == 0);
	CHECK(gnttab_alloc(refs + 3000, LIMIT - 3000, 0) == 0);
	CHECK(gnttab_alloc(&one, 1, 0) == -ENOSPC);
	CHECK(gnttab_alloc(&one, 1, clock_deadline(1000)) == -ETIMEDOUT);
	for (int i = 0; i < LIMIT; i++) {
		CHECK(refs[i] >= 8 && refs[i] < LIMIT + 8 && !seen[refs[i]]);
		seen[refs[i]] = true;
	}
	gnttab_stat(&s);
	CHECK(s.total == LIMIT && s.free == 0 && s.max == LIMIT);
	CHECK(s.version == VERSION);
	for (int i = 0; i < LIMIT; i++)
		gnttab_free(refs[i]);
	gnttab_stat(&s);
	CHECK(s.free == LIMIT && s.waiting == 0);
}

/* --- waiters -------------------------------------------------------------- */

static unsigned int turn;

struct waiter {
	struct task *task;
	unsigned int n, order;
	uint32_t refs[64];
	int rc;
};

static int wait_for_refs(void *arg)
{
	struct waiter *w = arg;

	w->rc = gnttab_alloc(w->refs, w->n, soon());
	w->order = turn++;
	return 0;
}

/* Served in the order of asking, however few the later ones want. */
static void class_24_table_full(void **state)
{
	static const unsigned int want[] = {64, 1, 10, 1};
	static uint32_t all[LIMIT];
	struct waiter w[4];

	(void)state;
	turn = 0;
	CHECK(gnttab_alloc(all, LIMIT, 0) == 0);
	for (int i = 0; i < 4; i++) {
		w[i] = (struct waiter){.n = want[i]};
		CHECK(fata_task_spawn(&w[i].task, NULL, wait_for_refs, &w[i]) ==
		      0);
		fata_yield();
	}
	for (int i = 0; i < 63; i++)
		gnttab_free(all[i]);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(turn == 0);
	for (int i = 63; i < 63 + 13; i++)
		gnttab_free(all[i]);
	for (int i = 0; i < 4; i++) {
		CHECK(fata_task_join(w[i].task, NULL, soon()) == 0);
		CHECK(w[i].rc == 0 && w[i].order == (unsigned int)i);
		for (unsigned int k = 0; k < w[i].n; k++)
			gnttab_free(w[i].refs[k]);
	}
	for (int i = 76; i < LIMIT; i++)
		gnttab_free(all[i]);
}

/* One who gives up is not served, and does not hold up the others. */
static void test_cancelled_waiter(void **state)
{
	static uint32_t all[LIMIT];
	struct waiter w[2] = {{.n = 64}, {.n = 1}};
	struct gnttab_stat s;

	(void)state;
	turn = 0;
	CHECK(gnttab_alloc(all, LIMIT, 0) == 0);
	gnttab_free(all[0]);
	for (int i = 0; i < 2; i++) {
		fata_task_spawn(&w[i].task, NULL, wait_for_refs, &w[i]);
		fata_yield();
	}
	fata_task_cancel(w[0].task);
	for (int i = 0; i < 2; i++)
		CHECK(fata_task_join(w[i].task, NULL, soon()) == 0);
	CHECK(w[0].rc == -ECANCELED && w[1].rc == 0);
	gnttab_free(w[1].refs[0]);
	for (int i = 1; i < LIMIT; i++)
		gnttab_free(all[i]);
	gnttab_stat(&s);
	CHECK(s.free == LIMIT);
}

/* --- a peer that does not let go ------------------------------------------ */

struct hold {
	uint32_t ref;
	bool readonly;
};

static void let_go(void *arg)
{
	struct hold *h = arg;

	sim_grant_unmap(sim_guest, h->ref, h->readonly);
}

/* The peer keeps some pages of a block for a while; nobody gets them. */
static void run_19(void)
{
	unsigned int order = sim_below(4), n = 1u << order, left = 0;
	unsigned char *p = page_alloc(order);
	uint32_t refs[8];
	struct hold hold[8];
	struct gnttab_stat s;

	CHECK(p && gnttab_alloc(refs, n, 0) == 0);
	for (unsigned int i = 0; i < n; i++) {
		bool readonly = sim_chance(2);

		CHECK(gnttab_grant_access(refs[i], 0, p + i * PAGE_SIZE,
					  !readonly) == 0);
		if (sim_chance(2))
			continue;
		CHECK(sim_grant_map(SIM_DOM0, sim_guest, refs[i], readonly,
				    NULL));
		hold[left] = (struct hold){refs[i], readonly};
		sim_after(sim_below(5 * FATA_NS_PER_S), let_go, &hold[left]);
		left++;
	}
	CHECK(gnttab_end_pages(refs, n, p, order) == left);
	gnttab_stat(&s);
	CHECK(s.quarantine == left && s.pages == (left ? n : 0));
	sim_sleep(3 * FATA_NS_PER_S);
	/* page_free of the simulator checks that nobody maps the page */
	sim_sleep(5 * FATA_NS_PER_S);
	gnttab_stat(&s);
	CHECK(s.quarantine == 0 && s.pages == 0);
}

static void class_19_21_revoke_while_mapped(void **state)
{
	(void)state;
	sim_runs(1000, run_19);
}

/* The peer maps between any two steps of the revocation. */
struct grabber {
	uint32_t ref;
	bool mapped;
};

static void grab(void *arg)
{
	struct grabber *g = arg;

	if (g->mapped) {
		sim_grant_unmap(sim_guest, g->ref, false);
		g->mapped = false;
	} else if (sim_grant_map(SIM_DOM0, sim_guest, g->ref, false, NULL)) {
		g->mapped = true;
	}
}

static void run_20(void)
{
	unsigned char *p = page();
	struct grabber g = {0};
	int rc;

	CHECK(gnttab_share(&g.ref, 0, p, true, 0) == 0);
	sim.hostile = grab;
	sim.hostile_arg = &g;
	sim.step_chance = 1 + sim_below(3);
	rc = gnttab_end_access(g.ref);
	sim.step_chance = 0;
	if (rc == 0) {
		CHECK(!g.mapped);
		CHECK(!sim_grant_map(SIM_DOM0, sim_guest, g.ref, true, NULL));
	} else if (g.mapped) {
		grab(&g);
	}
	CHECK(gnttab_end_access(g.ref) == 0);
	gnttab_free(g.ref);
	page_free(p, 0);
}

static void class_20_map_during_revoke(void **state)
{
	(void)state;
	sim_runs(5000, run_20);
}

/* What a peer sees of a fresh page is zero, whatever was there before. */
static void class_22_fresh_pages_are_zero(void **state)
{
	uint32_t ref;

	(void)state;
	for (int i = 0; i < 50; i++) {
		unsigned char *p = page(), *peer;

		CHECK(gnttab_share(&ref, 0, p, false, 0) == 0);
		peer = sim_grant_map(SIM_DOM0, sim_guest, ref, true, NULL);
		for (int k = 0; k < PAGE_SIZE; k++)
			CHECK(peer[k] == 0);
		memset(p, 0xaa, PAGE_SIZE);
		sim_grant_unmap(sim_guest, ref, true);
		CHECK(gnttab_end_pages(&ref, 1, p, 0) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_all_references),
		cmocka_unit_test(class_24_table_full),
		cmocka_unit_test(test_cancelled_waiter),
		cmocka_unit_test(class_19_21_revoke_while_mapped),
		cmocka_unit_test(class_20_map_during_revoke),
		cmocka_unit_test(class_22_fresh_pages_are_zero),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
