/* SPDX-License-Identifier: ISC */
/*
 * Fault class 48 for event channels and grants: in a guest that has just
 * booted the first, second, third ... allocation or hypercall fails, until
 * none is left to fail. Each time the error comes back as an error, and
 * nothing stays behind.
 */
#include <fata/clock.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>

#include "lib/sim.h"

static uint64_t soon(void)
{
	return clock_deadline(60 * FATA_NS_PER_S);
}

static void use_grants(void)
{
	struct gnttab_page map[3] = {0};
	struct gnttab_copy_op copy = {.len = 10};
	uint32_t refs[600];
	void *p = page_alloc(0), *theirs = sim_pages(SIM_DOM0, 1);
	int rc;

	if (p && gnttab_share(refs, 0, p, true, soon()) == 0)
		CHECK(gnttab_end_pages(refs, 1, p, 0) == 0);
	else if (p)
		page_free(p, 0);
	if (gnttab_alloc(refs, 600, soon()) == 0)
		for (int i = 0; i < 600; i++)
			gnttab_free(refs[i]);
	for (int i = 0; i < 3; i++)
		map[i].ref =
			sim_grant_offer(SIM_DOM0, sim_guest->id, theirs, false);
	rc = gnttab_map(map, 3, soon());
	CHECK(rc == 0 || sim.failed);
	if (rc == 0) {
		copy.from.ref = map[0].ref;
		copy.to.local = map[1].address;
		rc = gnttab_copy(&copy, 1, soon());
		CHECK(gnttab_unmap(map, 3) == 0);
	}
	for (int i = 0; i < 3; i++)
		CHECK(sim_grant_withdraw(SIM_DOM0, map[i].ref) == 0);
}

#define CHANNELS 1100 /* more than one page of any table */

static void use(unsigned int n)
{
	static struct evtchn e[CHANNELS];
	uint64_t seen = 0;

	for (unsigned int i = 0; i < n; i++) {
		int rc = evtchn_bind_ipi(&e[i]);

		CHECK(rc == 0 || sim.failed);
	}
	if (evtchn_unmask(&e[n - 1]) == 0) {
		evtchn_notify(&e[n - 1]);
		CHECK(evtchn_wait(&e[n - 1], &seen, soon()) == 0);
	}
	for (unsigned int i = 0; i < n; i++)
		if (evtchn_port(&e[i]) > 0)
			CHECK(evtchn_close(&e[i]) == 0);
}

static void use_channels(void)
{
	use(CHANNELS);
}

static void use_few_channels(void)
{
	use(20);
}

static void class_48_grants(void **state)
{
	(void)state;
	sim_nth_fresh(SIM_FAIL_ALLOC, use_grants);
	sim_nth_fresh(SIM_FAIL_HYPERCALL, use_grants);
}

static void class_48_channels(void **state)
{
	(void)state;
	sim_nth_fresh(SIM_FAIL_ALLOC, use_channels);
	sim_nth_fresh(SIM_FAIL_HYPERCALL, use_few_channels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_48_grants),
		cmocka_unit_test(class_48_channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
