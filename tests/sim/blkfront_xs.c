/* SPDX-License-Identifier: ISC */
/*
 * blkfront and xenstore: a backend that writes nonsense, changes states at
 * will, goes away for several reasons at once; and calls that fail. Classes as
 * in blkfront_peer.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fata/block.h>
#include <fata/clock.h>

#include "lib/sim.h"
#include "lib/sim_disk.h"
#include "lib/sim_xenstore.h"

/* --- class 31, 32, 37, 38: xenstore -------------------------------------- */

/* Nonsense in any key: an error or a default, and the next one works. */
static void test_class_31_keys(void **state)
{
	static const char *const keys[] = {
		"sectors", "sector-size", "physical-sector-size", "info",
		"feature-flush-cache", "feature-barrier", "feature-discard",
		"discard-secure", "discard-granularity", "discard-alignment",
		"feature-max-indirect-segments", "feature-persistent",
	};
	static const char *const values[] = {
		"", "-1", "x", "18446744073709551616", "1x", " 1", "0x10",
		"99999999999999999999999999999999999999999999999999999999999",
	};
	static unsigned char m[4096];

	(void)state;
	for (unsigned k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		for (unsigned v = 0; v < sizeof(values) / sizeof(*values);
		     v++) {
			int rc;

			offer();
			back.key = keys[k];
			back.value = values[v];
			sim_blkback_plug(&back);
			rc = block_open("xvda", &block, SOON);
			CHECK(rc == (k == 11 ? 0 : -EIO));
			sim_blkback_unplug(&back);
			sim_sleep(50 * MS);
		}
	}
	offer();
	open_disk();
	CHECK(block_read(block, 0, m, 4096, SOON) == 0);
	close_disk();
}

/* States in any order, while a request waits. */
static void run_states(void)
{
	static unsigned char m[4096];

	offer();
	back.wild = true;
	open_disk();
	for (unsigned i = 0; i < 20; i++) {
		int rc;

		if (sim_chance(2))
			sim_blkback_key("state", "%u",
					(unsigned)sim_below(10));
		else if (sim_chance(3))
			sim_xs_rm(SIM_BLK_BACK "/state");
		rc = block_read(block, 0, m, 4096, clock_deadline(20 * MS));
		CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -EIO);
	}
	close_disk();
	offer();
	open_disk();
	CHECK(block_read(block, 0, m, 4096, SOON) == 0);
	CHECK(memcmp(m, model, 4096) == 0);
	close_disk();
}

static void test_class_32_states(void **state)
{
	(void)state;
	sim_runs(60, run_states);
}

/* Two and three reasons to go away at the same moment. */
static void run_endings(void)
{
	static unsigned char m[4096];
	struct iovec v = {m, 4096};
	struct block_request r = {.op = BLOCK_WRITE, .vec = &v, .count = 1};

	offer_some();
	back.wild = true;
	open_disk();
	CHECK(block_submit(block, &r) == 0);
	if (sim_chance(2))
		sim_sleep(sim_below(2 * MS));
	if (sim_chance(2))
		sim_blkback_restart(&back);
	if (sim_chance(2) && sim_blkback_page(&back)) {
		sim_blkback_page(&back)->rsp_prod += 1000;
		sim_blkback_notify(&back);
	}
	if (sim_chance(2))
		sim_blkback_key("state", "6");
	if (sim_chance(2))
		sim_sleep(sim_below(MS));
	sim_blkback_unplug(&back);
	CHECK(block_wait(&r, SOON) == -ENODEV || r.status == 0);
	sim_sleep(100 * MS);
}

static void test_class_37_endings_race(void **state)
{
	(void)state;
	sim_runs(200, run_endings);
}

/* Its hot-plug script failed: it stays where it is, and so do we. */
static void test_class_38_never_ready(void **state)
{
	(void)state;
	offer();
	sim_blkback_plug(&back);
	sim_blkback_key("state", "1");
	sim_blkback_key("hotplug-error", "no such file");
	CHECK(block_open("xvda", &block, SOON) == -ETIMEDOUT);
	sim_blkback_key("state", "2");
	CHECK(block_open("xvda", &block, SOON) == 0);
	close_disk();
}

/* --- class 41, 42: what the backend says -------------------------------- */

static void try_keys(const char *key, const char *value, int want)
{
	static unsigned char m[4096];
	int rc;

	offer();
	sim_blkback_plug(&back);
	CHECK(block_open("51712", &block, SOON) == 0);
	/* after it has connected anew it is another disk */
	sim_blkback_key("online", "1");
	sim_blkback_unplug(&back);
	sim_sleep(50 * MS);
	offer();
	if (strcmp(key, "sector-size") == 0)
		back.sector = (unsigned)strtoul(value, NULL, 10);
	if (strcmp(key, "sectors") == 0)
		back.sectors = strtoull(value, NULL, 10);
	if (strcmp(key, "indirect") == 0)
		back.indirect = (unsigned)strtoul(value, NULL, 10);
	if (strcmp(key, "order") == 0)
		back.order = (unsigned)strtoul(value, NULL, 10);
	sim_blkback_plug(&back);
	rc = block_open("xvda", &block, SOON);
	CHECK(rc == want);
	if (!rc && back.sectors)
		CHECK(block_read(block, 0, m, 4096, SOON) == 0);
	else if (!rc)
		CHECK(block_read(block, 0, m, 4096, SOON) == -ERANGE);
	sim_blkback_unplug(&back);
	sim_sleep(50 * MS);
}

static void test_class_41_42_geometry(void **state)
{
	(void)state;
	try_keys("sectors", "0", 0);
	try_keys("sectors", "18446744073709551615", -EIO);
	try_keys("sectors", "36028797018963968", -EIO);
	try_keys("sector-size", "0", -EIO);
	try_keys("sector-size", "256", -EIO);
	try_keys("sector-size", "1000", -EIO);
	try_keys("sector-size", "8192", -EIO);
	try_keys("sector-size", "4096", 0);
	try_keys("indirect", "0", 0);
	try_keys("indirect", "1", 0);
	try_keys("indirect", "500", 0);
	try_keys("order", "9", 0);
	try_keys("order", "4000000000", 0);
}

/* Class 41: smaller, and with other sectors, under requests that wait. */
static void test_class_41_another_disk(void **state)
{
	static unsigned char m[4096];
	struct iovec v = {m, 512}, w = {m + 512, 512};
	struct block_request odd = {.offset = 512, .vec = &v, .count = 1};
	struct block_request far = {
		.offset = SECTORS * 512 - 512, .vec = &w, .count = 1};

	(void)state;
	offer();
	open_disk();
	back.holds = true;
	CHECK(block_submit(block, &odd) == 0);
	CHECK(block_submit(block, &far) == 0);
	sim_sleep(5 * MS);
	back.sector = 4096;
	back.sectors = SECTORS / 2;
	back.holds = false;
	sim_blkback_restart(&back);
	CHECK(block_wait(&odd, SOON) == -EINVAL);
	CHECK(block_wait(&far, SOON) == -EINVAL);
	CHECK(block_read(block, 4096, m, 4096, SOON) == 0);
	CHECK(memcmp(m, model + 4096, 4096) == 0);
	close_disk();
}

static void test_class_41_resized_to_nonsense(void **state)
{
	struct block_info info;

	(void)state;
	offer();
	open_disk();
	sim_blkback_key("sectors", "nonsense");
	sim_blkback_key("state", "4");
	sim_sleep(100 * MS);
	block_info(block, &info);
	CHECK(!info.up);
	close_disk();
}

/* --- class 48: everything fails once ------------------------------------ */

static void run_failures(void)
{
	static unsigned char m[200 * 512];
	int rc;

	offer();
	sim_blkback_plug(&back);
	rc = block_open("xvda", &block, clock_deadline(30 * FATA_NS_PER_S));
	if (!rc)
		rc = block_read(block, 0, m, sizeof(m), SOON);
	CHECK(rc == 0 || rc == -ENOMEM || rc == -EIO || rc == -ETIMEDOUT);
	if (!rc)
		CHECK(memcmp(m, model, sizeof(m)) == 0);
	sim_blkback_unplug(&back);
	sim_sleep(100 * MS);
}

static void test_class_48_each_allocation_fails(void **state)
{
	(void)state;
	sim_nth(SIM_FAIL_ALLOC, run_failures);
}

static void test_class_48_each_hypercall_fails(void **state)
{
	(void)state;
	sim_nth(SIM_FAIL_HYPERCALL, run_failures);
}

static void test_class_36_each_reply_fails(void **state)
{
	(void)state;
	sim_nth(SIM_FAIL_REPLY, run_failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class_31_keys),
		cmocka_unit_test(test_class_32_states),
		cmocka_unit_test(test_class_37_endings_race),
		cmocka_unit_test(test_class_38_never_ready),
		cmocka_unit_test(test_class_41_42_geometry),
		cmocka_unit_test(test_class_41_another_disk),
		cmocka_unit_test(test_class_41_resized_to_nonsense),
		cmocka_unit_test(test_class_36_each_reply_fails),
		cmocka_unit_test(test_class_48_each_allocation_fails),
		cmocka_unit_test(test_class_48_each_hypercall_fails),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
