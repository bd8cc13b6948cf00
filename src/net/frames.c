/* SPDX-License-Identifier: ISC */
/*
 * Frames between lwIP and the interfaces.
 *
 * Receiving: a frame's pieces become a chain of custom pbufs that point into
 * its pages; the frame is freed with the last of them. Nothing is copied.
 *
 * Sending: lwIP's packet is copied into a frame's pages, once. Frames are
 * collected and sent together when a batch is full, when the receiving round
 * ends, or when a socket call ends (stack_flush), so that one notification
 * serves many. What the ring has no room for waits, up to a limit; beyond it
 * streams keep their data, and are asked again when there is room: one that
 * has nothing on its way would hear of no other reason to.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fata/metrics.h>
#include <lwip/priv/tcp_priv.h>
#include <net/headers.h>
#include <net/socket.h>
#include <net/stack.h>

#define BATCH   16  /* frames collected before they are sent */
#define BACKLOG 256 /* frames that wait for the ring at the most */

/* A received frame, as seen by lwIP: one pbuf for each piece. */
struct packet {
	struct net_frame *frame;
	unsigned refs; /* pbufs that lwIP still holds */
	struct part {
		struct pbuf_custom pbuf;
		struct packet *packet;
	} part[];
};

static void part_freed(struct pbuf *p)
{
	struct packet *k = ((struct part *)p)->packet;

	if (--k->refs)
		return;
	net_frame_free(k->frame);
	heap_free(k);
}

/* NULL when memory is short; the frame is then still the caller's. */
static struct pbuf *wrap(struct net_frame *f)
{
	struct packet *k =
		heap_alloc(sizeof(*k) + f->pieces * sizeof(k->part[0]));
	struct pbuf *chain = NULL;

	if (!k)
		return NULL;
	*k = (struct packet){.frame = f, .refs = f->pieces};
	for (unsigned i = 0; i < f->pieces; i++) {
		struct part *part = &k->part[i];
		u16_t size = (u16_t)f->piece[i].size;
		struct pbuf *p;

		part->packet = k;
		part->pbuf.custom_free_function = part_freed;
		p = pbuf_alloced_custom(PBUF_RAW, size, PBUF_REF, &part->pbuf,
					f->piece[i].data, size);
		if (chain)
			pbuf_cat(chain, p);
		else
			chain = p;
	}
	return chain;
}

static uint64_t bad_frames, bad_sums, no_memory;
FATA_METRIC_COUNTER(bad_frames, "ip.bad-frames");
FATA_METRIC_COUNTER(bad_sums, "ip.bad-checksums");
FATA_METRIC_COUNTER(no_memory, "ip.no-memory");

void frames_receive(struct link *l, struct net_frame *f)
{
	struct pbuf *p = NULL;

	if (f->size > 0xffff ||
	    !headers_whole(f->piece[0].data, f->piece[0].size,
			   netif_ip4_addr(&l->netif)->addr)) {
		bad_frames++;
	} else if (!offload_valid(f)) {
		bad_sums++;
	} else {
		p = wrap(f);
		no_memory += !p;
	}
	if (!p)
		net_frame_free(f);
	else if (l->netif.input(p, &l->netif) != ERR_OK)
		pbuf_free(p);
}

/* Send what waits, as far as the ring has room. */
static void flush(struct link *l)
{
	while (l->first) {
		/* after: what follows each; a frame that was taken is gone */
		struct net_frame *batch[BATCH], *after[BATCH];
		unsigned n = 0, taken;
		int rc;

		for (struct net_frame *f = l->first; f && n < BATCH;
		     f = f->next) {
			batch[n] = f;
			after[n++] = f->next;
		}
		rc = net_send(l->net, batch, n, 0);
		if (rc == -ETIMEDOUT)
			return;
		taken = rc > 0 ? (unsigned)rc : 1;
		if (rc < 0) /* refused for good, or the interface is down */
			net_frame_free(batch[0]);
		l->first = after[taken - 1];
		l->waiting -= taken;
	}
}

static bool was_full;

bool frames_full(void)
{
	for (struct link *l = stack_links; l; l = l->next)
		if (l->waiting >= BACKLOG)
			return was_full = true;
	return false;
}

void frames_flush(void)
{
	bool room = true;

	netif_poll_all(); /* what the guest sends to itself */
	for (struct link *l = stack_links; l; l = l->next) {
		if (l->first)
			flush(l);
		room &= l->waiting < BACKLOG / 2;
	}
	if (!was_full || !room)
		return;
	was_full = false;
	tcp_txnow();
	for (struct link *l = stack_links; l; l = l->next)
		if (l->first)
			flush(l);
	socket_room();
}

err_t frames_output(struct netif *netif, struct pbuf *p)
{
	struct link *l = netif->state;
	struct net_frame *f;

	if (l->waiting >= BACKLOG) {
		was_full = true;
		return ERR_MEM;
	}
	f = offload_frame(l, p);
	if (!f)
		return ERR_MEM;
	f->next = NULL;
	if (l->first)
		l->last->next = f;
	else
		l->first = f;
	l->last = f;
	if (++l->waiting >= BATCH)
		flush(l);
	return ERR_OK;
}
