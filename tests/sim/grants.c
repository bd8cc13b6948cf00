/* SPDX-License-Identifier: ISC */
/*
 * Grants: references and waiters, quarantine, mapping, copies; the fault
 * classes 19 to 24 of our list (docs/simulator.md), one test each.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/task.h>
#include <fata/xen/gnttab.h>

#include "core/param.h"
#include "lib/sim.h"
#include "lib/sim_hypercall.h"
#include "xen/gnttab.h"

static uint64_t soon(void)
{
	return clock_deadline(60 * FATA_NS_PER_S);
}

static void *page(void)
{
	void *p = page_alloc(0);

	CHECK(p);
	return p;
}

/* --- exporting ------------------------------------------------------------ */

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

/* grants_v2.c runs these tests with the other version. */
#ifndef VERSION
#define VERSION 1
#endif
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

/* --- importing ------------------------------------------------------------ */

#define MOST 200

struct offer {
	unsigned char *page[MOST];
	struct gnttab_page map[MOST];
	unsigned int n;
};

static unsigned char *peer_pages;

static void offer(struct offer *o, unsigned int n)
{
	if (!peer_pages)
		peer_pages = sim_pages(SIM_DOM0, MOST);
	o->n = n;
	for (unsigned int i = 0; i < n; i++) {
		bool readonly = sim_chance(2);

		o->page[i] = peer_pages + i * PAGE_SIZE;
		memset(o->page[i], i + 1, PAGE_SIZE);
		o->map[i] = (struct gnttab_page){.readonly = readonly};
		o->map[i].ref = sim_grant_offer(SIM_DOM0, sim_guest->id,
						o->page[i], readonly);
	}
}

static void withdraw(struct offer *o)
{
	for (unsigned int i = 0; i < o->n; i++)
		CHECK(sim_grant_withdraw(SIM_DOM0, o->map[i].ref) == 0);
}

static void run_map(void)
{
	static struct offer o;
	unsigned char *first;
	struct gnttab_stat s;

	offer(&o, 1 + sim_below(MOST));
	CHECK(gnttab_map(o.map, o.n, soon()) == 0);
	first = o.map[0].address;
	for (unsigned int i = 0; i < o.n; i++) {
		unsigned char *p = o.map[i].address;

		CHECK(p == first + i * PAGE_SIZE && o.map[i].status == 0);
		CHECK(p[0] == i + 1 && p[PAGE_SIZE - 1] == i + 1);
		if (!o.map[i].readonly) {
			p[5] = 99;
			CHECK(o.page[i][5] == 99);
		}
	}
	gnttab_stat(&s);
	CHECK(s.mapped == o.n);
	/* also in pieces */
	if (o.n > 1 && sim_chance(2)) {
		CHECK(gnttab_unmap(o.map + 1, o.n - 1) == 0);
		CHECK(gnttab_unmap(o.map, 1) == 0);
	} else {
		CHECK(gnttab_unmap(o.map, o.n) == 0);
	}
	withdraw(&o);
}

static void test_map(void **state)
{
	(void)state;
	sim_runs(200, run_map);
}

/* One bad page: nothing is mapped, and the statuses tell which. */
static void class_24_all_or_nothing(void **state)
{
	static struct offer o;
	uint32_t good;

	(void)state;
	offer(&o, 100);
	good = o.map[70].ref;
	o.map[70].ref = 40000;
	CHECK(gnttab_map(o.map, o.n, soon()) == -EINVAL);
	CHECK(o.map[70].status == -EINVAL && o.map[69].status == 0);
	CHECK(sim_maps(sim_guest) == 0);
	o.map[70].ref = good;
	o.map[3].domid = 99;
	CHECK(gnttab_map(o.map, o.n, soon()) == -ESRCH);
	CHECK(sim_maps(sim_guest) == 0);
	o.map[3].domid = 0;
	sim_guest->maptrack_max = 50;
	CHECK(gnttab_map(o.map, o.n, soon()) == -ENOSPC);
	CHECK(sim_maps(sim_guest) == 0);
	sim_guest->maptrack_max = SIM_WINDOW_PAGES;
	CHECK(gnttab_map(o.map, SIM_WINDOW_PAGES * 2, 0) == -ENOMEM);
	CHECK(gnttab_map(o.map, 0, 0) == -EINVAL);
	CHECK(gnttab_map(o.map, o.n, 0) == 0);
	CHECK(gnttab_unmap(o.map, o.n) == 0);
	withdraw(&o);
}

/* Xen refuses single operations of a batch, for a while or for good. */
static void run_24(void)
{
	static struct offer o;
	unsigned char *mine = page();
	struct gnttab_copy_op copy[8];
	int rc;

	offer(&o, 1 + sim_below(100));
	sim.fail_chance[SIM_FAIL_HYPERCALL] = 2 + sim_below(50);
	rc = gnttab_map(o.map, o.n, soon());
	for (unsigned int i = 0; i < o.n; i++)
		CHECK(rc || o.map[i].status == 0);
	if (rc == 0)
		CHECK(gnttab_unmap(o.map, o.n) == 0);
	else
		CHECK(rc == -EAGAIN || rc == -ENOSPC || rc == -EIO ||
		      rc == -EFAULT);
	CHECK(sim_maps(sim_guest) == 0);
	for (int i = 0; i < 8; i++) {
		copy[i] = (struct gnttab_copy_op){
			.from = {.ref = o.map[0].ref, .offset = i * 100},
			.to = {.local = mine + i * 100},
			.len = 100,
		};
	}
	rc = gnttab_copy(copy, 8, soon());
	for (int i = 0; i < 8; i++)
		CHECK(copy[i].status || mine[i * 100 + 99] == 1);
	CHECK(rc || !copy[0].status);
	withdraw(&o);
	page_free(mine, 0);
}

static void class_24_status_of_each(void **state)
{
	(void)state;
	sim_runs(1000, run_24);
}

static void test_copy(void **state)
{
	static struct offer o;
	unsigned char *mine = page();
	struct gnttab_copy_op op = {.len = 4096};

	(void)state;
	offer(&o, 2);
	op.from = (struct gnttab_end){.ref = o.map[1].ref};
	op.to = (struct gnttab_end){.local = mine};
	CHECK(gnttab_copy(&op, 1, 0) == 0 && mine[4095] == 2);
	op.len = 4095;
	op.from.offset = 2;
	CHECK(gnttab_copy(&op, 1, 0) == -EINVAL);
	op.len = 10;
	op.to.local = mine + 4090;
	CHECK(gnttab_copy(&op, 1, 0) == -EINVAL);
	op.from.local = mine;
	op.to.local = mine + 100;
	CHECK(gnttab_copy(&op, 1, 0) == -EINVAL);
	op.from.local = NULL;
	op.from.domid = 99;
	CHECK(gnttab_copy(&op, 1, 0) == -ESRCH);
	withdraw(&o);
	page_free(mine, 0);
}

/* --- a resume ------------------------------------------------------------- */

static void resume(void *arg)
{
	(void)arg;
	sim_new_domain(sim_guest);
	gnttab_resume();
}

/* Between two tries of a mapping the guest is resumed in a new domain. */
static void class_49_resume_while_mapping(void **state)
{
	static struct offer o;

	(void)state;
	offer(&o, 10);
	sim.fail_at[SIM_FAIL_HYPERCALL] = sim.calls[SIM_FAIL_HYPERCALL] + 10;
	sim.fail_status = GNTST_eagain;
	sim_after(400 * FATA_NS_PER_US, resume, NULL);
	CHECK(gnttab_map(o.map, 10, soon()) == -ESTALE);
	CHECK(o.map[9].status == -EAGAIN && sim_maps(sim_guest) == 0);
	withdraw(&o);
}

/*
 * The same addresses again and again: each new stretch of the window costs Xen
 * a page table, and a small guest has few.
 */
static void window_is_reused(void **state)
{
	static struct offer o;
	char *low = NULL, *high = NULL;

	(void)state;
	offer(&o, 10);
	for (int i = 0; i < 1000; i++) {
		unsigned int n = 1 + sim_below(10);
		char *at;

		CHECK(gnttab_map(o.map, n, 0) == 0);
		at = o.map[0].address;
		low = !low || at < low ? at : low;
		high = at > high ? at : high;
		CHECK(gnttab_unmap(o.map, n) == 0);
	}
	CHECK((size_t)(high - low) <= 16 * PAGE_SIZE);
	withdraw(&o);
}

/* A copy over the end of a page is refused here: it could harm the peer. */
static void run_25(void)
{
	static struct offer o;
	unsigned char *to = page();
	unsigned int from = sim_below(PAGE_SIZE), at = sim_below(PAGE_SIZE);
	unsigned int len = sim_below(2 * PAGE_SIZE);
	struct gnttab_copy_op op = {.len = len};
	bool fits = from + len <= PAGE_SIZE && at + len <= PAGE_SIZE;
	uint64_t before = sim.hypercalls;

	offer(&o, 1);
	op.from = (struct gnttab_end){.ref = o.map[0].ref, .offset = from};
	op.to = (struct gnttab_end){.local = to + at};
	before = sim.hypercalls;
	CHECK(gnttab_copy(&op, 1, 0) == (fits ? 0 : -EINVAL));
	CHECK(fits || sim.hypercalls == before);
	withdraw(&o);
	page_free(to, 0);
}

static void class_25_no_copy_crosses_a_page(void **state)
{
	(void)state;
	sim_runs(2000, run_25);
}

/* Mappings and grants from before end without an error, and new ones work. */
static void class_49_resume_with_mappings(void **state)
{
	static struct offer o;
	void *p = page();
	uint32_t ref;
	struct gnttab_stat s;

	(void)state;
	offer(&o, 10);
	CHECK(gnttab_share(&ref, 0, p, true, 0) == 0);
	CHECK(gnttab_map(o.map, 10, 0) == 0);
	resume(NULL);
	CHECK(gnttab_unmap(o.map, 10) == 0);
	CHECK(gnttab_end_pages(&ref, 1, p, 0) == 0);
	CHECK(gnttab_map(o.map, 10, 0) == 0);
	CHECK(gnttab_unmap(o.map, 10) == 0);
	withdraw(&o);
	p = page();
	CHECK(gnttab_share(&ref, 0, p, true, 0) == 0);
	CHECK(sim_grant_map(SIM_DOM0, sim_guest, ref, false, NULL));
	sim_grant_unmap(sim_guest, ref, false);
	CHECK(gnttab_end_pages(&ref, 1, p, 0) == 0);
	gnttab_stat(&s);
	CHECK(s.mapped == 0 && s.quarantine == 0);
}

static int setup(void **state)
{
	char *argv[] = {"test", VERSION == 2 ? "--gnttab-v2" : NULL, NULL};
	int argc = VERSION;

	return param_apply(&argc, argv, NULL) ? -1 : sim_setup(state);
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
		cmocka_unit_test(test_map),
		cmocka_unit_test(class_24_all_or_nothing),
		cmocka_unit_test(class_24_status_of_each),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(window_is_reused),
		cmocka_unit_test(class_25_no_copy_crosses_a_page),
		cmocka_unit_test(class_49_resume_while_mapping),
		cmocka_unit_test(class_49_resume_with_mappings),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
