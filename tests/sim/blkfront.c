/* SPDX-License-Identifier: ISC */
/*
 * blkfront, feature by feature: names, sectors, kinds of disks, flushes,
 * discards, queues, vectors, joining, resizing, deadlines. Loads are in
 * blkfront_load.c, backends that break the rules in blkfront_peer.c, power
 * cuts in blkfront_power.c.
 */
#include <errno.h>
#include <string.h>

#include <fata/block.h>
#include <fata/clock.h>

#include "drivers/blkfront.h"
#include "lib/sim.h"
#include "lib/sim_disk.h"
#include "lib/sim_xenstore.h"

#define DEPTH 40

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

/* --- what a disk is ----------------------------------------------------- */

/* Nothing smaller than a sector; one works. */
static void test_sector_sizes(void **state)
{
	static unsigned char m[8192];
	struct block_info info;

	(void)state;
	for (unsigned sector = 512; sector <= 4096; sector *= 2) {
		offer();
		back.sector = sector;
		open_disk();
		block_info(block, &info);
		CHECK(info.sector == sector && info.physical == sector);
		CHECK(info.size == SECTORS * 512);
		CHECK(block_read(block, sector, m + 1, sector, SOON) == 0);
		CHECK(memcmp(m + 1, model + sector, sector) == 0);
		CHECK(block_write(block, 0, model + sector, sector, SOON) == 0);
		CHECK(memcmp(disk, model + sector, sector) == 0);
		CHECK(block_read(block, sector / 2, m, sector, SOON) ==
		      -EINVAL);
		CHECK(block_read(block, 0, m, sector / 2, SOON) == -EINVAL);
		CHECK(block_read(block, 0, m, 0, SOON) == -EINVAL);
		CHECK(block_read(block, info.size, m, sector, SOON) == -ERANGE);
		CHECK(block_read(block, -(uint64_t)sector, m, sector, SOON) ==
		      -ERANGE);
		close_disk();
	}
}

static void test_kinds(void **state)
{
	static unsigned char m[4096];
	struct block_info info;

	(void)state;
	for (unsigned bits = 0; bits < 8; bits++) {
		offer();
		back.info = (bits & 1 ? VDISK_CDROM : 0) |
			    (bits & 2 ? VDISK_REMOVABLE : 0) |
			    (bits & 4 ? VDISK_READONLY : 0);
		open_disk();
		block_info(block, &info);
		CHECK(info.cdrom == !!(bits & 1));
		CHECK(info.removable == !!(bits & 2));
		CHECK(info.readonly == !!(bits & 4));
		CHECK(block_write(block, 0, m, 4096, SOON) ==
		      (bits & 4 ? -EROFS : 0));
		CHECK(block_discard(block, 0, 4096, false, SOON) ==
		      (bits & 4 ? -EROFS : 0));
		CHECK(block_flush(block, SOON) == 0);
		close_disk();
	}
}

/* Each kind of flush, and none. */
static void test_flush(void **state)
{
	struct block_info info;

	(void)state;
	for (unsigned bits = 0; bits < 4; bits++) {
		offer();
		back.flush = bits & 1;
		back.barrier = bits & 2;
		open_disk();
		block_info(block, &info);
		CHECK(info.flush == (bits != 0));
		CHECK(block_flush(block, SOON) == 0);
		CHECK(back.flushes == (bits != 0));
		close_disk();
	}
}

/* What an earlier backend was told is not left to the next one. */
static void test_another_backend(void **state)
{
	static const struct {
		unsigned order, queues, indirect, sector;
	} kinds[] = {{4, 4, 256, 512}, {0, 0, 0, 512}, {2, 2, 16, 4096},
		     {0, 4, 0, 512},   {4, 1, 32, 512}};
	static unsigned char m[300 * 512];

	(void)state;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		offer();
		back.order = kinds[i].order;
		back.max_queues = kinds[i].queues;
		back.indirect = kinds[i].indirect;
		back.sector = kinds[i].sector;
		blk_queues = 3;
		if (i == 0) {
			open_disk();
		} else {
			sim_blkback_plug(&back);
			CHECK(block_open("xvda", &block, SOON) == 0);
		}
		CHECK(block_read(block, 0, m, 64 * 4096 / 2, SOON) == 0);
		CHECK(memcmp(m, model, 64 * 4096 / 2) == 0);
		CHECK(back.pages == 1u << kinds[i].order);
		CHECK(back.queues == (kinds[i].queues > 3   ? 3
				      : kinds[i].queues > 1 ? kinds[i].queues
							    : 1));
		/* the keys stay, as when only the backend goes */
		sim_blkback_lose(&back);
		sim_xs_write(SIM_BLK_BACK "/state", "6");
		sim_sleep(50 * MS);
		sim_xs_rm(SIM_BLK_BACK);
		sim_sleep(50 * MS);
	}
	sim_xs_rm(SIM_BLK_FRONT);
	sim_sleep(100 * MS);
}

/* All queues are used, in turn; each has its own events. */
static void test_queues(void **state)
{
	static unsigned char m[DEPTH][4096];
	struct block_request r[DEPTH];
	struct iovec v[DEPTH];

	(void)state;
	for (unsigned n = 1; n <= 4; n++) {
		offer();
		blk_queues = n;
		open_disk();
		memset(r, 0, sizeof(r));
		for (unsigned i = 0; i < DEPTH; i++) {
			v[i] = (struct iovec){m[i], 4096};
			r[i].offset = i * 3 * 4096;
			r[i].vec = &v[i];
			r[i].count = 1;
			CHECK(block_submit(block, &r[i]) == 0);
		}
		for (unsigned i = 0; i < DEPTH; i++) {
			CHECK(block_wait(&r[i], SOON) == 0);
			CHECK(memcmp(m[i], model + i * 3 * 4096, 4096) == 0);
		}
		CHECK(back.queues == n && back.requests == DEPTH);
		for (unsigned i = 0; i < n; i++)
			CHECK(back.queue[i].requests == DEPTH / n ||
			      back.queue[i].requests == DEPTH / n + 1);
		close_disk();
	}
}

/* Pieces of any size at any address, some of them empty. */
static void test_vectors(void **state)
{
	static unsigned char m[8192 + 64], all[8192];
	struct iovec v[] = {{m + 1, 1},      {m + 5, 0},    {m + 7, 4095},
			    {m + 4103, 511}, {m + 4620, 1}, {m + 4631, 3584}};
	size_t at = 0;

	(void)state;
	offer();
	open_disk();
	CHECK(block_readv(block, 1024, v, 6, SOON) == 0);
	for (unsigned i = 0; i < 6; at += v[i++].iov_len)
		memcpy(all + at, v[i].iov_base, v[i].iov_len);
	CHECK(at == 8192 && memcmp(all, model + 1024, at) == 0);
	CHECK(block_writev(block, 65536, v, 6, SOON) == 0);
	CHECK(memcmp(disk + 65536, all, at) == 0);
	CHECK(block_readv(block, 0, v, 5, SOON) == 0); /* 4608 = 9 * 512 */
	CHECK(block_readv(block, 0, v, 4, SOON) == -EINVAL);
	CHECK(block_readv(block, 0, v, 0, SOON) == -EINVAL);
	close_disk();
}

static void test_discard(void **state)
{
	static unsigned char m[4096], zero[4096];
	struct block_info info;

	(void)state;
	for (int secure = 0; secure < 2; secure++) {
		offer();
		back.secure = secure;
		open_disk();
		block_info(block, &info);
		CHECK(info.discard && info.discard_secure == secure);
		CHECK(block_discard(block, 8192, 4096, true, SOON) ==
		      (secure ? 0 : -EOPNOTSUPP));
		CHECK(block_discard(block, 8192, 4096, false, SOON) == 0);
		CHECK(block_read(block, 8192, m, 4096, SOON) == 0);
		CHECK(memcmp(m, zero, 4096) == 0);
		CHECK(back.discards == (secure ? 2 : 1));
		CHECK(back.secures == (unsigned)secure);
		close_disk();
	}
	offer();
	back.discard = false;
	open_disk();
	CHECK(block_discard(block, 0, 512, false, SOON) == -EOPNOTSUPP);
	CHECK(back.requests == 0);
	close_disk();
}

/* --- joined ------------------------------------------------------------- */

static void test_neighbours_are_joined(void **state)
{
	static unsigned char m[DEPTH][4096];
	struct block_request r[DEPTH];
	struct iovec v[DEPTH];
	struct block_stat before, after;

	(void)state;
	offer();
	open_disk();
	block_stat(block, &before);
	memset(r, 0, sizeof(r));
	for (unsigned i = 0; i < DEPTH; i++) {
		v[i] = (struct iovec){m[i], 4096};
		r[i].offset = i * 4096;
		r[i].vec = &v[i];
		r[i].count = 1;
		CHECK(block_submit(block, &r[i]) == 0);
	}
	for (unsigned i = 0; i < DEPTH; i++) {
		CHECK(block_wait(&r[i], SOON) == 0);
		CHECK(memcmp(m[i], model + i * 4096, 4096) == 0);
	}
	block_stat(block, &after);
	CHECK(after.joined - before.joined == DEPTH - 1);
	CHECK(after.issued - before.issued == 1 && back.requests == 1);
	CHECK(after.notified - before.notified == 1);
	close_disk();
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

static void test_resize(void **state)
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

/* Let go: on the ring, and before it; neither ends nor is touched again. */
static void test_cancelled(void **state)
{
	static unsigned char m[600][512], before[512];
	static struct block_request r[600];
	static struct iovec v[600];

	(void)state;
	offer();
	back.order = 0; /* 32 on the ring, the rest waits */
	open_disk();
	back.holds = true;
	memset(r, 0, sizeof(r));
	for (unsigned i = 0; i < 600; i++) {
		v[i] = (struct iovec){m[i], 512};
		r[i].offset = (i * 7 % 600) * 512;
		r[i].vec = &v[i];
		r[i].count = 1;
		CHECK(block_submit(block, &r[i]) == 0);
	}
	sim_sleep(10 * MS);
	memcpy(before, m[3], 512);
	for (unsigned i = 0; i < 600; i += 3)
		block_cancel(&r[i]);
	sim_blkback_go(&back);
	for (unsigned i = 0; i < 600; i++) {
		CHECK(block_wait(&r[i], SOON) == (i % 3 ? 0 : -ECANCELED));
		CHECK(event_count(&r[i].done) == !!(i % 3));
		CHECK(i % 3 == 0 ||
		      memcmp(m[i], model + r[i].offset, 512) == 0);
	}
	CHECK(memcmp(m[3], before, 512) == 0);
	close_disk();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_sector_sizes),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_another_backend),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_neighbours_are_joined),
		cmocka_unit_test(test_untrusted_is_copied),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
