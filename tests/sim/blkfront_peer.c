/* SPDX-License-Identifier: ISC */
/*
 * blkfront against a backend that breaks the rules of rings, grants, events and
 * of the block protocol. Tests named class_NN are the classes of what a
 * frontend must survive (docs/simulator.md): the disk breaks or the request
 * fails, the guest goes on. What such a backend may write into xenstore is in
 * blkfront_xs.c.
 */
#include <errno.h>
#include <string.h>

#include <fata/block.h>
#include <fata/clock.h>

#include "lib/sim.h"
#include "lib/sim_disk.h"
#include "lib/sim_xenstore.h"

#define DEPTH 40

/* --- class 3, 23, 25: what we put on the ring ---------------------------- */

/* The ring's indices wrap at 2^32, and requests go on. */
static void test_class_3_wrap(void **state)
{
	static unsigned char m[512];
	uint32_t start;

	(void)state;
	offer();
	open_disk();
	start = sim_blkback_page(&back)->req_prod;
	CHECK(start >= 0xffffff00u);
	for (unsigned i = 0; i < 600; i++) {
		CHECK(block_read(block, i * 512, m, 512, SOON) == 0);
		CHECK(memcmp(m, model + i * 512, 512) == 0);
	}
	CHECK(sim_blkback_page(&back)->req_prod == start + 600);
	close_disk();
}

static bool zeroes(const void *p, size_t n)
{
	const unsigned char *c = p;

	while (n && !*c)
		c++, n--;
	return !n;
}

/* What a request does not use is zero, padding too. */
static void check_slot(const struct sim_blk_job *j)
{
	const struct blkif_request *r = &j->request.direct;
	const unsigned char *end = (const unsigned char *)(r + 1);

	if (r->operation == BLKIF_OP_INDIRECT) {
		const struct blkif_request_indirect *i = &j->request.indirect;

		CHECK(zeroes(i->indirect_grefs + 1, 7 * 4));
	} else if (r->operation == BLKIF_OP_DISCARD) {
		const unsigned char *d = (const void *)&j->request.discard;

		size_t used = sizeof(j->request.discard);

		CHECK(zeroes(d + used, sizeof(*r) - used));
	} else {
		const void *rest = &r->seg[r->nr_segments];

		CHECK(zeroes(rest, (size_t)(end - (const uint8_t *)rest)));
		for (unsigned i = 0; i < r->nr_segments; i++)
			CHECK(zeroes(&r->seg[i].last_sect + 1, 2));
	}
}

static void test_class_23_nothing_uninitialised(void **state)
{
	static unsigned char m[65536];

	(void)state;
	offer();
	open_disk();
	for (unsigned i = 0; i < 100; i++) {
		size_t n = (1 + sim_below(128)) * 512;

		back.holds = true;
		CHECK(block_read(block, 0, m, n, clock_deadline(2 * MS)) ==
		      -ETIMEDOUT);
		CHECK(block_discard(block, 0, n, true,
				    clock_deadline(2 * MS)) == -ETIMEDOUT);
		for (unsigned k = 0; k < SIM_BLK_JOBS; k++)
			if (back.job[k].busy)
				check_slot(&back.job[k]);
		sim_blkback_go(&back);
		sim_sleep(10 * MS);
	}
	close_disk();
}

/* --- rings --------------------------------------------------------------- */

static unsigned trick;

static bool spoil(struct sim_blkback *b, struct blkif_response *rsp)
{
	struct ring_page *p = sim_blkback_page(b);

	switch (trick) {
	case 0: /* class 1 */
		p->rsp_prod += 513;
		sim_blkback_notify(b);
		return false;
	case 1: /* class 2 */
		p->rsp_prod -= 1;
		sim_blkback_notify(b);
		return false;
	case 2: /* class 7, 8 */
		rsp->id = 512;
		return true;
	case 3:
		rsp->id = UINT64_MAX;
		return true;
	case 4: /* class 6 */
		rsp->id ^= 100;
		return true;
	case 5: /* class 9 */
		rsp->operation = BLKIF_OP_WRITE;
		return true;
	}
	return true;
}

static void test_classes_1_to_9_break_the_disk(void **state)
{
	static unsigned char m[4096];

	(void)state;
	for (trick = 0; trick < 6; trick++) {
		uint64_t begin = clock_mono_ns();

		offer();
		open_disk();
		back.twist = spoil;
		CHECK(block_read(block, 0, m, 4096, FATA_FOREVER) == -EIO);
		CHECK(clock_mono_ns() - begin < 10 * FATA_NS_PER_S);
		CHECK(block_read(block, 0, m, 4096, FATA_FOREVER) == -EIO);
		close_disk();
	}
}

/* Class 4, 5, 10: anything is written to the ring at any moment. */
static void scribble(void *arg)
{
	struct ring_page *p = sim_blkback_page(&back);
	size_t n = (size_t)back.pages * PAGE_SIZE;

	(void)arg;
	if (p)
		((unsigned char *)p)[sim_chance(3) ? sim_below(64)
						   : sim_below(n)] =
			(unsigned char)sim_random();
}

static bool swallow(struct sim_blkback *b, struct blkif_response *rsp)
{
	(void)b;
	(void)rsp;
	return false;
}

static void run_scribble(void)
{
	static unsigned char m[65536];

	offer();
	open_disk();
	back.holds = true; /* what it reads there is no request of ours */
	back.twist = swallow;
	sim.hostile = scribble;
	sim.step_chance = 3;
	for (unsigned i = 0; i < 5; i++) {
		int rc = block_read(block, 0, m, sizeof(m),
				    clock_deadline(30 * MS));

		CHECK(rc == -ETIMEDOUT || rc == -EIO || rc == 0);
	}
	sim.step_chance = 0;
	close_disk();
}

static void test_class_4_5_10_scribble(void **state)
{
	(void)state;
	sim_runs(100, run_scribble);
}

/* --- class 26, 28, 30: events -------------------------------------------- */

static void test_class_26_storm(void **state)
{
	static unsigned char m[4096];
	struct block_stat before, after;

	(void)state;
	offer();
	open_disk();
	block_stat(block, &before);
	for (unsigned i = 0; i < 20000; i++) {
		sim_blkback_notify(&back);
		sim_sleep(20000);
		if (i % 1000 == 0)
			CHECK(block_read(block, i * 4 / 1000 * 4096, m, 4096,
					 clock_deadline(3 * FATA_NS_PER_S)) ==
			      0);
	}
	block_stat(block, &after);
	CHECK(after.interrupts - before.interrupts < 1000);
	CHECK(block_read(block, 0, m, 4096, clock_deadline(3 * 1000 * MS)) ==
	      0);
	close_disk();
}

/* The peer closes its end: requests wait, and go to its successor. */
static void test_class_30_channel_closed(void **state)
{
	static unsigned char m[4096];

	(void)state;
	offer();
	open_disk();
	sim_evtchn_close(SIM_DOM0, back.queue[0].port);
	CHECK(block_read(block, 0, m, 4096, clock_deadline(2500 * MS)) ==
	      -ETIMEDOUT);
	sim_blkback_restart(&back);
	CHECK(block_read(block, 4096, m, 4096, SOON) == 0);
	CHECK(memcmp(m, model + 4096, 4096) == 0);
	close_disk();
}

/* Class 11, 27: no events at all; the answers are found all the same. */
static void test_class_11_27_no_events(void **state)
{
	static unsigned char m[4096];

	(void)state;
	offer();
	open_disk();
	back.silent = true;
	CHECK(block_read(block, 4096, m, 4096,
			 clock_deadline(3 * FATA_NS_PER_S)) == 0);
	CHECK(memcmp(m, model + 4096, 4096) == 0);
	close_disk();
}

/* Class 19: a backend that never lets go; nothing it has is used again. */
static void run_keeps(void)
{
	unsigned char *shared;

	offer_some();
	back.keeps = true;
	open_disk();
	shared = block_buffer_alloc(block, 65536);
	CHECK(block_read(block, 0, shared, 65536, SOON) == 0);
	sim_blkback_restart(&back);
	sim_sleep(200 * MS);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t at = sim_below(SECTORS / 8) * 4096;

		fill(model + at, 4096);
		CHECK(block_write(block, at, model + at, 4096,
				  clock_deadline(60 * FATA_NS_PER_S)) == 0);
		if (sim_chance(4))
			sim_blkback_restart(&back);
	}
	CHECK(block_read(block, 0, shared, 65536,
			 clock_deadline(60 * FATA_NS_PER_S)) == 0);
	CHECK(memcmp(shared, model, 65536) == 0);
	block_buffer_free(block, shared, 65536);
	sim_blkback_unplug(&back);
	sim_sleep(5 * FATA_NS_PER_S);
}

static void test_class_19_keeps_pages(void **state)
{
	(void)state;
	sim_runs(20, run_keeps);
}

/* --- class 43, 44: answers that are wrong -------------------------------- */

/* Class 43: success without data shows nothing but this disk's. */
static void test_class_43_nothing_leaks(void **state)
{
	static unsigned char m[65536];

	(void)state;
	offer();
	back.lies = true;
	open_disk();
	memset(m, 0xaa, sizeof(m));
	CHECK(block_read(block, 0, m, sizeof(m), SOON) == 0);
	for (size_t i = 0; i < sizeof(m); i++)
		CHECK(m[i] == 0);
	close_disk();
}

/* Class 44: an error in one part of what was split, and of what was joined. */
static void test_class_44_errors_meet_their_own(void **state)
{
	static unsigned char m[DEPTH][4096], big[512 * 600];
	struct block_request r[DEPTH];
	struct iovec v[DEPTH];

	(void)state;
	offer();
	back.bad_first = 80;
	back.bad_n = 1;
	open_disk();
	memset(r, 0, sizeof(r));
	for (unsigned i = 0; i < DEPTH; i++) {
		v[i] = (struct iovec){m[i], 4096};
		r[i].op = BLOCK_READ;
		r[i].offset = i * 4096;
		r[i].vec = &v[i];
		r[i].count = 1;
		CHECK(block_submit(block, &r[i]) == 0);
	}
	for (unsigned i = 0; i < DEPTH; i++) {
		CHECK(block_wait(&r[i], SOON) == (i == 10 ? -EIO : 0));
		CHECK(i == 10 || memcmp(m[i], model + i * 4096, 4096) == 0);
	}
	CHECK(block_read(block, 0, big, sizeof(big), SOON) == -EIO);
	CHECK(block_read(block, 81 * 512, big, 512, SOON) == 0);
	back.bad_first = 3000;
	CHECK(block_write(block, 2990 * 512, big, sizeof(big), SOON) == -EIO);
	close_disk();
}

static void test_class_44_refused_though_offered(void **state)
{
	struct block_info info;

	(void)state;
	offer();
	back.refuses = true;
	open_disk();
	block_info(block, &info);
	CHECK(info.flush && info.discard && info.discard_secure);
	CHECK(block_flush(block, SOON) == -EOPNOTSUPP);
	CHECK(block_discard(block, 0, 512, false, SOON) == -EOPNOTSUPP);
	block_info(block, &info);
	CHECK(!info.flush && !info.discard && !info.discard_secure);
	CHECK(block_flush(block, SOON) == -EOPNOTSUPP);
	close_disk();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class_3_wrap),
		cmocka_unit_test(test_class_23_nothing_uninitialised),
		cmocka_unit_test(test_classes_1_to_9_break_the_disk),
		cmocka_unit_test(test_class_4_5_10_scribble),
		cmocka_unit_test(test_class_11_27_no_events),
		cmocka_unit_test(test_class_19_keeps_pages),
		cmocka_unit_test(test_class_26_storm),
		cmocka_unit_test(test_class_30_channel_closed),
		cmocka_unit_test(test_class_43_nothing_leaks),
		cmocka_unit_test(test_class_44_errors_meet_their_own),
		cmocka_unit_test(test_class_44_refused_though_offered),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
