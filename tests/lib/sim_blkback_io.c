/* SPDX-License-Identifier: ISC */
/*
 * What a simulated disk's backend does with requests, and the cache that it may
 * have; see sim_blkback.h.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/sim_blkback.h"

/* --- mappings ------------------------------------------------------------- */

static void *map(struct sim_blkback *b, uint32_t ref)
{
	int status;
	void *at;

	for (unsigned i = 0; i < b->maps; i++)
		if (b->map[i].ref == ref)
			return b->map[i].at;
	at = sim_grant_map(SIM_DOM0, sim_guest, ref, false, &status);
	if (!at && (b->closing || b->wild))
		return NULL; /* the frontend has ended them already */
	if (!at)
		sim_die("blkback: grant %u cannot be mapped: %d", ref, status);
	CHECK(b->maps < SIM_BLK_MAPS);
	b->map[b->maps].ref = ref;
	b->map[b->maps++].at = at;
	return at;
}

void sim_blkback_unmap(struct sim_blkback *b)
{
	while (b->maps)
		sim_grant_unmap(sim_guest, b->map[--b->maps].ref, false);
}

/* --- the cache ------------------------------------------------------------ */

/* Written, not answered yet. */
static void cache_dirty(struct sim_blkback *b, struct sim_blk_job *j,
			uint64_t sector, uint64_t count)
{
	if (!b->durable)
		return;
	if (!j->count)
		j->first = sector;
	j->count += count;
	for (uint64_t i = sector; i < sector + count; i++)
		b->cache[i] |= SIM_BLK_DIRTY;
}

/* Answered: a flush from now on owes it. Without a flush all is durable. */
static void cache_owe(struct sim_blkback *b, struct sim_blk_job *j)
{
	bool through = !b->flush && !b->barrier;

	for (uint64_t i = j->first; i < j->first + j->count; i++) {
		b->cache[i] |= SIM_BLK_OWED;
		if (!through)
			continue;
		memcpy(b->durable + i * 512, b->disk + i * 512, 512);
		b->cache[i] = 0;
	}
	j->count = 0;
}

/* A flush came: it covers what was answered before, and not a sector more. */
static void cache_flush_begin(struct sim_blkback *b, struct sim_blk_job *j)
{
	j->covered = calloc(b->sectors / 64 + 1, 8);
	CHECK(j->covered);
	for (uint64_t i = 0; i < b->sectors; i++)
		if (b->cache[i] & SIM_BLK_OWED)
			j->covered[i / 64] |= 1ull << i % 64;
}

static void cache_flush_end(struct sim_blkback *b, struct sim_blk_job *j)
{
	for (uint64_t i = 0; i < b->sectors; i++) {
		if (!(j->covered[i / 64] >> i % 64 & 1))
			continue;
		memcpy(b->durable + i * 512, b->disk + i * 512, 512);
		b->cache[i] = 0;
	}
	free(j->covered);
	j->covered = NULL;
}

void sim_blkback_cut(struct sim_blkback *b, unsigned char *left)
{
	memcpy(left, b->durable, b->sectors * 512);
	for (uint64_t i = 0; i < b->sectors; i++)
		if (b->cache[i] && sim_chance(2))
			memcpy(left + i * 512, b->disk + i * 512, 512);
}

/* --- requests ------------------------------------------------------------- */

static void answer(struct sim_blkback *b, struct sim_blk_job *j, int status)
{
	struct blkif_response rsp;
	bool sent = true;

	memset(&rsp, 0, sizeof(rsp));
	rsp.operation = j->request.direct.operation;
	rsp.id = rsp.operation == BLKIF_OP_INDIRECT ? j->request.indirect.id
						    : j->request.direct.id;
	rsp.status = (int16_t)status;
	j->busy = false;
	if (b->durable && status == BLKIF_RSP_OKAY)
		cache_owe(b, j);
	if (b->twist)
		sent = b->twist(b, &rsp);
	if (!b->connected || !sent)
		return;
	if (ring_back_put(&j->queue->ring, &rsp, sizeof(rsp)) == 0 &&
	    ring_back_push(&j->queue->ring) && !b->silent)
		sim_evtchn_send(SIM_DOM0, j->queue->port);
}

static int move(struct sim_blk_job *j, bool write, uint64_t sector,
		const struct blkif_request_segment *seg, unsigned n)
{
	struct sim_blkback *b = j->back;
	unsigned unit = b->sector / 512;
	int status = BLKIF_RSP_OKAY;

	CHECK(n > 0 && sector % unit == 0);
	b->segments += n;
	*(write ? &b->writes : &b->reads) += 1;
	for (unsigned i = 0; i < n; i++) {
		unsigned count = seg[i].last_sect - seg[i].first_sect + 1u;
		unsigned char *at = map(b, seg[i].gref);

		CHECK(seg[i].first_sect <= seg[i].last_sect);
		CHECK(seg[i].last_sect < 8 && count % unit == 0);
		if (!at || sector + count > b->sectors)
			return BLKIF_RSP_ERROR; /* or it was made smaller */
		at += seg[i].first_sect * 512;
		if (sector < b->bad_first + b->bad_n &&
		    sector + count > b->bad_first)
			status = BLKIF_RSP_ERROR;
		else if (write) {
			memcpy(b->disk + sector * 512, at, count * 512);
			cache_dirty(b, j, sector, count);
		} else if (!b->lies)
			memcpy(at, b->disk + sector * 512, count * 512);
		sector += count;
	}
	return status;
}

static int indirect(struct sim_blk_job *j)
{
	const struct blkif_request_indirect *r = &j->request.indirect;
	struct sim_blkback *b = j->back;
	struct blkif_request_segment seg[512];
	void *page = map(b, r->indirect_grefs[0]);

	if (!page)
		return BLKIF_RSP_ERROR;
	CHECK(r->nr_segments <= b->indirect && b->indirect <= 512);
	CHECK(r->indirect_op <= BLKIF_OP_WRITE);
	memcpy(seg, page, r->nr_segments * sizeof(*seg));
	return move(j, r->indirect_op, r->sector_number, seg, r->nr_segments);
}

static int plain(struct sim_blkback *b, struct sim_blk_job *j)
{
	const struct blkif_request_discard *d = &j->request.discard;

	if (b->refuses)
		return BLKIF_RSP_EOPNOTSUPP;
	if (d->operation != BLKIF_OP_DISCARD) {
		CHECK(d->operation == BLKIF_OP_WRITE_BARRIER ? b->barrier
							     : b->flush);
		CHECK(j->request.direct.nr_segments == 0);
		b->flushes++;
		if (b->durable)
			cache_flush_end(b, j);
		return BLKIF_RSP_OKAY;
	}
	CHECK(b->discard && (!d->flag || b->secure));
	b->secures += d->flag == BLKIF_DISCARD_SECURE;
	CHECK(d->sector_number + d->nr_sectors <= b->sectors);
	memset(b->disk + d->sector_number * 512, 0, d->nr_sectors * 512);
	b->discards++;
	return BLKIF_RSP_OKAY;
}

static void perform(void *arg)
{
	struct sim_blk_job *j = arg;
	struct sim_blkback *b = j->back;
	const struct blkif_request *r = &j->request.direct;
	int status;

	if (b->holds || !j->busy)
		return;
	if (r->operation <= BLKIF_OP_WRITE) {
		CHECK(r->nr_segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST);
		status = move(j, r->operation, r->sector_number, r->seg,
			      r->nr_segments);
	} else if (r->operation == BLKIF_OP_INDIRECT) {
		status = indirect(j);
	} else {
		status = plain(b, j);
	}
	if (!b->persistent && !b->keeps)
		sim_blkback_unmap(b);
	answer(b, j, status);
}

void sim_blkback_serve(void *arg)
{
	struct sim_blk_queue *q = arg;
	struct sim_blkback *b = q->back;
	unsigned i = 0;

	do {
		struct sim_blk_job *j;

		while (i < SIM_BLK_JOBS && b->job[i].busy)
			i++;
		j = &b->job[i];
		if (i == SIM_BLK_JOBS || ring_back_get(&q->ring, &j->request,
						       sizeof(j->request)) != 1)
			continue;
		b->requests++;
		q->requests++;
		j->back = b;
		j->queue = q;
		j->busy = true;
		j->count = 0;
		if (b->durable &&
		    (j->request.direct.operation == BLKIF_OP_FLUSH_DISKCACHE ||
		     j->request.direct.operation == BLKIF_OP_WRITE_BARRIER))
			cache_flush_begin(b, j);
		sim_after(b->delay ? sim_below(b->delay) : 0, perform, j);
	} while (b->connected && ring_back_arm(&q->ring) == 1);
}

void sim_blkback_go(struct sim_blkback *b)
{
	b->holds = false;
	for (unsigned i = 0; i < SIM_BLK_JOBS; i++)
		if (b->job[i].busy)
			sim_after(0, perform, &b->job[i]);
}
