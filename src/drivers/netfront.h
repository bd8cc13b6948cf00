/* SPDX-License-Identifier: ISC */
/*
 * The network frontend: its parts and what they share.
 *
 *     netfront.c     interfaces by name, connecting and losing the backend
 *     netfront_tx.c  sending             netfront_rx.c  receiving
 *     netframe.c     frames and the pages that they are made of
 *
 * Each direction has a ring of 256 slots and, where the backend can, an event
 * channel of its own. Every page is granted for the time of its transfer only
 * and the grant is ended before anybody looks at what was received, so the
 * backend cannot change it any more. Granting and ending are writes to memory,
 * not hypercalls.
 */
#ifndef FATA_DRIVERS_NETFRONT_H
#define FATA_DRIVERS_NETFRONT_H

#include <fata/net.h>
#include <fata/page.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/xenbus.h>
#include <xen/ring.h>

#define NET_RING 256

/* Pages that an interface keeps for its next frames. */
#define NET_POOL 512

struct net_tx {
	struct ring_front ring;
	struct evtchn evtchn;
	uint32_t served; /* rsp_cons at the last event */
	uint32_t extras; /* requests in flight that have no id */
	struct ring_ids ids;
	uint16_t next[NET_RING];
	uint32_t ring_ref;
	uint32_t ref[NET_RING];
	/* by id: what is in flight */
	struct net_frame *frame[NET_RING];
	void *page[NET_RING];
};

struct net_rx {
	struct ring_front ring;
	struct evtchn evtchn;
	uint32_t served;
	uint32_t ring_ref;
	uint32_t ref[NET_RING];
	/* by slot: responses come in the order of the requests */
	void *page[NET_RING];
};

struct net {
	struct xenbus_device *dev;
	struct net *all; /* the next interface */
	int number;
	struct net_info info;
	struct net_stat stat;
	struct event readable, writable, changed;
	bool running; /* rings are there and the backend is connected */
	bool paused;  /* about to be suspended */
	bool split;   /* a channel for each direction */
	bool sg;      /* frames of more than one piece */
	struct net_tx tx;
	struct net_rx rx;
	struct net_frame discard; /* what is dropped for want of memory */
	void *pool[NET_POOL];
	unsigned pooled;
};

/* The page that a piece lies in. */
static inline void *net_page_of(const void *p)
{
	return (void *)((uintptr_t)p & ~(uintptr_t)(PAGE_SIZE - 1));
}

/* A page for a frame: from the pool, else a new one. NULL: memory is short. */
void *net_page_get(struct net *n);
void net_page_put(struct net *n, void *page);

/* An empty frame without pieces. A piece without data owns no page. */
struct net_frame *net_frame_new(struct net *n);

/* Rings of one direction: 0 or an error after which nothing is left over. */
int net_tx_start(struct net *n, uint16_t peer);
int net_rx_start(struct net *n, uint16_t peer);

/* Their end; the peer may still have pages mapped. */
void net_tx_stop(struct net *n);
void net_rx_stop(struct net *n);

/*
 * Did an event have a reason? There are responses, or some were taken since
 * the last event, by a task that was quicker than the event.
 */
static inline bool net_ring_moved(struct ring_front *r, uint32_t *served)
{
	bool moved = ring_front_poll(r) || r->rsp_cons != *served;

	*served = r->rsp_cons;
	return moved;
}

/* Handlers of the channels. */
void net_tx_event(void *arg);
void net_rx_event(void *arg);

/* Take what the backend has sent; false when it broke the rules. */
bool net_tx_reclaim(struct net *n);

#endif
