/* SPDX-License-Identifier: ISC */
/*
 * Requests onto a folder's rings, replies from them.
 *
 * The backend's words are its indices and, of each reply, the first seven
 * bytes: they are copied once and judged. A message is published as a whole,
 * for backends that have seen its size take the rest as being there.
 *
 *     in ring    ... | size type tag | body ... | size type tag | ...
 *                      judged          copied to whoever waits for that tag
 *
 * Interface: core/p9.h.
 */
#include <drivers/9pfront.h>
#include <errno.h>
#include <fata/clock.h>
#include <string.h>

static struct p9front *front_of(struct p9_channel *c)
{
	return (struct p9front *)(void *)((char *)c -
					  offsetof(struct p9front, channel));
}

static uint32_t read_u32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

unsigned p9_in_flight(const struct p9front *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= P9_SLOTS; i++)
		n += f->slot[i].busy;
	return n;
}

static void end(struct p9_request *r, int status)
{
	r->status = status;
	event_signal(&r->done);
	if (r->fn)
		r->fn(r);
}

void p9_fail_all(struct p9front *f)
{
	for (unsigned i = 0; i <= P9_SLOTS; i++) {
		struct p9_request *r = f->slot[i].r;

		f->slot[i] = (struct p9_slot){.busy = false};
		if (r)
			end(r, -ECONNRESET);
	}
}

/* --- replies -------------------------------------------------------------- */

/* The backend broke the rules: nothing more is sent to it. */
static void spoil(struct p9front *f, const char *what)
{
	f->spoiled = true;
	xenbus_broken(f->dev, "%s", what);
}

/* Whose reply is it? NULL: nobody's, or it cannot be a reply to that. */
static struct p9_slot *judge(struct p9_ring *q, uint32_t size,
			     const unsigned char *head)
{
	struct p9front *f = q->front;
	unsigned tag = head[5] | head[6] << 8;
	unsigned i = tag == P9_NOTAG ? P9_SLOTS : tag;
	bool known = tag < P9_SLOTS || tag == P9_NOTAG;
	struct p9_slot *s = known ? &f->slot[i] : NULL;
	const char *wrong = NULL;

	if (size < P9_HEADER || size > f->channel.msize)
		wrong = "a reply's size cannot be";
	else if (!s || !s->busy || &f->ring[tag % f->rings] != q)
		wrong = "a reply to nothing";
	else if (head[4] != s->type + 1 && head[4] != P9_RLERROR)
		wrong = "a reply of another type";
	else if (size > s->room)
		wrong = "a reply is longer than asked for";
	if (!wrong)
		return s;
	spoil(f, wrong);
	return NULL;
}

/* Take one reply: 1; 0: none is whole; -EPROTO. */
static int take_one(struct p9_ring *q)
{
	unsigned char head[P9_HEADER];
	ssize_t avail = byte_ring_avail(&q->in);
	struct p9_request *r;
	struct p9_slot *s;
	uint32_t size;

	if (avail < P9_HEADER) {
		if (avail < 0)
			spoil(q->front, "the ring's index jumped");
		return avail < 0 ? -EPROTO : 0;
	}
	byte_ring_copy_out(&q->in, head, sizeof(head));
	size = read_u32(head);
	s = judge(q, size, head);
	if (!s)
		return -EPROTO;
	if ((uint32_t)avail < size)
		return 0;
	r = s->r;
	if (r) {
		byte_ring_copy_out(&q->in, r->in, size);
		memcpy(r->in, head, sizeof(head)); /* what was judged */
		r->size = size;
	}
	byte_ring_skip(&q->in, size);
	q->promised -= s->room;
	*s = (struct p9_slot){.busy = false};
	if (r)
		end(r, 0);
	return 1;
}

/* True when there was something. */
static bool take(struct p9_ring *q)
{
	struct p9front *f = q->front;
	bool some = false;

	if (!f->channel.connection || f->spoiled)
		return false;
	while (take_one(q) > 0)
		some = true;
	if (some)
		event_signal(&f->channel.changed);
	return some;
}

void p9_event(void *ring)
{
	struct p9_ring *q = ring;

	evtchn_served(&q->evtchn, take(q));
}

/* --- requests ------------------------------------------------------------- */

/* A free slot whose ring has room for the request and for the reply; or -1. */
static int find_slot(struct p9front *f, const struct p9_request *r)
{
	bool version = r->out[4] == P9_VERSION;
	unsigned i = version ? P9_SLOTS : 0, n = version ? i + 1 : P9_SLOTS;
	int best = -1;

	for (; i < n; i++) {
		unsigned tag = version ? P9_NOTAG : i;
		struct p9_ring *q = &f->ring[tag % f->rings];
		ssize_t space = byte_ring_space(&q->out);

		if (f->slot[i].busy || space < r->out_size + r->data_size ||
		    q->in.size - q->promised < r->room)
			continue;
		if (best < 0 ||
		    q->promised < f->ring[(unsigned)best % f->rings].promised)
			best = (int)i;
	}
	return best;
}

static void put(struct byte_ring *b, const void *p, uint32_t n)
{
	byte_ring_copy_in(b, p, n);
	b->index += n;
}

static int send(struct p9front *f, struct p9_request *r, unsigned slot)
{
	unsigned tag = slot == P9_SLOTS ? P9_NOTAG : slot;
	struct p9_ring *q = &f->ring[tag % f->rings];

	r->out[5] = tag & 0xff;
	r->out[6] = tag >> 8;
	f->slot[slot] = (struct p9_slot){
		.busy = true, .type = r->out[4], .room = r->room, .r = r};
	q->promised += r->room;
	put(&q->out, r->out, r->out_size);
	if (r->data_size)
		put(&q->out, r->data, r->data_size);
	ring_store(q->out.mine, q->out.index);
	ring_fence();
	evtchn_notify(&q->evtchn);
	r->channel = &f->channel;
	r->slot = slot;
	r->status = -EINPROGRESS;
	return 0;
}

int p9_start(struct p9_channel *c, struct p9_request *r, uint32_t connection)
{
	struct p9front *f = front_of(c);
	int slot;

	if (!f->dev)
		return -ENODEV;
	if (f->spoiled || f->dev->phase == XENBUS_BROKEN)
		return -EIO;
	if (!c->connection)
		return -ENOTCONN;
	if (c->connection != connection)
		return -ESTALE;
	if (f->paused)
		return -EAGAIN;
	slot = find_slot(f, r);
	for (unsigned i = 0; i < f->rings; i++)
		if (f->ring[i].out.broken) {
			spoil(f, "the ring's index jumped");
			return -EIO;
		}
	return slot < 0 ? -EAGAIN : send(f, r, (unsigned)slot);
}

/* Before it gives up, who waits looks for itself: events can get lost. */
int p9_wait(struct p9_request *r, uint64_t deadline)
{
	struct p9front *f = front_of(r->channel);
	uint64_t seen = event_count(&r->done);

	while (r->status == -EINPROGRESS) {
		int rc = event_wait(&r->done, &seen, deadline);

		if (!rc)
			continue;
		for (unsigned i = 0; i < f->rings; i++)
			take(&f->ring[i]);
		if (r->status == -EINPROGRESS) {
			p9_drop(r);
			return rc;
		}
	}
	return r->status;
}

void p9_drop(struct p9_request *r)
{
	struct p9front *f = front_of(r->channel);

	if (r->status == -EINPROGRESS)
		f->slot[r->slot].r = NULL;
	r->status = -ECANCELED;
}

void p9_break(struct p9_channel *c, uint32_t connection, const char *what)
{
	struct p9front *f = front_of(c);

	if (f->dev && c->connection && c->connection == connection)
		spoil(f, what);
}
