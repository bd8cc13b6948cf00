/* SPDX-License-Identifier: ISC */
/*
 * Receiving. We post empty pages; the backend answers in the order of the
 * requests, so that a response belongs to the page posted in its slot
 * (xen/io/netif.h, "Guest receive"):
 *
 *     response 0   offset, length, flags
 *     extra info   with NETRXF_extra_info; its slot's page was not used
 *     response 1.. while NETRXF_more_data
 *
 * A frame is handed on only when for each of its pages a new one can be posted.
 * If memory is too short for that, the frame is dropped and its pages are
 * posted again: a flood costs frames, and the ring never runs empty. Without
 * memory even for the frame's own structure n->discard takes its place.
 */
#include <core/assert.h>
#include <drivers/netfront.h>
#include <errno.h>
#include <fata/page.h>
#include <fata/xen/gnttab.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/io/netif.h>

#define ETHERNET_LEAST 14
#define EXTRAS_MAX     (XEN_NETIF_EXTRA_TYPE_MAX - 1)

union rx_slot {
	struct netif_rx_request request;
	struct netif_rx_response response;
	struct netif_extra_info extra;
};

/* What is known of a frame while its responses are read. */
struct chain {
	struct net_frame *frame;
	void *spare[NET_PIECES + EXTRAS_MAX + 1]; /* pages to post next */
	unsigned spares;
	bool bad; /* drop it: an error, or no memory */
};

/* Post a page in the next slot. */
static void post(struct net_queue *q, void *page)
{
	struct net_rx *rx = &q->rx;
	unsigned slot = rx->ring.req_prod % NET_RING;
	union rx_slot s = {
		.request = {.id = (uint16_t)slot, .gref = rx->ref[slot]}};
	int rc = gnttab_grant_access(rx->ref[slot], q->net->dev->peer, page,
				     true);

	ASSERT(!rc && !rx->page[slot]);
	rx->page[slot] = page;
	rc = ring_front_put(&rx->ring, &s, sizeof(s));
	ASSERT(!rc);
}

static struct evtchn *channel(struct net_queue *q)
{
	return q->net->split ? &q->rx.evtchn : &q->tx.evtchn;
}

static void push(struct net_queue *q)
{
	if (ring_front_push(&q->rx.ring)) {
		q->net->net.stat.notified++;
		evtchn_notify(channel(q));
	}
}

/* Fill the ring as far as memory goes, at least to `least`. */
static bool fill(struct net_queue *q, unsigned least)
{
	struct ring_front *r = &q->rx.ring;

	while (ring_front_free(r)) {
		void *page = net_page_get(&q->net->pool);

		if (!page)
			break;
		post(q, page);
	}
	return NET_RING - ring_front_free(r) >= least;
}

int net_rx_start(struct net_queue *q, uint16_t peer)
{
	struct net_rx *rx = &q->rx;
	void *page = page_alloc(0);
	int rc;

	if (!page)
		return -ENOMEM;
	rc = gnttab_alloc(rx->ref, NET_RING, xenbus_deadline());
	if (rc) {
		page_free(page, 0);
		return rc;
	}
	rc = gnttab_share(&rx->ring_ref, peer, page, true, xenbus_deadline());
	if (rc) {
		gnttab_end_pages(rx->ref, NET_RING, NULL, 0);
		page_free(page, 0);
		return rc;
	}
	ring_front_init(&rx->ring, page, PAGE_SIZE, sizeof(union rx_slot),
			RING_START);
	rx->served = rx->ring.rsp_cons;
	memset(rx->page, 0, sizeof(rx->page));
	/* The largest frame must fit, or nothing would ever arrive. */
	if (!fill(q, NET_PIECES + 2)) {
		net_rx_stop(q);
		return -ENOMEM;
	}
	push(q);
	return 0;
}

void net_rx_stop(struct net_queue *q)
{
	struct net_rx *rx = &q->rx;

	evtchn_close(&rx->evtchn);
	for (unsigned i = 0; i < NET_RING; i++) {
		gnttab_end_pages(&rx->ref[i], 1, rx->page[i], 0);
		rx->page[i] = NULL;
	}
	gnttab_end_pages(&rx->ring_ref, 1, rx->ring.page, 0);
}

void net_rx_event(void *arg)
{
	struct net_queue *q = arg;
	bool work = net_ring_moved(&q->rx.ring, &q->rx.served);

	q->net->net.stat.interrupts++;
	if (!q->net->split) {
		work |= net_ring_moved(&q->tx.ring, &q->tx.served);
		net_tx_reclaim(q);
		if (q->net->untold)
			net_groups_tell(q->net);
	}
	evtchn_served(channel(q), work);
	if (ring_front_poll(&q->rx.ring))
		event_signal(&q->net->on.readable);
}

/*
 * Take the next response and its page, which the backend has no more. 1, 0 for
 * an empty ring, or -EPROTO.
 */
static int take(struct net_queue *q, union rx_slot *s, void **page)
{
	struct net_rx *rx = &q->rx;
	unsigned slot = rx->ring.rsp_cons % NET_RING;
	int rc = ring_front_get(&rx->ring, s, sizeof(*s));

	if (rc <= 0)
		return rc;
	if (!rx->page[slot] || gnttab_end_access(rx->ref[slot]))
		return -EPROTO;
	*page = rx->page[slot];
	rx->page[slot] = NULL;
	return 1;
}

static void take_gso(struct chain *c, const struct netif_extra_info *e)
{
	bool v4 = e->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4;

	if (!e->u.gso.size ||
	    (!v4 && e->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)) {
		c->bad = true;
		return;
	}
	c->frame->gso_size = e->u.gso.size;
	c->frame->gso = v4 ? NET_GSO_TCPV4 : NET_GSO_TCPV6;
}

/* The extra infos between the first and the second piece. */
static int take_extras(struct net_queue *q, struct chain *c)
{
	union rx_slot s = {.extra = {.flags = XEN_NETIF_EXTRA_FLAG_MORE}};

	for (unsigned i = 0; s.extra.flags & XEN_NETIF_EXTRA_FLAG_MORE; i++) {
		void *page;
		int rc = i < EXTRAS_MAX ? take(q, &s, &page) : -EPROTO;

		if (rc != 1)
			return -EPROTO;
		c->spare[c->spares++] = page;
		/* a hash may come; others have no business here */
		if (s.extra.type == XEN_NETIF_EXTRA_TYPE_GSO)
			take_gso(c, &s.extra);
		else
			c->bad |= s.extra.type != XEN_NETIF_EXTRA_TYPE_HASH;
	}
	return 1;
}

/* One response's data becomes a piece of the frame. */
static int add_piece(struct netfront *n, struct chain *c,
		     const struct netif_rx_response *r, void *page)
{
	struct net_frame *f = c->frame;
	void *fresh;

	if (r->status > 0 &&
	    (unsigned)r->offset + (unsigned)r->status > PAGE_SIZE)
		return -EPROTO;
	fresh = r->status > 0 && !c->bad ? net_page_get(&n->pool) : NULL;
	if (!fresh || f->pieces == NET_PIECES) {
		c->bad = true;
		if (fresh)
			net_page_put(&n->pool, fresh);
		c->spare[c->spares++] = page;
		return 1;
	}
	c->spare[c->spares++] = fresh;
	f->piece[f->pieces++] = (struct net_piece){
		.data = (unsigned char *)page + r->offset,
		.size = (uint32_t)r->status,
	};
	f->size += (uint32_t)r->status;
	return 1;
}

static uint8_t sum_of(const struct netif_rx_response *r)
{
	return r->flags & NETRXF_csum_blank       ? NET_SUM_BLANK
	       : r->flags & NETRXF_data_validated ? NET_SUM_GOOD
						  : NET_SUM_UNKNOWN;
}

/* All responses of one frame: 1, 0 for an empty ring, -EPROTO. */
static int take_chain(struct net_queue *q, struct chain *c)
{
	struct netif_rx_response r = {.flags = NETRXF_more_data};
	unsigned slots = 0;

	for (; r.flags & NETRXF_more_data; slots++) {
		union rx_slot s;
		void *page;
		int rc = slots < NET_PIECES ? take(q, &s, &page) : -EPROTO;

		if (rc <= 0)
			return slots ? -EPROTO : rc;
		r = s.response;
		rc = add_piece(q->net, c, &r, page);
		if (rc == 1 && slots == 0) {
			c->frame->sum = sum_of(&r);
			if (r.flags & NETRXF_extra_info)
				rc = take_extras(q, c);
		}
		if (rc != 1)
			return -EPROTO;
	}
	return 1;
}

static void begin_chain(struct netfront *n, struct chain *c)
{
	*c = (struct chain){.frame = net_frame_new(&n->pool)};
	if (c->frame)
		return;
	n->discard = (struct net_frame){.from = &n->pool};
	c->frame = &n->discard;
	c->bad = true;
}

/* Post as many pages as the chain took, or keep them if that is its end. */
static void end_chain(struct net_queue *q, struct chain *c, bool broken)
{
	for (unsigned i = 0; i < c->spares; i++) {
		if (broken)
			net_page_put(&q->net->pool, c->spare[i]);
		else
			post(q, c->spare[i]);
	}
}

/* The next good frame, NULL when there is none; bad ones are counted. */
static struct net_frame *next_frame(struct net_queue *q)
{
	struct netfront *n = q->net;

	for (unsigned tries = 0; tries < NET_RING; tries++) {
		struct chain c;
		int rc;

		if (ring_front_poll(&q->rx.ring) == 0)
			return NULL;
		begin_chain(n, &c);
		rc = take_chain(q, &c);
		end_chain(q, &c, rc < 0);
		if (rc == 1 && !c.bad && c.frame->size >= ETHERNET_LEAST)
			return c.frame;
		n->net.stat.rx_dropped += rc == 1;
		if (c.frame != &n->discard)
			net_frame_free(c.frame);
		if (rc < 0)
			xenbus_broken(n->dev, "received: bad response");
		if (rc <= 0)
			return NULL;
	}
	return NULL;
}

static unsigned receive_from(struct net_queue *q, struct net_frame **frames,
			     unsigned max)
{
	struct netfront *n = q->net;
	unsigned got = 0;

	while (got < max && n->running) {
		struct net_frame *f = next_frame(q);

		if (!f)
			break;
		n->net.stat.rx_frames++;
		n->net.stat.rx_bytes += f->size;
		n->net.stat.rx_gso += f->gso != NET_GSO_NONE;
		frames[got++] = f;
	}
	if (n->running && !n->paused)
		push(q);
	return got;
}

/* The queues take turns in being the first. */
int netfront_receive(struct net *net, struct net_frame **frames, unsigned max)
{
	struct netfront *n = netfront_of(net);
	unsigned got = 0;

	if (!n->running)
		return 0;
	for (unsigned i = 0; i < n->queues && got < max && n->running; i++)
		got += receive_from(&n->queue[(n->turn + i) % n->queues],
				    frames + got, max - got);
	n->turn++;
	return (int)got;
}

bool netfront_arm_receive(struct net *net)
{
	struct netfront *n = netfront_of(net);
	bool more = false;

	for (unsigned i = 0; n->running && i < n->queues; i++)
		more |= ring_front_arm(&n->queue[i].rx.ring) > 0;
	return more;
}
