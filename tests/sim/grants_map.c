/* SPDX-License-Identifier: ISC */
/*
 * Pages of others: mapping and copying, the status of each operation, a resume;
 * the fault classes 24, 25 and 49 of our list (docs/simulator.md).
 */
#include <errno.h>
#include <string.h>

#include "lib/sim_grants.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
