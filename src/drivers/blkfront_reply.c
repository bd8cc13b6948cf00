/* SPDX-License-Identifier: ISC */
/*
 * From responses to the ends of requests. A response is believed when it names
 * a request that is on the ring, with that request's operation; anything else
 * breaks the disk.
 *
 * A request has ended when all of its parts have. When parts of several were
 * joined and the backend could not do it, each is done again by itself, so
 * that an error meets the one whose sectors are bad. Owners are told last, when
 * the ring is in order again: they may submit, cancel and free in turn.
 */
#include <drivers/blkfront.h>
#include <errno.h>
#include <fata/clock.h>

/* So often does one event make us look again before others may run. */
#define ROUNDS 4

void blk_unlink(struct blkfront *f, struct block_request *r)
{
	if (f->next == block_link(r))
		f->next = f->next->next;
	list_remove(block_link(r));
}

void blk_ended(struct blkfront *f, struct block_request *r, int status)
{
	blk_unlink(f, r);
	r->error = status;
	list_add_last(&f->ended, block_link(r));
}

void blk_tell(struct blkfront *f)
{
	struct list *l;

	while ((l = list_pop(&f->ended)))
		block_end(block_of_link(l), block_of_link(l)->error);
}

/* --- one response --------------------------------------------------------- */

static int error_of(int16_t status)
{
	return status == BLKIF_RSP_OKAY		? 0
	       : status == BLKIF_RSP_EOPNOTSUPP ? -EOPNOTSUPP
						: -EIO;
}

/* From the beginning, alone, after what else waits. */
static void do_again(struct blkfront *f, struct block_request *r)
{
	blk_unlink(f, r);
	r->alone = true;
	r->error = 0;
	r->issued = r->at_byte = 0;
	r->at_vec = 0;
	list_add_last(&f->requests, block_link(r));
	if (f->next == &f->requests)
		f->next = block_link(r);
	f->block.stat.again++;
}

/* A part of r has come back. -EAGAIN: to be done alone. */
static void part_ended(struct blkfront *f, struct block_request *r, int error)
{
	if (error && (!r->error || r->error == -EAGAIN))
		r->error = error;
	if (r->error && f->next == block_link(r)) {
		f->next = f->next->next; /* no use in issuing the rest */
		r->issued = r->size;
	}
	if (--r->parts || r->issued < r->size)
		return;
	if (r->error == -EAGAIN)
		do_again(f, r);
	else
		blk_ended(f, r, r->error);
}

static bool is_joined(const struct blk_io *io)
{
	for (struct blk_segment *s = io->segments; s; s = s->next)
		if (s->request != io->segments->request)
			return true;
	return false;
}

/*
 * A live migration sends again what the guest has changed since, but does not
 * see what a backend writes through a mapping that stays (Xen counts a page as
 * changed when it is unmapped). So a buffer that was read into is touched.
 */
static void touch(const struct blk_segment *s)
{
	volatile unsigned char *p = s->memory;

	*p = *p;
}

static void copy_out(struct blk_segment *s)
{
	if (s->buffer)
		touch(s);
	else if (s->request)
		block_copy(s->request, &s->at_vec, &s->at_byte, s->page->memory,
			   s->size, true);
}

/* Free what io holds, telling its requests the error. */
static void end_data(struct blkfront *f, struct blk_io *io, int error)
{
	struct blk_segment *s = io->segments, *next;
	struct block_request *r;

	if (error && is_joined(io))
		error = -EAGAIN;
	for (; s; s = next) {
		next = s->next;
		r = s->request;
		if (!error && io->op == BLKIF_OP_READ)
			copy_out(s);
		if (r && (!next || next->request != r))
			part_ended(f, r, error);
		blk_segment_put(f, s);
	}
	if (io->page)
		blk_page_put(f, io->page);
}

/* What was advertised and is refused is not asked for again. */
static void end_plain(struct blkfront *f, struct blk_io *io, int error)
{
	struct block_info *info = &f->block.info;

	if (error == -EOPNOTSUPP) {
		if (io->op == BLKIF_OP_DISCARD) {
			info->discard = info->discard_secure = false;
		} else {
			info->flush = false;
			f->flush_refused = true;
		}
		event_signal(&f->block.changed);
	}
	if (io->request)
		part_ended(f, io->request, error);
}

/* Not while disconnecting: then it is the last look at a ring. */
#define BROKEN(q, ...)                                                         \
	do {                                                                   \
		(q)->ring.broken = true;                                       \
		if ((q)->disk->running)                                        \
			xenbus_broken((q)->disk->dev, __VA_ARGS__);            \
	} while (0)

static bool take_one(struct blk_queue *q, const struct blkif_response *rsp)
{
	struct blk_io io;
	uint8_t op;

	if (!ring_ids_busy(&q->ids, rsp->id)) {
		BROKEN(q, "id %llu is not in flight",
		       (unsigned long long)rsp->id);
		return false;
	}
	io = q->io[rsp->id];
	op = io.indirect ? BLKIF_OP_INDIRECT : io.op;
	/* Some name what an indirect request does, others the request. */
	if (rsp->operation != op && rsp->operation != io.op) {
		BROKEN(q, "operation %u ends as %u", op, rsp->operation);
		return false;
	}
	ring_ids_put(&q->ids, rsp->id);
	if (io.segments)
		end_data(q->disk, &io, error_of(rsp->status));
	else
		end_plain(q->disk, &io, error_of(rsp->status));
	return true;
}

static void take_from(struct blk_queue *q)
{
	struct blkif_response rsp;

	for (unsigned i = 0; i < q->ring.size; i++) {
		int rc = ring_front_get(&q->ring, &rsp, sizeof(rsp));

		if (rc < 0)
			BROKEN(q, "bad ring index");
		if (rc <= 0 || !take_one(q, &rsp))
			return;
	}
}

void blk_take(struct blkfront *f)
{
	for (unsigned i = 0; i < f->queues; i++)
		take_from(&f->queue[i]);
	if (f->paused)
		event_signal(&f->answered);
}

unsigned blk_in_flight(const struct blkfront *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->queues; i++)
		n += f->queue[i].ids.busy;
	return n;
}

/* Ask for events; true: there is something already. */
static bool arm(struct blkfront *f)
{
	bool more = false;

	for (unsigned i = 0; i < f->queues; i++)
		more |= ring_front_arm(&f->queue[i].ring) == 1;
	return more;
}

void blk_serve(void *arg)
{
	struct blkfront *f = arg;
	unsigned rounds = ROUNDS;

	while (f->running && rounds--) {
		blk_take(f);
		blk_issue(f);
		if (!arm(f))
			break;
		if (!rounds)
			blk_serve_soon(f);
	}
	blk_tell(f);
}

void blk_event(void *arg)
{
	struct blk_queue *q = arg;

	q->disk->block.stat.interrupts++;
	evtchn_served(&q->evtchn, ring_front_poll(&q->ring) != 0);
	blk_serve(q->disk);
}

/* --- all of them ---------------------------------------------------------- */

/* What has no owner any more is dropped with its page. */
static void abandon(struct blkfront *f, struct blk_io *io)
{
	struct blk_segment *s = io->segments, *next;

	for (; s; s = next) {
		next = s->next;
		blk_segment_put(f, s);
	}
	if (io->page)
		blk_page_put(f, io->page);
}

static void abandon_all(struct blkfront *f, struct blk_queue *q)
{
	for (unsigned id = 0; id < q->ring.size; id++) {
		if (!ring_ids_busy(&q->ids, id))
			continue;
		abandon(f, &q->io[id]);
		ring_ids_put(&q->ids, id);
	}
}

void blk_requeue(struct blkfront *f)
{
	for (unsigned i = 0; i < f->queues; i++)
		abandon_all(f, &f->queue[i]);
	list_for_each(l, &f->requests)
	{
		struct block_request *r = block_of_link(l);

		f->block.stat.again += r->parts != 0;
		r->parts = 0;
		r->issued = r->at_byte = 0;
		r->at_vec = 0;
		r->error = 0;
	}
	f->next = f->requests.next;
}

void blk_fail_all(struct blkfront *f, int error)
{
	while (!list_empty(&f->requests))
		blk_ended(f, block_of_link(f->requests.next), error);
	blk_tell(f);
}

/* --- waiting too long ----------------------------------------------------- */

/* Once a second while there are requests. */
static void watch(void *arg)
{
	struct blkfront *f = arg;

	if (f->running) {
		f->broken_s = 0;
		/* An event may have been lost: the peer says when to send. */
		blk_serve(f);
	} else if (f->dev && f->dev->phase == XENBUS_BROKEN &&
		   ++f->broken_s >= BLK_BROKEN_S) {
		blk_fail_all(f, -EIO);
	}
	blk_watch(f);
}

void blk_watch(struct blkfront *f)
{
	if (!list_empty(&f->requests) && !f->watcher.link.next)
		timer_set(&f->watcher, clock_deadline(FATA_NS_PER_S), watch, f);
}
