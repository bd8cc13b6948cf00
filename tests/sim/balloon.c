/* SPDX-License-Identifier: ISC */
/*
 * The balloon: targets up and down, impossible ones, a Xen without memory, and
 * the start of a guest that is populated on demand.
 */
#include <stdio.h>

#include <fata/clock.h>
#include <fata/page.h>
#include <fata/xen/balloon.h>

#include "core/boot.h"
#include "drivers/balloon.h"
#include "lib/sim.h"

#define HOME    "/local/domain/5"
#define MISSING 512

static void target(uint64_t kib)
{
	char text[24];

	sprintf(text, "%llu", (unsigned long long)kib);
	sim_xs_write(HOME "/memory/target", text);
	sim_sleep(2 * FATA_NS_PER_S);
}

static struct balloon_stat now(void)
{
	struct balloon_stat s;

	balloon_stat(&s);
	return s;
}

/* xl would see 62 MiB in a guest that may have 64: two are not there yet. */
static int group_set_up(void **state)
{
	uint64_t ram = SIM_RAM_PAGES + MISSING;

	sim_setup(state);
	boot_info.ram.n = 1;
	boot_info.ram.r[0].start = 1 << 20;
	boot_info.ram.r[0].end = (1 << 20) + ram * PAGE_SIZE;
	CHECK(balloon_start() == 0);
	return 0;
}

static void test_populate_on_demand(void **state)
{
	(void)state;
	/* before any other task has run */
	CHECK(now().held >= MISSING && now().held <= MISSING + 64);
	CHECK(sim_guest->ballooned == now().held);
	target(65536 - MISSING * 4);
	/* the toolstack's count is a little less: not worth a touch */
	CHECK(now().held >= MISSING && now().held <= MISSING + 128);
	target(65536 - 8);
	CHECK(now().held <= 130);
}

static void test_down_and_up(void **state)
{
	(void)state;
	target(32768);
	CHECK(now().held == 8192 && sim_guest->ballooned == 8192);
	target(40000);
	CHECK(now().held >= 6384 && now().held <= 6384 + 128);
	target(39996);
	target(32760);
	CHECK(now().held >= 8194 && now().held <= 8194 + 128);
	target(65536);
	CHECK(now().held <= 128);
	CHECK(now().held == sim_guest->ballooned);
}

static void class_47_impossible_targets(void **state)
{
	struct page_stat p;
	void *page;

	(void)state;
	target(0);
	/* the reserve stays, whatever is asked for */
	page_stat(&p);
	CHECK(p.free >= 1024);
	page = page_alloc(0);
	CHECK(page != NULL);
	page_free(page, 0);
	CHECK(now().short_of > 0);
	target(UINT64_MAX);
	CHECK(now().held <= 128);
	target(32768);
	sim_xs_write(HOME "/memory/target", "-5");
	sim_sleep(FATA_NS_PER_S);
	sim_xs_write(HOME "/memory/target", "lots");
	sim_sleep(FATA_NS_PER_S);
	sim_xs_rm(HOME "/memory/target");
	sim_sleep(FATA_NS_PER_S);
	CHECK(now().held == 8192);
	sim_xs_write(HOME "/memory/target", "65536");
	sim_xs_perms(HOME "/memory/target", (const char *[]){"n0", "r5"}, 2);
	sim_sleep(40 * FATA_NS_PER_S);
	CHECK(now().held <= 128);
}

/* Targets at random while hypercalls and allocations fail. */
static void random_targets(void)
{
	unsigned int i;

	if (sim_chance(2))
		sim.fail_chance[SIM_FAIL_HYPERCALL] = 2 + sim_below(20);
	if (sim_chance(2))
		sim.fail_chance[SIM_FAIL_ALLOC] = 2 + sim_below(20);
	for (i = 0; i < 8; i++) {
		target(sim_below(70000));
		CHECK(now().held == sim_guest->ballooned);
		CHECK(now().taken - now().returned == now().held);
	}
	sim.fail_chance[SIM_FAIL_HYPERCALL] = 0;
	sim.fail_chance[SIM_FAIL_ALLOC] = 0;
	target(50000);
	sim_sleep(70 * FATA_NS_PER_S);
	CHECK(now().held >= 3884 && now().held <= 3884 + 128);
	target(65536);
	CHECK(now().held <= 128);
}

static void test_random_targets(void **state)
{
	(void)state;
	sim_runs(20, random_targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_populate_on_demand),
		cmocka_unit_test(test_down_and_up),
		cmocka_unit_test(class_47_impossible_targets),
		cmocka_unit_test(test_random_targets),
	};

	return cmocka_run_group_tests(tests, group_set_up, NULL);
}
