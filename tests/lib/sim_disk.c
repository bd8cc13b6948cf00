/* SPDX-License-Identifier: ISC */
/* One disk for tests of blkfront; see sim_disk.h. */
#include <errno.h>
#include <string.h>

#include "drivers/blkfront.h"
#include "lib/sim_disk.h"

struct sim_blkback back;
unsigned char disk[SECTORS * 512], model[SECTORS * 512];
struct block *block;

void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = sim_random();

		memcpy(p + i, &v, 8);
	}
}

/* A backend that offers everything. */
void offer(void)
{
	memset(&back, 0, sizeof(back));
	back.disk = disk;
	back.sectors = SECTORS;
	back.sector = 512;
	back.order = 4;
	back.indirect = 256;
	back.persistent = back.flush = back.discard = back.secure = true;
	back.max_queues = 4;
	blk_queues = 1;
	back.delay = MS;
	fill(disk, sizeof(disk));
	memcpy(model, disk, sizeof(disk));
}

void offer_some(void)
{
	offer();
	back.order = (unsigned)sim_below(5);
	back.indirect = sim_chance(3) ? 0 : 1 + (unsigned)sim_below(256);
	back.persistent = sim_chance(2);
	back.flush = sim_chance(2);
	back.barrier = sim_chance(2);
	back.discard = sim_chance(2);
	back.max_queues = (unsigned)sim_below(5);
	blk_queues = 1 + sim_below(4);
	back.sector = 512u << sim_below(4);
	back.delay = sim_below(3) * MS;
}

void open_disk(void)
{
	sim_blkback_plug(&back);
	CHECK(block_open("xvda", &block, SOON) == 0);
}

void close_disk(void)
{
	sim_blkback_unplug(&back);
	sim_sleep(100 * MS);
	CHECK(block_read(block, 0, model, 4096, SOON) == -ENODEV);
}
