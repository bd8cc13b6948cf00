/* SPDX-License-Identifier: ISC */
/*
 * The first eight references are the toolstack's (xen/grant_table.h,
 * GNTTAB_NR_RESERVED_ENTRIES): its own grants of our console's and xenstore's
 * page are among them. They are never given out, whatever is taken and freed
 * in whatever order, nor touched.
 */
#include <fata/clock.h>
#include <fata/xen/gnttab.h>

#include "lib/sim.h"

static uint32_t refs[65536];
static unsigned int taken;

/* Some more, none of which may be reserved: how many. */
static unsigned int take(unsigned int n)
{
	if (gnttab_alloc(&refs[taken], n, 0))
		return 0;
	for (unsigned int i = 0; i < n; i++)
		CHECK(refs[taken + i] >= GNTTAB_NR_RESERVED_ENTRIES);
	taken += n;
	return n;
}

static void give(unsigned int n)
{
	while (n-- > 0) {
		unsigned int i = (unsigned int)sim_below(taken);

		gnttab_free(refs[i]);
		refs[i] = refs[--taken];
	}
}

static void the_whole_table(void)
{
	struct gnttab_stat s;

	while (take(1 + (unsigned int)sim_below(64)))
		if (sim_chance(4))
			give((unsigned int)sim_below(taken < 64 ? taken : 64));
	while (take(1))
		;
	gnttab_stat(&s);
	CHECK(taken == s.max && s.free == 0);
	give(taken);
}

static void reserved_references(void **state)
{
	(void)state;
	sim_runs(20, the_whole_table);
	CHECK(GNTTAB_NR_RESERVED_ENTRIES == 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reserved_references),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
