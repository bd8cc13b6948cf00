/* SPDX-License-Identifier: ISC */
/*
 * The xenstore client against the simulated daemon, over the real ring: one
 * thing after the other, and by many tasks at once while messages are lost,
 * doubled and garbled, memory runs out and the daemon stops and starts anew.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/task.h>
#include <fata/xen/xs.h>

#include "lib/sim.h"
#include "xen/xenstore.h"

#define MS FATA_NS_PER_MS

static uint64_t soon(void)
{
	return clock_deadline(FATA_NS_PER_S);
}

static void test_read_write(void **state)
{
	char *value;
	size_t n;

	(void)state;
	CHECK(xs_read(NULL, "name", &value, &n, soon()) == 0);
	CHECK(n == 5 && !strcmp(value, "guest"));
	heap_free(value);
	CHECK(xs_write(NULL, "data/a/b", "hello", 5, soon()) == 0);
	CHECK(!strcmp(sim_xs_read("/local/domain/5/data/a/b"), "hello"));
	CHECK(xs_read(NULL, "data/none", &value, &n, soon()) == -ENOENT);
	CHECK(xs_write(NULL, "name", "x", 1, soon()) == -EACCES);
	CHECK(xs_read(NULL, "/local/domain/0", &value, &n, soon()) == -EACCES);
}

/* A node that is removed says so, and is seen again when it comes back. */
static void class_34_watched_node_removed(void **state)
{
	struct xs_watch *w;
	char *path, *value;

	(void)state;
	CHECK(xs_write(NULL, "data/a/b", "1", 1, soon()) == 0);
	CHECK(xs_watch(&w, "data/a/b", NULL, NULL, soon()) == 0);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK(xs_watch_next(w, &path, soon()) == 0);
		CHECK(!strcmp(path, "data/a/b"));
		heap_free(path);
		if (i == 0)
			CHECK(xs_rm(NULL, "data/a", soon()) == 0);
		if (i == 1) {
			CHECK(xs_read(NULL, "data/a/b", &value, NULL, soon()) ==
			      -ENOENT);
			CHECK(xs_mkdir(NULL, "data/a/b", soon()) == 0);
		}
	}
	xs_unwatch(w);
	sim_sleep(MS);
	CHECK(sim_xs_watches(sim_guest) == 0);
}

/* --- everything at once --------------------------------------------------- */

#define USERS 6
#define COUNT "data/count"

static struct {
	struct task *task[USERS];
	unsigned int done;
	bool faults; /* of any kind: results may be errors */
	bool lies;   /* an error may come as another answer's success */
	uint64_t counted, unknown;
} crowd;

/* What fata/xen/xs.h names; without faults only what the calls earn. */
static void expected(int err)
{
	static const int errors[] = {
		-ENOENT, -EACCES,    -EINVAL,    -EEXIST, -ENOSPC,
		-EAGAIN, -ETIMEDOUT, -ECANCELED, -ENOMEM, -E2BIG,
		-EPROTO, -EDQUOT,    -ECONNRESET};
	unsigned int i = 0;

	if (err == 0 || err == -EIO)
		return;
	while (i < sizeof(errors) / sizeof(*errors) && errors[i] != err)
		i++;
	CHECK(i < sizeof(errors) / sizeof(*errors));
}

static uint64_t patience(void)
{
	if (!crowd.faults)
		return clock_deadline(60 * FATA_NS_PER_S);
	return clock_deadline(sim_below(sim_chance(3) ? 3 * MS
						      : FATA_NS_PER_S));
}

static void write_and_read(const char *key)
{
	uint64_t n = sim_random(), got;
	int err = xs_printf(NULL, key, patience(), "%llu",
			    (unsigned long long)n);

	expected(err);
	CHECK(crowd.faults || err == 0);
	if (err)
		return;
	err = xs_read_u64(NULL, key, UINT64_MAX, &got, patience());
	expected(err);
	CHECK(err == 0 ? got == n : crowd.faults);
}

static void watch_own(const char *key)
{
	struct xs_watch *w;
	char *path;
	int err = xs_watch(&w, key, NULL, NULL, patience());

	expected(err);
	CHECK(crowd.faults || err == 0);
	if (err)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		err = xs_watch_next(w, &path, patience());
		CHECK(err == 0 || crowd.faults);
		if (err == 0)
			heap_free(path);
		expected(xs_write(NULL, key, "7", 1, patience()));
	}
	xs_unwatch(w);
}

static int add_one(struct xs_transaction *t, void *arg)
{
	uint64_t n;
	int err = xs_read_u64(t, COUNT, UINT64_MAX, &n, patience());

	(void)arg;
	return err ? err
		   : xs_printf(t, COUNT, patience(), "%llu",
			       (unsigned long long)n + 1);
}

/* However it ends: counted once, or not at all. */
static void count(void)
{
	int err = xs_transaction(add_one, NULL, patience());

	expected(err);
	if (err == 0)
		crowd.counted++;
	else
		crowd.unknown++;
}

static void list(void)
{
	unsigned int n;
	char **names;
	int err = xs_directory(NULL, "data", &names, &n, patience());

	expected(err);
	CHECK(err == 0 ? n >= 1 : crowd.faults);
	if (err == 0)
		heap_free(names);
}

static int user(void *arg)
{
	char key[16];

	sprintf(key, "data/u%u", (unsigned int)(uintptr_t)arg);
	for (unsigned int i = 0; i < 10; i++) {
		switch (sim_below(5)) {
		case 0:
			watch_own(key);
			break;
		case 1:
			count();
			break;
		case 2:
			list();
			break;
		default:
			write_and_read(key);
			break;
		}
		fata_task_uncancel();
		if (sim_chance(3))
			fata_sleep(sim_below(2 * MS));
	}
	crowd.done++;
	return 0;
}

static void turn_on_faults(void)
{
	crowd.faults = !sim_chance(5);
	if (!crowd.faults)
		return;
	for (unsigned int f = 0; f < SIM_XS_FAULTS; f++)
		if (sim_chance(4)) {
			sim_xs_fault(f, 20 + sim_below(200));
			crowd.lies |= f == SIM_XS_TYPE;
		}
	if (sim_chance(3))
		sim.fail_chance[SIM_FAIL_REPLY] = 3 + sim_below(100);
	if (sim_chance(3))
		sim.fail_chance[SIM_FAIL_ALLOC] = 5 + sim_below(100);
	if (sim_chance(2))
		sim.step_chance = 2 + sim_below(50);
}

static void turn_off_faults(void)
{
	for (unsigned int f = 0; f < SIM_XS_FAULTS; f++)
		sim_xs_fault(f, 0);
	memset(sim.fail_chance, 0, sizeof(sim.fail_chance));
	sim.step_chance = 0;
}

/* While they are at it: cancelled, and the daemon stops or starts anew. */
static void disturb(void)
{
	while (crowd.done < USERS) {
		sim_sleep(sim_below(20 * MS));
		if (!crowd.faults)
			continue;
		switch (sim_below(12)) {
		case 0:
			sim_xs_restart();
			break;
		case 1:
			sim_xs_pause(true);
			sim_sleep(sim_below(100 * MS));
			sim_xs_pause(false);
			break;
		case 2:
			/* it lives until it is joined */
			fata_task_cancel(crowd.task[sim_below(USERS)]);
			break;
		}
	}
}

static void run_crowd(void)
{
	uint64_t n;

	memset(&crowd, 0, sizeof(crowd));
	CHECK(xs_write(NULL, COUNT, "0", 1, soon()) == 0);
	for (uintptr_t i = 0; i < USERS; i++)
		CHECK(fata_task_spawn(&crowd.task[i], NULL, user, (void *)i) ==
		      0);
	turn_on_faults();
	disturb();
	turn_off_faults();
	for (unsigned int i = 0; i < USERS; i++)
		CHECK(fata_task_join(crowd.task[i], NULL, soon()) == 0);
	/* what was lost on the way ends with the connection */
	sim_xs_restart();
	sim_sleep(5 * FATA_NS_PER_S);
	CHECK(sim_xs_watches(sim_guest) == 0);
	CHECK(sim_xs_transactions(sim_guest) == 0);
	CHECK(xs_read_u64(NULL, COUNT, UINT64_MAX, &n, soon()) == 0);
	CHECK(n <= crowd.counted + crowd.unknown);
	CHECK(n >= crowd.counted || crowd.lies);
	CHECK(crowd.faults || crowd.unknown == 0);
}

static void class_34_35_36_everything_at_once(void **state)
{
	(void)state;
	sim_runs(300, run_crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_write),
		cmocka_unit_test(class_34_watched_node_removed),
		cmocka_unit_test(class_34_35_36_everything_at_once),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
