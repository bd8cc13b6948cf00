/* SPDX-License-Identifier: ISC */
/*
 * xenstored is updated in place by force: it keeps connections and watches,
 * and loses open transactions without a word. Whatever the transaction was
 * about to do, it begins anew and happens once. (The real one: lab/host.sh.)
 */
#include <errno.h>
#include <stdlib.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/xen/xs.h>

#include "lib/sim.h"

#define KEY "/local/domain/5/data/n"

static int lose_at, step, calls;

static uint64_t soon(void)
{
	return clock_deadline(60 * FATA_NS_PER_S);
}

static void here(void)
{
	if (++step == lose_at)
		sim_xs_lose(sim_guest);
}

/* An absent key counts as 0, and must be present. */
static int add_one(struct xs_transaction *t, void *arg)
{
	uint64_t n = 0;
	int err;

	(void)arg;
	calls++;
	here();
	err = xs_read_u64(t, "data/n", 1000, &n, soon());
	here();
	if (err)
		return -ENODATA;
	err = xs_printf(t, "data/n", soon(), "%u", (unsigned int)n + 1);
	here();
	return err;
}

static void at_each_step(void **state)
{
	(void)state;
	for (lose_at = 1; lose_at <= 3; lose_at++) {
		sim_xs_write(KEY, "7");
		step = calls = 0;
		CHECK(xs_transaction(add_one, NULL, soon()) == 0);
		CHECK(calls == 2);
		CHECK(atoi(sim_xs_read(KEY)) == 8);
	}
}

/* What fn returns counts when the transaction was there till its end. */
static void an_error_stays(void **state)
{
	(void)state;
	lose_at = 0;
	calls = 0;
	sim_xs_rm(KEY);
	CHECK(xs_transaction(add_one, NULL, soon()) == -ENODATA);
	CHECK(calls == 1);
}

static void by_hand(void **state)
{
	struct xs_transaction t;

	(void)state;
	for (int commit = 0; commit < 2; commit++) {
		CHECK(xs_transaction_start(&t, soon()) == 0);
		CHECK(xs_write(&t, "data/n", "1", 1, soon()) == 0);
		sim_xs_lose(sim_guest);
		CHECK(xs_transaction_end(&t, commit, soon()) == -EAGAIN);
		CHECK(!sim_xs_read(KEY));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_each_step),
		cmocka_unit_test(an_error_stays),
		cmocka_unit_test(by_hand),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
