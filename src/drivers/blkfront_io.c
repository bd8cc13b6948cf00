/* SPDX-License-Identifier: ISC */
/*
 * From requests of programs to requests on the ring. A request is cut into
 * segments, each at most a page of the pool or of a program's buffer; segments
 * of neighbours that wait one behind the other go into one request on the ring:
 *
 *     requests  | a: 6 KiB | b: 4 KiB, next on the disk | c: elsewhere |
 *     segments  | 4K | 2K  | 4K                         | ...
 *     ring      | one request, 3 segments               | another
 *
 * Up to 11 segments lie in the slot of the ring itself, more of them in a page
 * of their own (indirect).
 *
 * What is submitted reaches the ring when its task waits (block_wait), or at
 * the latest in the next iteration of the loop: so many go with one signal.
 */
#include <core/assert.h>
#include <drivers/blkfront.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/page.h>
#include <string.h>

/* What a slot of the ring holds. */
union blk_slot {
	struct blkif_request direct;
	struct blkif_request_indirect indirect;
	struct blkif_request_discard discard;
	unsigned char pad[sizeof(struct blkif_request)];
};

/* --- segments ------------------------------------------------------------- */

/* Past pieces that are empty or used up. */
static void settle(struct block_request *r)
{
	while (r->at_byte == r->vec[r->at_vec].iov_len) {
		r->at_vec++;
		r->at_byte = 0;
	}
}

/* Use the program's memory as it is, if the backend can reach it. */
static bool share(struct blkfront *f, struct block_request *r,
		  struct blk_segment *s)
{
	const struct iovec *v = &r->vec[r->at_vec];
	uintptr_t at = (uintptr_t)v->iov_base + r->at_byte;
	size_t in_page = at % PAGE_SIZE, n = PAGE_SIZE - in_page;
	struct blk_buffer *u;

	if (at % BLK_SECTOR || !f->trusted)
		return false;
	if (n > v->iov_len - r->at_byte)
		n = v->iov_len - r->at_byte;
	n -= n % f->block.info.sector;
	u = n ? blk_buffer_at(f, (void *)at) : NULL;
	if (!u)
		return false;
	s->buffer = u;
	s->memory = (void *)at;
	u->in_flight++;
	s->ref = u->ref[(at - u->range.start) / PAGE_SIZE];
	s->size = (uint16_t)n;
	s->first = (uint8_t)(in_page / BLK_SECTOR);
	block_skip(r, &r->at_vec, &r->at_byte, n);
	return true;
}

/* Through a page of the pool; false: none is free. */
static bool copy(struct blkfront *f, struct block_request *r,
		 struct blk_segment *s)
{
	uint64_t n = r->size - r->issued;

	s->page = blk_page_get(f);
	if (!s->page)
		return false;
	if (n > PAGE_SIZE)
		n = PAGE_SIZE;
	s->ref = s->page->ref;
	s->size = (uint16_t)n;
	s->at_vec = r->at_vec;
	s->at_byte = r->at_byte;
	f->block.stat.copied += n;
	if (r->op == BLOCK_WRITE)
		block_copy(r, &r->at_vec, &r->at_byte, s->page->memory, n,
			   false);
	else
		block_skip(r, &r->at_vec, &r->at_byte, n);
	return true;
}

/* The next segment of r, or NULL when there is no page or memory for it. */
static struct blk_segment *cut(struct blkfront *f, struct block_request *r)
{
	struct blk_segment *s = blk_segment_get(f);

	if (!s)
		return NULL;
	settle(r);
	if (!share(f, r, s) && !copy(f, r, s)) {
		blk_segment_put(f, s);
		return NULL;
	}
	s->request = r;
	s->last = (uint8_t)(s->first + s->size / BLK_SECTOR - 1);
	r->issued += s->size;
	return s;
}

static void append(struct blk_io *io, struct blk_segment *s)
{
	if (!io->last || io->last->request != s->request)
		s->request->parts++;
	if (io->last)
		io->last->next = s;
	else
		io->segments = s;
	io->last = s;
	io->count++;
}

/* --- slots ---------------------------------------------------------------- */

static void describe(struct blkif_request_segment *to, struct blk_segment *s)
{
	for (; s; s = s->next, to++) {
		struct blkif_request_segment d;

		memset(&d, 0, sizeof(d));
		d.gref = s->ref;
		d.first_sect = s->first;
		d.last_sect = s->last;
		ring_copy(to, &d, sizeof(d));
	}
}

/* Put the request with this id on the ring; there is a free slot. */
static void put(struct blk_queue *q, unsigned id)
{
	struct blkfront *f = q->disk;
	struct blk_io *io = &q->io[id];
	union blk_slot slot;
	int rc;

	memset(&slot, 0, sizeof(slot));
	slot.direct.operation = io->op;
	slot.direct.id = id;
	slot.direct.sector_number = io->sector;
	if (io->op == BLKIF_OP_DISCARD) {
		slot.discard.flag = io->request->op == BLOCK_DISCARD_SECURE
					    ? BLKIF_DISCARD_SECURE
					    : 0;
		slot.discard.handle = (blkif_vdev_t)f->number;
		slot.discard.nr_sectors = io->request->size / BLK_SECTOR;
	} else if (io->indirect) {
		slot.indirect.operation = BLKIF_OP_INDIRECT;
		slot.indirect.indirect_op = io->op;
		slot.indirect.nr_segments = io->count;
		slot.indirect.id = id;
		slot.indirect.sector_number = io->sector;
		slot.indirect.handle = (blkif_vdev_t)f->number;
		slot.indirect.indirect_grefs[0] = io->page->ref;
		describe(io->page->memory, io->segments);
	} else {
		slot.direct.handle = (blkif_vdev_t)f->number;
		slot.direct.nr_segments = (uint8_t)io->count;
		describe(slot.direct.seg, io->segments);
	}
	rc = ring_front_put(&q->ring, &slot, sizeof(slot));
	ASSERT(!rc || rc == -EPROTO);
	f->block.stat.issued++;
}

/* --- issuing -------------------------------------------------------------- */

/* The whole of r is on the ring. */
static void pass(struct blkfront *f)
{
	f->next = f->next->next;
}

/* May r continue where io ends? */
static bool joins(const struct blk_io *io, const struct block_request *r)
{
	const struct block_request *before = io->last->request;

	return r->op == before->op && !r->alone && !before->alone &&
	       r->offset == before->offset + before->size;
}

static void fill(struct blkfront *f, struct blk_io *io, unsigned max)
{
	while (io->count < max && f->next != &f->requests) {
		struct block_request *r = block_of_link(f->next);
		struct blk_segment *s;
		bool other = io->last && io->last->request != r;

		if (other && (!joins(io, r) || block_judge(&f->block, r)))
			return;
		s = cut(f, r);
		if (!s)
			return;
		append(io, s);
		f->block.stat.joined += other;
		if (r->issued == r->size)
			pass(f);
	}
}

/* Some of r, perhaps with its neighbours. False: nothing fits now. */
static bool issue_data(struct blk_queue *q, struct block_request *r)
{
	int id = ring_ids_get(&q->ids);
	struct blkfront *f = q->disk;
	struct blk_io *io;
	unsigned max = f->segments_max;

	ASSERT(id >= 0); /* as many ids as slots, and there was room */
	io = &q->io[id];
	*io = (struct blk_io){
		.op = r->op == BLOCK_READ ? BLKIF_OP_READ : BLKIF_OP_WRITE,
		.sector = (r->offset + r->issued) / BLK_SECTOR,
	};
	/* Its page first, or the last pages would go to the data. */
	if (max > BLK_DIRECT && (r->size - r->issued > PAGE_SIZE ||
				 f->next->next != &f->requests))
		io->page = blk_page_get(f);
	fill(f, io, io->page ? max : BLK_DIRECT);
	io->indirect = io->count > BLK_DIRECT;
	if (io->page && !io->indirect) {
		blk_page_put(f, io->page);
		io->page = NULL;
	}
	if (!io->count) {
		ring_ids_put(&q->ids, (uint64_t)id);
		return false;
	}
	put(q, (unsigned)id);
	return true;
}

static void issue_plain(struct blk_queue *q, struct block_request *r)
{
	int id = ring_ids_get(&q->ids);
	struct blkfront *f = q->disk;
	struct blk_io *io;

	ASSERT(id >= 0);
	io = &q->io[id];
	*io = (struct blk_io){
		.op = r->op != BLOCK_FLUSH ? BLKIF_OP_DISCARD
		      : f->barrier	   ? BLKIF_OP_WRITE_BARRIER
					   : BLKIF_OP_FLUSH_DISKCACHE,
		.sector = r->offset / BLK_SECTOR,
		.request = r,
	};
	r->issued = r->size;
	r->parts = 1;
	pass(f);
	put(q, (unsigned)id);
}

/* The next request; false: it must wait. */
static bool issue_next(struct blk_queue *q)
{
	struct blkfront *f = q->disk;
	struct block_request *r = block_of_link(f->next);
	/* The disk may have become another one since r was submitted. */
	int rc = block_judge(&f->block, r);

	if (rc || (r->op == BLOCK_FLUSH && !f->block.info.flush)) {
		if (!rc && f->flush_refused)
			rc = -EOPNOTSUPP;
		if (r->parts) { /* the rest of it is given up */
			r->error = rc;
			r->issued = r->size;
			pass(f);
		} else {
			blk_ended(f, r, rc);
		}
		return true;
	}
	if (r->op == BLOCK_READ || r->op == BLOCK_WRITE)
		return issue_data(q, r);
	issue_plain(q, r);
	return true;
}

/* The queue whose turn it is and that has room, or NULL. */
static struct blk_queue *queue_next(struct blkfront *f)
{
	for (unsigned i = 0; i < f->queues; i++) {
		struct blk_queue *q = &f->queue[f->turn];

		f->turn = f->turn + 1 < f->queues ? f->turn + 1 : 0;
		if (!q->ring.broken && ring_front_free(&q->ring))
			return q;
	}
	return NULL;
}

void blk_issue(struct blkfront *f)
{
	struct blk_queue *q;

	if (!f->running || f->paused)
		return;
	while (f->next != &f->requests && (q = queue_next(f)))
		if (!issue_next(q))
			break;
	for (unsigned i = 0; i < f->queues; i++) {
		q = &f->queue[i];
		if (!ring_front_push(&q->ring))
			continue;
		f->block.stat.notified++;
		evtchn_notify(&q->evtchn);
	}
}

/* --- what programs ask ---------------------------------------------------- */

void blk_serve_soon(struct blkfront *f)
{
	timer_set(&f->pusher, 0, blk_serve, f);
}

int blk_submit(struct block *b, struct block_request *r)
{
	struct blkfront *f = (struct blkfront *)b;

	if (!f->dev)
		return -ENODEV;
	if (f->dev->phase == XENBUS_BROKEN && f->broken_s >= BLK_BROKEN_S)
		return -EIO;
	list_add_last(&f->requests, block_link(r));
	if (f->next == &f->requests)
		f->next = block_link(r);
	blk_serve_soon(f);
	blk_watch(f);
	return 0;
}

/* The caller waits, so it can be told at once. */
void blk_push(struct block *b)
{
	struct blkfront *f = (struct blkfront *)b;

	timer_cancel(&f->pusher);
	blk_issue(f);
	blk_tell(f);
}

/* The parts that are on this ring end without an owner. */
static void disown(struct blk_queue *q, struct block_request *r)
{
	for (unsigned id = 0; q->io && id < q->ring.size; id++) {
		struct blk_io *io = &q->io[id];

		if (!ring_ids_busy(&q->ids, id))
			continue;
		if (io->request == r)
			io->request = NULL;
		for (struct blk_segment *s = io->segments; s; s = s->next)
			if (s->request == r)
				s->request = NULL;
	}
}

void blk_cancel(struct block *b, struct block_request *r)
{
	struct blkfront *f = (struct blkfront *)b;

	for (unsigned i = 0; r->parts && i < f->queues; i++)
		disown(&f->queue[i], r);
	blk_unlink(f, r);
}
