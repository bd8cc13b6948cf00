/* SPDX-License-Identifier: ISC */
/*
 * The network frontend: its parts and what they share.
 *
 *     netfront.c     interfaces by name, connecting and losing the backend
 *     netfront_keys.c  what is read from xenstore and written there
 *     netfront_tx.c  sending             netfront_rx.c  receiving
 *     nethash.c      which queue a frame is sent by
 *     netgroup.c     multicast groups
 *
 * A queue is a pair of rings of 256 slots, each with, where the backend can,
 * an event channel of its own. There is one, unless the boot parameter
 * net-queues asks for more: the backend then spreads flows over them, and so
 * do we; the frames of one flow stay in order. Every page is granted for the
 * time of its transfer only and the grant is ended before anybody looks at what
 * was received, so the backend cannot change it any more. Granting and ending
 * are writes to memory, not hypercalls.
 */
#ifndef FATA_DRIVERS_NETFRONT_H
#define FATA_DRIVERS_NETFRONT_H

#include <core/net.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/xenbus.h>
#include <xen/ring.h>

#define NET_RING 256

/* Queues of an interface at the most. */
#define NET_QUEUES 8

/* Groups at the most: what Linux's backend keeps for an interface. */
#define NET_GROUPS 64

struct net_tx {
	struct ring_front ring;
	struct evtchn evtchn;
	uint32_t served; /* rsp_cons at the last event */
	uint32_t extras; /* requests in flight that have no id */
	uint32_t bytes;  /* of the frames in flight */
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

struct net_queue {
	struct netfront *net;
	unsigned index;
	struct net_tx tx;
	struct net_rx rx;
};

/* A multicast group; wanted while refs, known to the backend if told. */
struct net_group {
	unsigned char mac[6];
	bool told;
	uint16_t refs;
};

struct netfront {
	struct net net; /* first */
	struct net_events on;
	struct xenbus_device *dev;
	struct netfront *all; /* the next interface */
	int number;
	bool running; /* rings are there and the backend is connected */
	bool paused;  /* about to be suspended */
	bool split;   /* a channel for each direction */
	bool sg;      /* frames of more than one piece */
	bool trusted; /* the backend may see what else is in a page */
	struct net_queue *queue;
	unsigned queues, turn; /* turn: the first to be received from */
	unsigned queues_max;   /* what the backend offers */
	unsigned char hash_key[40];
	/* multicast: what the backend offers, what is asked of it */
	bool can_filter, can_switch, filter;
	struct net_group group[NET_GROUPS];
	unsigned groups, untold;
	struct net_frame discard; /* what is dropped for want of memory */
	struct net_pool pool;
};

static inline struct netfront *netfront_of(struct net *n)
{
	return (struct netfront *)n;
}

/* Rings of one direction: 0 or an error after which nothing is left over. */
int net_tx_start(struct net_queue *q, uint16_t peer);
int net_rx_start(struct net_queue *q, uint16_t peer);

/* Their end; the peer may still have pages mapped. */
void net_tx_stop(struct net_queue *q);
void net_rx_stop(struct net_queue *q);

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

/* Parts of struct net_ops (core/net.h). */
int netfront_receive(struct net *n, struct net_frame **frames, unsigned max);
bool netfront_arm_receive(struct net *n);
int netfront_send(struct net *n, struct net_frame **frames, unsigned count);
bool netfront_arm_send(struct net *n);
int netfront_join(struct net *n, const unsigned char *group);
int netfront_leave(struct net *n, const unsigned char *group);
int netfront_filter(struct net *n, bool on);

/* Take what the backend has answered; false when it broke the rules. */
bool net_tx_reclaim(struct net_queue *q);

/*
 * Tell the backend of a group, by an extra info of this type on an otherwise
 * empty request. False: no room now.
 */
bool net_tx_group(struct netfront *n, uint8_t type, const unsigned char *mac);

/* netfront_keys.c: what the backend and the toolstack say; 0 or an error. */
int net_read_identity(struct netfront *n);
int net_read_features(struct netfront *n);
int net_read_carrier(struct netfront *n, bool *carrier);
int net_publish(struct xenbus_device *d, struct xs_transaction *t);

/* nethash.c: the queue for a frame that is sent. */
struct net_queue *net_queue_of(struct netfront *n, const struct net_frame *f);

/*
 * netgroup.c: tell the backend what it does not know yet, as far as there is
 * room; and after a new connection, everything.
 */
void net_groups_tell(struct netfront *n);
void net_groups_renew(struct netfront *n);

#endif
