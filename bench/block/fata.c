/* SPDX-License-Identifier: ISC */
/*
 * Requests to a disk by Fata's own interface: with memory that is shared with
 * the backend, then ("-copied", one at a time and 64) with any memory.
 * Argument: milliseconds a row.
 */
#include "plan.h"

#include <fata/block.h>
#include <fata/clock.h>
#include <fata/manifest.h>
#include <stdlib.h>
#include <string.h>

FATA_NAME("bench-block", "measures a disk");
FATA_BLOCK("data");

static struct block *disk;
static struct block_info info;
static const struct plan *plan;
static struct block_request request[DEPTH_MAX];
static struct iovec piece[DEPTH_MAX];
static uint64_t started, ended, until;
static struct event all;
static unsigned under_way;

static void die(const char *what, int rc)
{
	printf("FAIL: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void start(struct block_request *r)
{
	int rc;

	r->op = plan->write ? BLOCK_WRITE : BLOCK_READ;
	r->offset = place(plan, started++, info.size);
	rc = block_submit(disk, r);
	if (rc)
		die("block_submit", rc);
	under_way++;
}

static void again(struct block_request *r)
{
	if (r->status)
		die(plan->name, r->status);
	ended++;
	under_way--;
	if (clock_mono_ns() < until)
		start(r);
	else if (!under_way)
		event_signal(&all);
}

/* suffix: NULL to warm up only */
static void run(unsigned char *memory, const char *suffix, uint64_t ms)
{
	uint64_t begin = clock_mono_ns(), seen = event_count(&all);

	started = ended = 0;
	until = begin + ms * FATA_NS_PER_MS;
	for (unsigned i = 0; i < plan->depth; i++) {
		memset(&request[i], 0, sizeof(request[i]));
		piece[i] = (struct iovec){memory + i * plan->size, plan->size};
		request[i].vec = &piece[i];
		request[i].count = 1;
		request[i].fn = again;
		start(&request[i]);
	}
	event_wait(&all, &seen, FATA_FOREVER);
	if (suffix)
		report(plan, suffix, ended, clock_mono_ns() - begin,
		       clock_wall_ns());
}

int main(int argc, char **argv)
{
	uint64_t ms = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
	size_t room = 4 * SIZE_MAX_;
	unsigned char *shared, *any;
	int rc = block_open("data", &disk, clock_deadline(FATA_NS_PER_S * 60));

	if (rc)
		die("block_open", rc);
	block_info(disk, &info);
	shared = block_buffer_alloc(disk, room);
	any = malloc(room);
	if (!shared || !any)
		die("memory", -1);
	memset(any, 1, room);
	for (unsigned i = 0; i < PLANS; i++) {
		plan = &plans[i];
		run(shared, NULL, 10);
		run(shared, "", ms);
		if (plan->depth > 1 && plan->depth < DEPTH_MAX)
			continue; /* the ends will do */
		run(any, NULL, 10);
		run(any, "-copied", ms);
	}
	printf("bench: done\n");
	return 0;
}
