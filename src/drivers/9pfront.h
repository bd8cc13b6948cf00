/* SPDX-License-Identifier: ISC */
/*
 * The frontend of shared folders (9pfs): its parts and what they share.
 *
 *     9pfront.c        folders by tag; connecting, losing the backend
 *     9pfront_ring.c   the rings' memory, grants, event channels, keys
 *     9pfront_io.c     requests out, replies in
 *
 * A ring is an interface page and 2^order pages of data, of which the first
 * half carries replies and the second half requests, as streams of bytes:
 *
 *     interface  in_cons in_prod . out_cons out_prod . order . ref[]
 *     data       | in: backend -> us | out: us -> backend |
 *
 * Several rings are one connection: what was opened over one is open on all.
 * A backend works on one request of a ring at a time, so a second ring is what
 * lets a large read not hold up a small one. A reply comes on ring number (tag
 * mod rings), whichever ring carried the request: so tags are given out by the
 * ring.
 *
 * A request reserves room for the largest reply that it can have, so a backend
 * never has to wait for us to make room.
 */
#ifndef FATA_DRIVERS_9PFRONT_H
#define FATA_DRIVERS_9PFRONT_H

#include <core/p9.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/xenbus.h>
#include <xen/byte_ring.h>

#define P9_RINGS 2
#define P9_ORDER 7  /* 256 KiB each way */
#define P9_SLOTS 32 /* requests under way, all rings; a multiple of P9_RINGS */
#define P9_NOTAG 0xffff

/* Seconds that a suspend waits for answers. */
#define P9_DRAIN_S 5

/* A request on a ring; its index is its tag, the last one's P9_NOTAG. */
struct p9_slot {
	bool busy;
	uint8_t type;	      /* as sent */
	uint32_t room;	      /* of the reply */
	struct p9_request *r; /* NULL: nobody waits for it any more */
};

struct p9_ring {
	struct p9front *front;
	struct byte_ring in, out;
	uint32_t promised; /* bytes of `in` that replies may take */
	struct evtchn evtchn;
	void *page, *data;
	uint32_t ref[1 + (1 << P9_ORDER)]; /* the page's, then the data's */
};

struct p9front {
	struct p9_channel channel;
	struct p9front *all;
	char *tag;
	struct xenbus_device *dev; /* NULL: unplugged */
	bool paused;		   /* about to be suspended */
	bool spoiled;		   /* the backend broke the rules */
	uint32_t connections;
	unsigned rings, order;
	struct p9_ring ring[P9_RINGS];
	struct p9_slot slot[P9_SLOTS + 1];
};

/* --- 9pfront_ring.c ------------------------------------------------------- */

/* Make the rings for d->peer; write their keys; forget them. */
int p9_rings_open(struct p9front *f);
int p9_rings_publish(struct p9front *f, struct xs_transaction *t);
void p9_rings_free(struct p9front *f);

/* --- 9pfront_io.c --------------------------------------------------------- */

/* A ring's event channel. */
void p9_event(void *ring);

/* Requests that have no reply yet. */
unsigned p9_in_flight(const struct p9front *f);

/* End them all: there will be no reply. */
void p9_fail_all(struct p9front *f);

#endif
