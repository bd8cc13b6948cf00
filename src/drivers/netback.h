/* SPDX-License-Identifier: ISC */
/*
 * The network backend: its parts and what they share. Directions are named as
 * in xen/io/netif.h, by the client: it transmits what we receive.
 *
 *     netback.c       clients: coming, connecting, going
 *     netback_keys.c  what is read from xenstore and written there
 *     netback_tx.c    from the client        netback_rx.c  to the client
 *
 * One pair of rings for each client: with one CPU there is nothing to gain by
 * more. Xen copies all data (GNTTABOP_copy, many in a hypercall), both ways.
 * Mapping the client's pages would save the copy, and cost two hypercalls and
 * two flushes of the TLB; it would keep the client's memory for as long as a
 * frame waits somewhere; and the client could change what was checked already.
 */
#ifndef FATA_DRIVERS_NETBACK_H
#define FATA_DRIVERS_NETBACK_H

#include <core/list.h>
#include <core/net.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/netback.h>
#include <fata/xen/xenbus.h>
#include <xen/ring.h>

/* Bytes of a slot: netif.h's structures, padded, or as they are. */
#define NETBACK_TX_SLOT 12
#define NETBACK_RX_SLOT 8

/* Copies that go out in one hypercall, at most. */
#define NETBACK_COPIES 64

/* One direction. */
struct netback_ring {
	struct ring_back ring;
	struct evtchn evtchn; /* only tx's, unless they are split */
	uint32_t served;      /* req_seen at the last event */
};

struct netback {
	struct net net; /* first */
	struct net_events on;
	struct list link; /* of all */
	struct xenbus_device *dev;
	struct netback_client client;
	struct gnttab_page page[2]; /* the rings', tx and rx */
	struct netback_ring tx, rx;
	bool running;  /* rings are there and the client is connected */
	bool paused;   /* we are about to be suspended */
	bool split;    /* a channel for each direction */
	bool sg;       /* the client takes frames of several pages */
	bool no_link;  /* what netback_carrier said */
	bool accepted; /* by the program */
};

static inline struct netback *netback_of(struct net *n)
{
	return (struct netback *)n;
}

/* netback_keys.c: 0 or an error; -EOPNOTSUPP: a client that we cannot serve. */
int netback_read_own(struct netback *b);
int netback_read_wishes(struct netback *b);
int netback_read_rings(struct netback *b, uint32_t *refs, uint32_t *ports);
int netback_publish(struct netback *b, struct xs_transaction *t,
		    unsigned offer);

/* Parts of struct net_ops (core/net.h). */
int netback_receive(struct net *n, struct net_frame **frames, unsigned max);
bool netback_arm_receive(struct net *n);
int netback_send(struct net *n, struct net_frame **frames, unsigned count);
bool netback_arm_send(struct net *n);

/* Show the client what was answered. */
void netback_push(struct netback *b, struct netback_ring *r);

/* The client broke the rules: nothing is taken from it any more. */
void netback_broken(struct netback *b, const char *what);

#endif
