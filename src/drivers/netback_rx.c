/* SPDX-License-Identifier: ISC */
/*
 * What clients receive, and we send. They post empty pages; a frame fills as
 * many of them as it needs, each to its end (xen/io/netif.h, "Guest receive"):
 *
 *     ours     |..AAAAAA|  |BBBBB...|        pieces, at any offset
 *     client   |AAAAAABB|BBB.....|           its pages
 *
 *     response 0   offset, length, flags
 *     extra info   with gso, in a slot whose page stays unused
 *     response 1.. while NETRXF_more_data
 *
 * The data of many frames is copied by one hypercall; what cannot be copied
 * (a page that the client does not grant) is answered with an error. A frame is
 * done with when net_send returns: no client holds on to memory of ours.
 */
#include <drivers/netback.h>
#include <errno.h>
#include <string.h>
#include <xen/io/netif.h>

#define SLOTS_MAX   (NET_FRAME_MAX / PAGE_SIZE + 2) /* with an extra info */
#define ANSWERS_MAX NETBACK_COPIES

union slot {
	struct netif_rx_request request;
	struct netif_rx_response response;
	struct netif_extra_info extra;
};

_Static_assert(sizeof(union slot) == NETBACK_RX_SLOT, "as netif.h has it");
_Static_assert(NET_PIECES + SLOTS_MAX <= NETBACK_COPIES,
	       "a frame fits into a batch");

/* Answers that wait for their data to be copied; one send at a time. */
static struct {
	union slot answer[ANSWERS_MAX];
	uint8_t copies_of[ANSWERS_MAX]; /* how many belong to each */
	struct gnttab_copy_op copy[NETBACK_COPIES];
	unsigned answers, copies;
} batch;

static uint16_t flags_of(const struct net_frame *f)
{
	return (f->sum == NET_SUM_BLANK
			? NETRXF_csum_blank | NETRXF_data_validated
		: f->sum == NET_SUM_GOOD ? NETRXF_data_validated
					 : 0) |
	       (f->gso != NET_GSO_NONE ? NETRXF_extra_info : 0);
}

/* A place in a frame. */
struct cursor {
	const struct net_piece *piece;
	uint32_t at;
};

/* Fill a page of the client's, as far as the frame goes; the bytes in it. */
static uint32_t plan_page(struct netback *b, uint32_t ref, struct cursor *c,
			  uint32_t left)
{
	uint32_t filled = 0, n;

	for (; filled < PAGE_SIZE && left; filled += n, left -= n) {
		struct gnttab_copy_op *op = &batch.copy[batch.copies++];

		n = c->piece->size - c->at;
		if (n > PAGE_SIZE - filled)
			n = PAGE_SIZE - filled;
		*op = (struct gnttab_copy_op){
			.from = {.local = c->piece->data + c->at},
			.to = {.ref = ref,
			       .domid = b->dev->peer,
			       .offset = (uint16_t)filled},
			.len = (uint16_t)n,
		};
		batch.copies_of[batch.answers]++;
		c->at += n;
		if (c->at == c->piece->size)
			*c = (struct cursor){.piece = c->piece + 1};
	}
	return filled;
}

/* Take the next request, of which there are enough. */
static union slot next_slot(struct netback *b)
{
	union slot s = {.response = {.id = 0}};

	ring_back_get(&b->rx.ring, &s, sizeof(s));
	return s;
}

static void put_gso(struct netback *b, const struct net_frame *f)
{
	next_slot(b);
	batch.copies_of[batch.answers] = 0;
	batch.answer[batch.answers++] = (union slot){
		.extra = {
			.type = XEN_NETIF_EXTRA_TYPE_GSO,
			.u.gso = {.size = f->gso_size,
				  .type = f->gso == NET_GSO_TCPV4
						  ? XEN_NETIF_GSO_TYPE_TCPV4
						  : XEN_NETIF_GSO_TYPE_TCPV6},
		}};
}

static void put_frame(struct netback *b, const struct net_frame *f)
{
	struct cursor c = {.piece = f->piece};
	uint16_t flags = flags_of(f);
	uint32_t left = f->size;

	while (left) {
		struct netif_rx_request r = next_slot(b).request;
		bool gso = flags & NETRXF_extra_info;
		uint32_t n;

		batch.copies_of[batch.answers] = 0;
		n = plan_page(b, r.gref, &c, left);
		left -= n;
		if (left)
			flags |= NETRXF_more_data;
		batch.answer[batch.answers++] = (union slot){
			.response = {.id = r.id,
				     .flags = flags,
				     .status = (int16_t)n},
		};
		if (gso)
			put_gso(b, f);
		flags = 0;
	}
}

static void finish(struct netback *b)
{
	const struct gnttab_copy_op *c = batch.copy;

	if (batch.copies)
		gnttab_copy(batch.copy, batch.copies, 0);
	for (unsigned i = 0; i < batch.answers; i++) {
		union slot *s = &batch.answer[i];
		bool bad = false;

		for (unsigned k = 0; k < batch.copies_of[i]; k++, c++)
			bad |= c->status != 0;
		if (bad) {
			s->response.status = NETIF_RSP_ERROR;
			b->net.stat.tx_errors++;
		}
		ring_back_put(&b->rx.ring, s, sizeof(*s));
	}
	batch.answers = batch.copies = 0;
	netback_push(b, &b->rx);
}

static unsigned slots_of(const struct net_frame *f)
{
	return (f->size + PAGE_SIZE - 1) / PAGE_SIZE + (f->gso != NET_GSO_NONE);
}

/* 1: put; 0: no room now; or why it can never be sent. */
static int send_one(struct netback *b, const struct net_frame *f)
{
	unsigned slots = slots_of(f);
	int rc = net_frame_judge(&b->net, f);

	if (!rc && f->size > PAGE_SIZE && !b->sg)
		rc = -EMSGSIZE;
	if (rc)
		return rc;
	/* a copy for each piece, and for each page of theirs that ends in one
	 */
	if (batch.answers + slots > ANSWERS_MAX ||
	    batch.copies + f->pieces + slots > NETBACK_COPIES)
		finish(b);
	rc = ring_back_want(&b->rx.ring, slots);
	if (rc < 0) {
		netback_broken(b, "it posted more pages than there are slots");
		return -ENETDOWN;
	}
	if (rc)
		put_frame(b, f);
	return rc;
}

int netback_send(struct net *n, struct net_frame **frames, unsigned count)
{
	struct netback *b = netback_of(n);
	unsigned done = 0;
	int rc = 1;

	if (!b->running || b->paused)
		return -ENETDOWN;
	for (; done < count; done++) {
		rc = send_one(b, frames[done]);
		if (rc != 1)
			break;
		n->stat.tx_frames++;
		n->stat.tx_bytes += frames[done]->size;
		n->stat.tx_gso += frames[done]->gso != NET_GSO_NONE;
	}
	finish(b);
	for (unsigned i = 0; i < done; i++)
		net_frame_free(frames[i]);
	return done ? (int)done : rc;
}

/* net_send has asked for as many pages as it needs already. */
bool netback_arm_send(struct net *n)
{
	(void)n;
	return false;
}
