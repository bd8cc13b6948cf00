/* SPDX-License-Identifier: ISC */
/*
 * blkfront under load: data under every combination of features, while the
 * backend restarts and the guest moves away. Each read is compared with a
 * model of the disk; nothing is lost, nothing is done after it was over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fata/block.h>
#include <fata/clock.h>
#include <fata/lifecycle.h>

#include "lib/sim.h"
#include "lib/sim_disk.h"
#include "lib/sim_hypercall.h"
#include "lib/sim_xenstore.h"
#include "xen/lifecycle.h"

#define DEPTH 40

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

/* Nothing is on its way, but for a backend that does not answer. */
static int elsewhere(struct sim_domain *d)
{
	bool held = back.holds;

	for (unsigned i = 0; i < SIM_BLK_JOBS; i++)
		CHECK(held || !back.job[i].busy);
	if (sim_chance(3)) {
		sim_blkback_go(&back);
		return 1; /* cancelled */
	}
	back.holds = false;
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
	back.holds = sim_chance(2);
	sim_xs_write("/local/domain/5/control/shutdown", "suspend");
	sim_sleep(back.holds ? 6 * FATA_NS_PER_S : 20 * MS);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_restarts_lose_and_double_nothing),
		cmocka_unit_test(test_suspends_lose_and_double_nothing),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
