/* SPDX-License-Identifier: ISC */
/*
 * blkfront against blkback: data under every combination of features; a
 * backend that fails, comes back, moves away or is unplugged in the midst of
 * requests; and one that breaks the rules (classes 1 to 11 and 41 to 44 of
 * what a frontend must survive).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/block.h>
#include <fata/clock.h>
#include <fata/lifecycle.h>
#include <fata/task.h>

#include "lib/sim.h"
#include "lib/sim_blkback.h"
#include "lib/sim_hypercall.h"
#include "lib/sim_xenstore.h"
#include "xen/lifecycle.h"

#define MS	FATA_NS_PER_MS
#define SOON	clock_deadline(FATA_NS_PER_S)
#define SECTORS 4096u
#define DEPTH	40

static struct sim_blkback back;
static unsigned char disk[SECTORS * 512], model[SECTORS * 512];
static struct block *block;

static void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = sim_random();

		memcpy(p + i, &v, 8);
	}
}

/* A backend that offers everything. */
static void offer(void)
{
	memset(&back, 0, sizeof(back));
	back.disk = disk;
	back.sectors = SECTORS;
	back.sector = 512;
	back.order = 4;
	back.indirect = 256;
	back.persistent = back.flush = back.discard = true;
	back.delay = MS;
	fill(disk, sizeof(disk));
	memcpy(model, disk, sizeof(disk));
}

static void offer_some(void)
{
	offer();
	back.order = (unsigned)sim_below(5);
	back.indirect = sim_chance(3) ? 0 : 1 + (unsigned)sim_below(256);
	back.persistent = sim_chance(2);
	back.flush = sim_chance(2);
	back.barrier = sim_chance(2);
	back.discard = sim_chance(2);
	back.sector = 512u << sim_below(4);
	back.delay = sim_below(3) * MS;
}

static void open_disk(void)
{
	sim_blkback_plug(&back);
	CHECK(block_open("xvda", &block, SOON) == 0);
}

static void close_disk(void)
{
	sim_blkback_unplug(&back);
	sim_sleep(100 * MS);
	CHECK(block_read(block, 0, model, 4096, SOON) == -ENODEV);
}

/* --- random loads -------------------------------------------------------- */

/* One request with its memory, in pieces, some of it a shared buffer. */
struct job {
	struct block_request r;
	struct iovec v[6];
	unsigned char *memory;
	size_t room;
	bool busy, shared;
	unsigned ended;
};

static struct job jobs[DEPTH];
static unsigned busy;

static void cut(struct job *j, size_t n)
{
	size_t at = 0, unit = j->shared ? back.sector : 1;
	unsigned k = 0;

	while (k < 5 && at < n) {
		size_t part = sim_below((n - at) / unit + 1) * unit;

		j->v[k++] = (struct iovec){j->memory + at, part};
		at += part;
	}
	j->v[k++] = (struct iovec){j->memory + at, n - at};
	j->r.vec = j->v;
	j->r.count = k;
}

static void job_ended(struct block_request *r)
{
	((struct job *)r->arg)->ended++;
}

/* Does it touch what another request under way touches? */
static bool overlaps(uint64_t offset, size_t n)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		const struct block_request *r = &jobs[i].r;

		if (jobs[i].busy && offset < r->offset + r->size &&
		    r->offset < offset + n)
			return true;
	}
	return false;
}

static void start(struct job *j)
{
	size_t room = SECTORS * 512 / back.sector;
	uint64_t offset = sim_below(room) * back.sector;
	size_t n = (1 + sim_below(sim_chance(4) ? 400 : 20)) * back.sector;

	if (offset + n > SECTORS * 512)
		n = SECTORS * 512 - offset;
	if (overlaps(offset, n))
		return;
	memset(&j->r, 0, sizeof(j->r));
	j->room = n;
	j->shared = sim_chance(2);
	j->memory = j->shared ? block_buffer_alloc(block, n) : malloc(n);
	CHECK(j->memory);
	j->r.op = sim_chance(2) ? BLOCK_READ : BLOCK_WRITE;
	j->r.offset = offset;
	j->r.fn = job_ended;
	j->r.arg = j;
	j->ended = 0;
	cut(j, n);
	if (j->r.op == BLOCK_WRITE)
		fill(j->memory, n);
	CHECK(block_submit(block, &j->r) == 0);
	j->busy = true;
	busy++;
}

static void job_free(struct job *j)
{
	if (j->shared)
		block_buffer_free(block, j->memory, j->room);
	else
		free(j->memory);
	j->busy = false;
	busy--;
}

static void finish(struct job *j)
{
	int rc = block_wait(&j->r, clock_deadline(60 * FATA_NS_PER_S));
	struct block_request *r = &j->r;

	CHECK(rc == 0 && j->ended == 1);
	if (r->op == BLOCK_WRITE)
		memcpy(model + r->offset, j->memory, r->size);
	else
		CHECK(memcmp(model + r->offset, j->memory, r->size) == 0);
	job_free(j);
}

static void load(unsigned steps, void (*meanwhile)(void))
{
	for (unsigned i = 0; i < steps; i++) {
		struct job *j = &jobs[sim_below(DEPTH)];

		if (j->busy)
			finish(j);
		else
			start(j);
		if (meanwhile && sim_chance(20))
			meanwhile();
	}
	for (unsigned i = 0; i < DEPTH; i++)
		if (jobs[i].busy)
			finish(&jobs[i]);
	CHECK(busy == 0 && memcmp(disk, model, sizeof(disk)) == 0);
}

static void run_load(void)
{
	offer_some();
	open_disk();
	load(200, NULL);
	CHECK(block_flush(block, SOON) == 0);
	CHECK((back.flushes == 1) == (back.flush || back.barrier));
	close_disk();
}

static void test_load(void **state)
{
	(void)state;
	sim_runs(60, run_load);
}

static void restart(void)
{
	sim_blkback_restart(&back);
}

static void run_restarts(void)
{
	offer_some();
	open_disk();
	load(200, restart);
	close_disk();
}

/* How often something was done anew. */
static uint64_t again(void)
{
	struct block_stat s;

	block_stat(block, &s);
	return s.again;
}

static void test_restarts_lose_and_double_nothing(void **state)
{
	uint64_t before = again();

	(void)state;
	sim_runs(60, run_restarts);
	CHECK(again() > before + 60 || getenv("SEED"));
}

/* --- suspend ------------------------------------------------------------- */

static int elsewhere(struct sim_domain *d)
{
	if (sim_chance(3))
		return 1; /* cancelled */
	sim_blkback_lose(&back);
	sim_xs_rm(SIM_BLK_BACK);
	sim_new_domain(d);
	sim_xs_drop(d);
	sim_xs_rm("/local/domain/5/control");
	sim_xs_rm("/local/domain/5/device");
	sim_xs_populate(d);
	sim_xs_introduce(d);
	sim_blkback_plug(&back);
	return 0;
}

static void ask_suspend(void)
{
	sim_xs_write("/local/domain/5/control/shutdown", "suspend");
	sim_sleep(20 * MS);
}

static void run_suspends(void)
{
	offer_some();
	open_disk();
	sim_guest->suspend = elsewhere;
	load(200, ask_suspend);
	sim_guest->suspend = NULL;
	close_disk();
}

static void test_suspends_lose_and_double_nothing(void **state)
{
	uint64_t before = again();

	(void)state;
	CHECK(lifecycle_start() == 0);
	sim_sleep(100 * MS);
	sim_runs(40, run_suspends);
	CHECK(again() > before + 40 || getenv("SEED"));
}

/* --- joined, and kept apart --------------------------------------------- */

static void test_neighbours_are_joined(void **state)
{
	struct block_stat before, after;

	(void)state;
	offer();
	open_disk();
	block_stat(block, &before);
	for (unsigned i = 0; i < DEPTH; i++) {
		struct job *j = &jobs[i];

		memset(j, 0, sizeof(*j));
		j->room = 4096;
		j->memory = malloc(4096);
		j->r.op = BLOCK_READ;
		j->r.offset = i * 4096;
		j->r.fn = job_ended;
		j->r.arg = j;
		cut(j, 4096);
		j->busy = true;
		busy++;
		CHECK(block_submit(block, &j->r) == 0);
	}
	for (unsigned i = 0; i < DEPTH; i++)
		finish(&jobs[i]);
	block_stat(block, &after);
	CHECK(after.joined - before.joined == DEPTH - 1);
	CHECK(after.issued - before.issued == 1 && back.requests == 1);
	CHECK(after.notified - before.notified == 1);
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
	CHECK(info.flush && info.discard && !info.discard_secure);
	CHECK(block_flush(block, SOON) == -EOPNOTSUPP);
	CHECK(block_discard(block, 0, 512, false, SOON) == -EOPNOTSUPP);
	block_info(block, &info);
	CHECK(!info.flush && !info.discard);
	CHECK(block_flush(block, SOON) == -EOPNOTSUPP);
	close_disk();
}

static void test_discard(void **state)
{
	static unsigned char m[4096], zero[4096];

	(void)state;
	offer();
	open_disk();
	CHECK(block_discard(block, 8192, 4096, true, SOON) == -EOPNOTSUPP);
	CHECK(block_discard(block, 8192, 4096, false, SOON) == 0);
	CHECK(block_read(block, 8192, m, 4096, SOON) == 0);
	CHECK(memcmp(m, zero, 4096) == 0 && back.discards == 1);
	close_disk();
}

/* --- deadlines ----------------------------------------------------------- */

static void test_given_up(void **state)
{
	static unsigned char m[65536], before[65536];
	unsigned char *shared;

	(void)state;
	offer();
	open_disk();
	back.holds = true;
	CHECK(block_read(block, 0, m, sizeof(m), clock_deadline(MS)) ==
	      -ETIMEDOUT);
	shared = block_buffer_alloc(block, 8192);
	CHECK(block_read(block, 0, shared, 8192, clock_deadline(MS)) ==
	      -ETIMEDOUT);
	block_buffer_free(block, shared, 8192); /* it is still in use */
	memcpy(before, m, sizeof(m));
	sim_blkback_go(&back);
	sim_sleep(100 * MS);
	CHECK(memcmp(m, before, sizeof(m)) == 0);
	CHECK(block_read(block, 0, m, sizeof(m), SOON) == 0);
	CHECK(memcmp(m, model, sizeof(m)) == 0);
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

/* --- class 41, 42: what the backend says ------------------------------- */

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

static void test_class_41_resize(void **state)
{
	static unsigned char m[4096];
	struct block_info info;
	uint64_t seen;

	(void)state;
	offer();
	open_disk();
	seen = event_count(block_changed(block));
	back.sectors = SECTORS / 2;
	sim_blkback_key("sectors", "%u", SECTORS / 2);
	sim_blkback_key("state", "4");
	CHECK(event_wait(block_changed(block), &seen, SOON) == 0);
	block_info(block, &info);
	CHECK(info.size == SECTORS / 2 * 512 && info.up);
	CHECK(block_read(block, info.size, m, 4096, SOON) == -ERANGE);
	CHECK(block_read(block, info.size - 4096, m, 4096, SOON) == 0);
	sim_blkback_key("sectors", "nonsense");
	sim_sleep(100 * MS);
	block_info(block, &info);
	CHECK(!info.up);
	close_disk();
}

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

/* --- rings --------------------------------------------------------------- */

static unsigned trick;

static bool spoil(struct sim_blkback *b, struct blkif_response *rsp)
{
	struct ring_page *p = sim_blkback_page(b);

	switch (trick) {
	case 0: /* class 1 */
		p->rsp_prod += 513;
		sim_evtchn_send(SIM_DOM0, b->port);
		return false;
	case 1: /* class 2 */
		p->rsp_prod -= 1;
		sim_evtchn_send(SIM_DOM0, b->port);
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
	load(50, restart);
	CHECK(block_read(block, 0, shared, 65536, SOON) == 0);
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

/* --- memory -------------------------------------------------------------- */

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

static void test_each_allocation_fails(void **state)
{
	(void)state;
	sim_nth(SIM_FAIL_ALLOC, run_failures);
}

static void test_untrusted_is_copied(void **state)
{
	struct block_stat before, after;
	unsigned char *shared;

	(void)state;
	for (int trusted = 0; trusted < 2; trusted++) {
		offer();
		sim_blkback_plug(&back);
		sim_xs_write(SIM_BLK_FRONT "/trusted", trusted ? "1" : "0");
		CHECK(block_open("xvda", &block, SOON) == 0);
		shared = block_buffer_alloc(block, 65536);
		block_stat(block, &before);
		CHECK(block_read(block, 0, shared, 65536, SOON) == 0);
		CHECK(memcmp(shared, model, 65536) == 0);
		block_stat(block, &after);
		CHECK(after.copied - before.copied == (trusted ? 0 : 65536));
		block_buffer_free(block, shared, 65536);
		close_disk();
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"", "x", "xvd", "xvd1", "xvda0", "nothing", "xvda1x", "hde",
		"sdq",
	};
	struct block *other;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(block_open(bad[i], &other, 0) == -ENOENT);
	CHECK(block_open("xvdb", &other, clock_deadline(MS)) == -ETIMEDOUT);
	CHECK(block_open("sda1", &other, clock_deadline(MS)) == -ETIMEDOUT);
	offer();
	open_disk();
	CHECK(block_open("51712", &other, SOON) == 0 && other == block);
	close_disk();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_neighbours_are_joined),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_untrusted_is_copied),
		cmocka_unit_test(test_class_44_errors_meet_their_own),
		cmocka_unit_test(test_class_44_refused_though_offered),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_class_11_27_no_events),
		cmocka_unit_test(test_class_41_42_geometry),
		cmocka_unit_test(test_class_41_resize),
		cmocka_unit_test(test_class_43_nothing_leaks),
		cmocka_unit_test(test_classes_1_to_9_break_the_disk),
		cmocka_unit_test(test_class_4_5_10_scribble),
		cmocka_unit_test(test_class_19_keeps_pages),
		cmocka_unit_test(test_each_allocation_fails),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_restarts_lose_and_double_nothing),
		cmocka_unit_test(test_suspends_lose_and_double_nothing),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
