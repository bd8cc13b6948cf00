/* SPDX-License-Identifier: ISC */
/*
 * Power cuts: writers store numbered records and flush; at any moment the power
 * could go, and then of what the backend's cache holds each sector survives or
 * not, by chance. What a writer was told is durable must be there, whatever
 * came between: other writers, restarts of the backend.
 *
 *     writer   write n -> flush -> told n, write n + 1 -> ...
 *     a cut    every sector of the record holds told .. begun
 *
 * FATA_SOAK=1: 500,000 cuts.
 */
#include <stdlib.h>
#include <string.h>

#include <fata/block.h>
#include <fata/clock.h>
#include <fata/task.h>

#include "lib/sim.h"
#include "lib/sim_disk.h"

#define WRITERS 4
#define RECORDS 8u /* of each writer, used in turn */
#define LARGEST 16u /* sectors of a record */

static unsigned char durable[SECTORS * 512], left[SECTORS * 512];
static uint8_t cache[SECTORS];
static bool over;

/* A record's sectors all hold its number. */
struct record {
	uint64_t at, begun, told;
	unsigned sectors;
};

static struct record records[WRITERS][RECORDS];
static struct task *writers[WRITERS];

static void lay_out(void)
{
	uint64_t at = 0;

	memset(records, 0, sizeof(records));
	memset(disk, 0, sizeof(disk));
	memset(durable, 0, sizeof(durable));
	memset(cache, 0, sizeof(cache));
	for (unsigned i = 0; i < WRITERS * RECORDS; i++) {
		struct record *r = &records[i % WRITERS][i / WRITERS];
		unsigned unit = back.sector / 512;

		r->sectors = unit * (1 + (unsigned)sim_below(LARGEST / unit));
		r->at = at;
		at += r->sectors;
	}
}

/* Up to RECORDS with one flush. */
static void store(struct record *all, uint64_t n, unsigned first,
		  unsigned count, unsigned char *memory)
{
	const uint64_t late = 60 * FATA_NS_PER_S;

	for (unsigned i = 0; i < count; i++) {
		struct record *r = &all[(first + i) % RECORDS];

		r->begun = n;
		for (unsigned k = 0; k < r->sectors; k++)
			memcpy(memory + k * 512, &n, 8);
		CHECK(block_write(block, r->at * 512, memory, r->sectors * 512,
				  clock_deadline(late)) == 0);
	}
	CHECK(block_flush(block, clock_deadline(late)) == 0);
	for (unsigned i = 0; i < count; i++)
		all[(first + i) % RECORDS].told = n;
}

static int writer(void *arg)
{
	struct record *all = arg;
	unsigned char memory[LARGEST * 512] = {0};

	for (uint64_t n = 1; !over; n++)
		store(all, n, (unsigned)sim_below(RECORDS),
		      1 + (unsigned)sim_below(RECORDS - 1), memory);
	return 0;
}

static void judge(const struct record *r)
{
	for (unsigned k = 0; k < r->sectors; k++) {
		uint64_t n;

		memcpy(&n, left + (r->at + k) * 512, 8);
		CHECK(n >= r->told && n <= r->begun);
	}
}

static unsigned told;

static void cut(void)
{
	sim_blkback_cut(&back, left);
	told = 0;
	for (unsigned w = 0; w < WRITERS; w++)
		for (unsigned i = 0; i < RECORDS; i++) {
			judge(&records[w][i]);
			told += records[w][i].told != 0;
		}
}

#define CUTS	  500u /* in a run */
#define RUNS	  20
#define SOAK_RUNS 1000

static void run_cuts(void)
{
	offer_some();
	back.discard = false;
	lay_out();
	back.durable = durable;
	back.cache = cache;
	open_disk();
	over = false;
	for (unsigned w = 0; w < WRITERS; w++)
		CHECK(fata_task_spawn(&writers[w], NULL, writer, records[w]) ==
		      0);
	for (unsigned i = 0; i < CUTS; i++) {
		sim_sleep(sim_below(MS));
		if (sim_chance(100))
			sim_blkback_restart(&back);
		cut();
	}
	over = true;
	for (unsigned w = 0; w < WRITERS; w++)
		CHECK(fata_task_join(writers[w], NULL, FATA_FOREVER) == 0);
	cut();
	CHECK(told > WRITERS);
	close_disk();
}

static void test_nothing_told_is_lost(void **state)
{
	(void)state;
	sim_runs(getenv("FATA_SOAK") ? SOAK_RUNS : RUNS, run_cuts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_told_is_lost),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
