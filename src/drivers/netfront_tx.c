/* SPDX-License-Identifier: ISC */
/*
 * Sending. A frame becomes consecutive requests (xen/io/netif.h, "Guest
 * transmit"):
 *
 *     request 0   piece 0's page, size of the whole frame, flags
 *     extra info  GSO type and segment size, only with gso
 *     request 1.. the other pieces, each its own size
 *
 * Each request has an id, and the frame is freed when all its ids have come
 * back. Responses are not waited for: they are collected when the next frame
 * is sent, or by the channel's event when the ring is short of room.
 */
#include <core/assert.h>
#include <drivers/netfront.h>
#include <errno.h>
#include <fata/page.h>
#include <fata/xen/gnttab.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/io/netif.h>

/* The slots of one frame: its pieces and the extra info. */
#define SLOTS_MAX (NET_PIECES + 1)

/*
 * Bytes in flight at the most. A frame for another guest counts until that
 * guest has it, and its netback drops what comes on top of 512 KiB that wait
 * (XENVIF_RX_QUEUE_BYTES in drivers/net/xen-netback/common.h): a burst of ours
 * alone must not lose its own end there. The ring itself takes up to 1 MiB.
 */
#define BYTES_MAX (448u << 10)

/* What a slot of the ring holds: both structures are padded to 12 bytes. */
union tx_slot {
	struct netif_tx_request request;
	struct netif_extra_info extra;
	unsigned char pad[12];
};

int net_tx_start(struct net_queue *q, uint16_t peer)
{
	struct net_tx *tx = &q->tx;
	void *page = page_alloc(0);
	int rc;

	if (!page)
		return -ENOMEM;
	rc = gnttab_alloc(tx->ref, NET_RING, xenbus_deadline());
	if (rc) {
		page_free(page, 0);
		return rc;
	}
	rc = gnttab_share(&tx->ring_ref, peer, page, true, xenbus_deadline());
	if (rc) {
		gnttab_end_pages(tx->ref, NET_RING, NULL, 0);
		page_free(page, 0);
		return rc;
	}
	ring_front_init(&tx->ring, page, PAGE_SIZE, sizeof(union tx_slot),
			RING_START);
	tx->served = tx->ring.rsp_cons;
	tx->extras = 0;
	tx->bytes = 0;
	ring_ids_init(&tx->ids, tx->next, NET_RING);
	memset(tx->frame, 0, sizeof(tx->frame));
	memset(tx->page, 0, sizeof(tx->page));
	return 0;
}

/* The page of a request is the frame's no more: gnttab frees it. */
static void forget(struct net_tx *tx, unsigned id)
{
	struct net_frame *f = tx->frame[id];

	gnttab_end_pages(&tx->ref[id], 1, tx->page[id], 0);
	for (unsigned i = 0; f && i < f->pieces; i++)
		if (net_page_of(f->piece[i].data) == tx->page[id])
			f->piece[i].data = NULL;
	tx->page[id] = NULL;
	tx->frame[id] = NULL;
	if (f && --f->in_flight == 0)
		net_frame_free(f); /* with the pages that had come back */
}

void net_tx_stop(struct net_queue *q)
{
	struct net_tx *tx = &q->tx;

	evtchn_close(&tx->evtchn);
	for (unsigned id = 0; id < NET_RING; id++)
		forget(tx, id);
	gnttab_end_pages(&tx->ring_ref, 1, tx->ring.page, 0);
}

/* The request with this id is done. */
static bool complete(struct net_queue *q, unsigned id)
{
	struct net_tx *tx = &q->tx;
	struct net_frame *f = tx->frame[id];

	if (!f)
		return true; /* of a group */
	if (gnttab_end_access(tx->ref[id])) {
		xenbus_broken(q->net->dev,
			      "a page that was sent is still mapped");
		return false;
	}
	tx->page[id] = NULL;
	tx->frame[id] = NULL;
	if (--f->in_flight == 0) {
		tx->bytes -= f->size;
		net_frame_free(f);
	}
	return true;
}

static bool take_response(struct net_queue *q,
			  const struct netif_tx_response *r)
{
	struct netfront *n = q->net;

	if (r->status == NETIF_RSP_NULL && q->tx.extras) {
		q->tx.extras--; /* the slot of an extra info; has no id */
		return true;
	}
	/* Each slot that comes back frees an id or is an extra info. */
	if (r->status == NETIF_RSP_NULL) {
		xenbus_broken(n->dev, "sent: an answer to nothing");
		return false;
	}
	if (ring_ids_put(&q->tx.ids, r->id)) {
		xenbus_broken(n->dev, "sent: id %u is not in flight", r->id);
		return false;
	}
	n->net.stat.tx_errors += r->status == NETIF_RSP_ERROR;
	n->net.stat.tx_dropped += r->status == NETIF_RSP_DROPPED;
	return complete(q, r->id);
}

bool net_tx_reclaim(struct net_queue *q)
{
	struct netif_tx_response r;
	bool some = false;
	int rc;

	for (unsigned i = 0; i < NET_RING; i++) {
		rc = ring_front_get(&q->tx.ring, &r, sizeof(r));
		if (rc < 0)
			xenbus_broken(q->net->dev, "sent: bad ring index");
		if (rc < 0 || (rc == 1 && !take_response(q, &r)))
			return false;
		if (rc == 0)
			break;
		some = true;
	}
	if (some)
		event_signal(&q->net->on.writable);
	return true;
}

void net_tx_event(void *arg)
{
	struct net_queue *q = arg;

	q->net->net.stat.interrupts++;
	evtchn_served(&q->tx.evtchn,
		      net_ring_moved(&q->tx.ring, &q->tx.served));
	net_tx_reclaim(q);
	if (q->net->untold)
		net_groups_tell(q->net);
}

static uint16_t flags_of(const struct net_frame *f, unsigned piece)
{
	uint16_t flags = piece + 1 < f->pieces ? NETTXF_more_data : 0;

	if (piece)
		return flags;
	if (f->sum == NET_SUM_BLANK)
		flags |= NETTXF_csum_blank | NETTXF_data_validated;
	if (f->sum == NET_SUM_GOOD)
		flags |= NETTXF_data_validated;
	if (f->gso != NET_GSO_NONE)
		flags |= NETTXF_extra_info;
	return flags;
}

static void put_extra(struct net_queue *q, const union tx_slot *slot)
{
	if (!ring_front_put(&q->tx.ring, slot, sizeof(*slot)))
		q->tx.extras++;
}

static void put_gso(struct net_queue *q, const struct net_frame *f)
{
	union tx_slot slot = {.pad = {0}};

	slot.extra.type = XEN_NETIF_EXTRA_TYPE_GSO;
	slot.extra.u.gso.size = f->gso_size;
	slot.extra.u.gso.type = f->gso == NET_GSO_TCPV4
					? XEN_NETIF_GSO_TYPE_TCPV4
					: XEN_NETIF_GSO_TYPE_TCPV6;
	put_extra(q, &slot);
}

/* What another interface's frames left behind in the page is not shown. */
static void hide_rest(const struct net_piece *p)
{
	unsigned char *page = net_page_of(p->data);
	size_t before = (size_t)(p->data - page);

	memset(page, 0, before);
	memset(p->data + p->size, 0, PAGE_SIZE - before - p->size);
}

static void put_piece(struct net_queue *q, struct net_frame *f, unsigned i)
{
	struct net_tx *tx = &q->tx;
	struct netfront *n = q->net;
	struct net_piece *p = &f->piece[i];
	union tx_slot slot = {.pad = {0}};
	int id = ring_ids_get(&tx->ids), rc;

	ASSERT(id >= 0); /* as many ids as slots, and there was room */
	if (f->from != &n->pool || !n->trusted)
		hide_rest(p);
	rc = gnttab_grant_access(tx->ref[id], n->dev->peer,
				 net_page_of(p->data), false);
	ASSERT(!rc);
	slot.request = (struct netif_tx_request){
		.gref = tx->ref[id],
		.offset = (uintptr_t)p->data & (PAGE_SIZE - 1),
		.flags = flags_of(f, i),
		.id = (uint16_t)id,
		.size = (uint16_t)(i ? p->size : f->size),
	};
	tx->frame[id] = f;
	tx->page[id] = net_page_of(p->data);
	f->in_flight++;
	ring_front_put(&tx->ring, &slot, sizeof(slot));
}

static bool fits(struct net_tx *tx, unsigned slots, uint32_t bytes)
{
	return ring_front_free(&tx->ring) >= slots &&
	       tx->bytes + bytes <= BYTES_MAX;
}

static bool has_room(struct net_queue *q, unsigned slots, uint32_t bytes)
{
	if (!fits(&q->tx, slots, bytes))
		net_tx_reclaim(q);
	return q->net->running && fits(&q->tx, slots, bytes);
}

static void push(struct netfront *n)
{
	for (unsigned i = 0; i < n->queues; i++) {
		struct net_tx *tx = &n->queue[i].tx;

		if (!ring_front_push(&tx->ring))
			continue;
		n->net.stat.notified++;
		evtchn_notify(&tx->evtchn);
	}
}

bool net_tx_group(struct netfront *n, uint8_t type, const unsigned char *mac)
{
	struct net_queue *q = &n->queue[0];
	union tx_slot slot = {.pad = {0}};
	int id;

	if (!has_room(q, 2, 0))
		return false;
	id = ring_ids_get(&q->tx.ids);
	ASSERT(id >= 0);
	slot.request.flags = NETTXF_extra_info;
	slot.request.id = (uint16_t)id;
	ring_front_put(&q->tx.ring, &slot, sizeof(slot));
	slot = (union tx_slot){.pad = {0}};
	slot.extra.type = type;
	memcpy(slot.extra.u.mcast.addr, mac, 6);
	put_extra(q, &slot);
	push(n);
	return true;
}

/* Put as many frames as fit; their number, or why the first is refused. */
int netfront_send(struct net *net, struct net_frame **frames, unsigned count)
{
	struct netfront *n = netfront_of(net);
	unsigned done = 0;
	int rc = 0;

	if (!n->running || n->paused)
		return -ENETDOWN;
	for (; done < count; done++) {
		struct net_frame *f = frames[done];
		struct net_queue *q;

		rc = net_frame_judge(net, f);
		if (!rc && f->pieces > 1 && !n->sg)
			rc = -EMSGSIZE;
		if (rc)
			break;
		/* room for a frame of any size */
		q = net_queue_of(n, f);
		if (!has_room(q, SLOTS_MAX, f->size))
			break;
		q->tx.bytes += f->size;
		n->net.stat.tx_frames++;
		n->net.stat.tx_bytes += f->size;
		n->net.stat.tx_gso += f->gso != NET_GSO_NONE;
		for (unsigned i = 0; i < f->pieces; i++) {
			put_piece(q, f, i);
			if (i == 0 && f->gso != NET_GSO_NONE)
				put_gso(q, f);
		}
	}
	if (done)
		push(n);
	return done ? (int)done : rc;
}

bool netfront_arm_send(struct net *net)
{
	struct netfront *n = netfront_of(net);
	bool some = false;

	for (unsigned i = 0; n->running && i < n->queues; i++)
		if (ring_front_arm(&n->queue[i].tx.ring))
			some |= net_tx_reclaim(&n->queue[i]);
	return some;
}
