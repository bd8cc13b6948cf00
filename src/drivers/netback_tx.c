/* SPDX-License-Identifier: ISC */
/*
 * What clients transmit, and we receive. A frame is a chain of requests
 * (xen/io/netif.h, "Guest transmit"):
 *
 *     request 0   a page's reference, offset; size of the whole frame; flags
 *     extra info  if NETTXF_extra_info, and more of them
 *     request 1.. while NETTXF_more_data, each its own size
 *
 * A chain lies on the ring as a whole when the client shows any of it. It is
 * read once, into a copy. The data of many chains is then copied by one
 * hypercall into pages of ours. What would not fit into the rest of a page
 * begins another one, for a copy costs more than its bytes; only the frame's
 * head, which programs look at, lies together whatever the requests are:
 *
 *     client   |...AA|  |BBBBBBBB|  |CC....|  |DDDDDDDD|   offsets as it likes
 *     ours     |AAb|    |BBBBBBBCC|           |DDDDDDDD|   pages, in order
 *
 * What cannot be a chain breaks the device: too many requests, one that
 * crosses a page, an unknown extra info. A chain that merely makes no frame
 * (sizes that do not add up, a reference that grants nothing) is answered with
 * an error, and counted.
 */
#include <drivers/netback.h>
#include <errno.h>
#include <string.h>
#include <xen/io/netif.h>

#define SLOTS_MAX      XEN_NETIF_NR_SLOTS_MIN
#define EXTRAS_MAX     (XEN_NETIF_EXTRA_TYPE_MAX - 1)
#define ETHERNET_LEAST 14
/* Copies of one chain: each request, one of them in two parts. */
#define COPIES_MAX (SLOTS_MAX + 1)
#define PACKETS    NETBACK_COPIES
#define LINE       64 /* of a cache: copies are quicker from like to like */

_Static_assert(SLOTS_MAX <= NET_PIECES, "each request may need a page");
_Static_assert(NETBACK_HEAD + LINE <= PAGE_SIZE, "the head fits");

union slot {
	struct netif_tx_request request;
	struct netif_tx_response response;
	struct netif_extra_info extra;
	unsigned char bytes[NETBACK_TX_SLOT];
};

/* A chain that was taken from the ring and is not answered yet. */
struct packet {
	struct net_frame *frame; /* NULL: there is none */
	struct netif_tx_request request[SLOTS_MAX];
	unsigned slots, extras;
	unsigned copies; /* of the batch, for this one */
	int16_t status;
	uint16_t gso_size;
	uint8_t gso; /* enum net_gso */
};

/* Those whose data is copied together; used by one receive at a time. */
static struct {
	struct packet packet[PACKETS];
	struct gnttab_copy_op copy[NETBACK_COPIES + COPIES_MAX];
	unsigned packets, copies, frames;
} batch;

_Static_assert(sizeof(union slot) == NETBACK_TX_SLOT, "padded by netif.h");

/* --- one chain ------------------------------------------------------------ */

static int take_gso(struct packet *p, const struct netif_extra_info *e)
{
	bool v4 = e->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4;

	if (!e->u.gso.size ||
	    (!v4 && e->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6))
		return -EPROTO;
	p->gso_size = e->u.gso.size;
	p->gso = v4 ? NET_GSO_TCPV4 : NET_GSO_TCPV6;
	return 1;
}

static int take_extras(struct netback *b, struct packet *p)
{
	union slot s = {.extra = {.flags = XEN_NETIF_EXTRA_FLAG_MORE}};

	while (s.extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) {
		int rc = p->extras < EXTRAS_MAX
				 ? ring_back_get(&b->tx.ring, &s, sizeof(s))
				 : -EPROTO;

		if (rc != 1)
			return -EPROTO;
		p->extras++;
		/* a hash may come, and is of no use here */
		if (s.extra.type == XEN_NETIF_EXTRA_TYPE_GSO)
			rc = take_gso(p, &s.extra);
		else if (s.extra.type != XEN_NETIF_EXTRA_TYPE_HASH)
			rc = -EPROTO;
		if (rc != 1)
			return rc;
	}
	return 1;
}

/*
 * The requests of the next chain, and what its flags and extra infos say of the
 * frame. 1, 0 for an empty ring, -EPROTO.
 */
static int take_requests(struct netback *b, struct packet *p)
{
	uint16_t flags = NETTXF_more_data;

	*p = (struct packet){.status = NETIF_RSP_OKAY};
	while (flags & NETTXF_more_data) {
		union slot s;
		int rc = p->slots < SLOTS_MAX
				 ? ring_back_get(&b->tx.ring, &s, sizeof(s))
				 : -EPROTO;

		if (rc != 1)
			return p->slots ? -EPROTO : rc;
		p->request[p->slots++] = s.request;
		flags = s.request.flags;
		if (p->slots == 1 && flags & NETTXF_extra_info)
			rc = take_extras(b, p);
		if (rc != 1)
			return rc;
	}
	return 1;
}

/*
 * The first request has the size of the whole: give it its own. 1; 0: it is no
 * frame; -EPROTO.
 */
static int find_sizes(struct packet *p, uint32_t *total)
{
	uint32_t rest = 0;
	bool good;

	*total = p->request[0].size;
	for (unsigned i = 1; i < p->slots; i++)
		rest += p->request[i].size;
	good = *total >= ETHERNET_LEAST && rest < *total;
	p->request[0].size = good ? (uint16_t)(*total - rest) : 0;
	for (unsigned i = 0; i < p->slots; i++)
		if (p->request[i].offset + p->request[i].size > PAGE_SIZE)
			return -EPROTO;
	return good;
}

/* What is left of a piece's page. */
static uint32_t room_after(const struct net_piece *q)
{
	return PAGE_SIZE - ((uintptr_t)q->data & (PAGE_SIZE - 1)) - q->size;
}

/* An empty piece in a page of its own, for what lies at `offset` of another. */
static struct net_piece *add_piece(struct net_frame *f, uint32_t offset)
{
	unsigned char *page = net_page_get(f->from);

	if (!page)
		return NULL;
	f->piece[f->pieces] = (struct net_piece){.data = page + offset % LINE};
	return &f->piece[f->pieces++];
}

/*
 * How many of n bytes go to the last piece: all; as many as the head wants; or
 * 0, another piece is needed.
 */
static uint32_t fitting(const struct net_frame *f, uint32_t n)
{
	const struct net_piece *q;

	if (!f->pieces)
		return 0;
	q = &f->piece[f->pieces - 1];
	if (n <= room_after(q))
		return n;
	return f->pieces == 1 && q->size < NETBACK_HEAD ? NETBACK_HEAD - q->size
							: 0;
}

static bool plan_request(struct netback *b, struct packet *p,
			 const struct netif_tx_request *r)
{
	uint32_t from = r->offset, end = from + r->size, n;

	for (; from < end; from += n) {
		struct gnttab_copy_op *c = &batch.copy[batch.copies];
		struct net_piece *q;

		n = fitting(p->frame, end - from);
		if (n) {
			q = &p->frame->piece[p->frame->pieces - 1];
		} else {
			n = end - from;
			q = add_piece(p->frame, from);
			if (!q)
				return false;
		}
		*c = (struct gnttab_copy_op){
			.from = {.ref = r->gref,
				 .domid = b->dev->peer,
				 .offset = (uint16_t)from},
			.to = {.local = q->data + q->size},
			.len = (uint16_t)n,
		};
		q->size += n;
		batch.copies++;
		p->copies++;
	}
	return true;
}

/* A frame for the chain's data, and the copies; NULL: memory is short. */
static struct net_frame *plan_frame(struct netback *b, struct packet *p,
				    uint32_t size)
{
	p->frame = net_frame_new(b->net.pool);
	for (unsigned i = 0; p->frame && i < p->slots; i++) {
		if (plan_request(b, p, &p->request[i]))
			continue;
		net_frame_free(p->frame);
		p->frame = NULL;
		batch.copies -= p->copies;
		p->copies = 0;
	}
	if (p->frame)
		p->frame->size = size;
	return p->frame;
}

static uint8_t sum_of(const struct netif_tx_request *r)
{
	return r->flags & NETTXF_csum_blank       ? NET_SUM_BLANK
	       : r->flags & NETTXF_data_validated ? NET_SUM_GOOD
						  : NET_SUM_UNKNOWN;
}

/* The next chain into the batch: 1, 0 for an empty ring, -EPROTO. */
static int take_packet(struct netback *b)
{
	struct packet *p = &batch.packet[batch.packets];
	uint32_t total;
	int rc = take_requests(b, p), good;

	if (rc != 1)
		return rc;
	good = find_sizes(p, &total);
	if (good < 0)
		return good;
	batch.packets++;
	if (!good) {
		p->status = NETIF_RSP_ERROR;
		b->net.stat.rx_errors++;
		return 1;
	}
	if (!plan_frame(b, p, total)) {
		p->status = NETIF_RSP_DROPPED;
		b->net.stat.rx_dropped++;
		return 1;
	}
	p->frame->sum = sum_of(&p->request[0]);
	p->frame->gso = p->gso;
	p->frame->gso_size = p->gso_size;
	batch.frames++;
	return 1;
}

/* --- a batch -------------------------------------------------------------- */

/* Each request has an answer, in order; an extra info has none of its own. */
static void answer(struct netback *b, const struct packet *p)
{
	struct netif_tx_response r = {.status = p->status};
	struct netif_tx_response null = {.status = NETIF_RSP_NULL};

	for (unsigned i = 0; i < p->slots; i++) {
		r.id = p->request[i].id;
		ring_back_put(&b->tx.ring, &r, sizeof(r));
		for (unsigned k = 0; i == 0 && k < p->extras; k++)
			ring_back_put(&b->tx.ring, &null, sizeof(null));
	}
}

static void count(struct net_stat *s, const struct net_frame *f)
{
	s->rx_frames++;
	s->rx_bytes += f->size;
	s->rx_gso += f->gso != NET_GSO_NONE;
}

/* Copy, answer, hand out; the number of frames. */
static unsigned finish(struct netback *b, struct net_frame **frames)
{
	const struct gnttab_copy_op *c = batch.copy;
	unsigned got = 0;

	if (batch.copies)
		gnttab_copy(batch.copy, batch.copies, 0);
	for (unsigned i = 0; i < batch.packets; i++) {
		struct packet *p = &batch.packet[i];

		for (unsigned k = 0; k < p->copies; k++, c++)
			if (c->status)
				p->status = NETIF_RSP_ERROR;
		answer(b, p);
		if (!p->frame)
			continue;
		if (p->status == NETIF_RSP_OKAY) {
			count(&b->net.stat, p->frame);
			frames[got++] = p->frame;
		} else {
			b->net.stat.rx_errors++;
			net_frame_free(p->frame);
		}
	}
	batch.packets = batch.copies = batch.frames = 0;
	return got;
}

static bool batch_full(void)
{
	return batch.packets == PACKETS || batch.copies >= NETBACK_COPIES;
}

int netback_receive(struct net *n, struct net_frame **frames, unsigned max)
{
	struct netback *b = netback_of(n);
	unsigned got = 0;
	int rc = 1;

	if (!b->running || b->paused)
		return 0;
	/* also what is no frame counts: no more than a ring of that */
	for (unsigned taken = 0;
	     rc == 1 && taken < b->tx.ring.size && got + batch.frames < max;
	     taken++) {
		if (batch_full())
			got += finish(b, frames + got);
		rc = take_packet(b);
	}
	got += finish(b, frames + got);
	netback_push(b, &b->tx);
	if (rc < 0)
		netback_broken(b, "it sent what is no frame");
	return (int)got;
}

bool netback_arm_receive(struct net *n)
{
	struct netback *b = netback_of(n);

	return b->running && !b->paused && ring_back_arm(&b->tx.ring) == 1;
}
