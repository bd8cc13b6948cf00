/* SPDX-License-Identifier: ISC */
/*
 * The firewall's interfaces, as all its parts see them, and where frames go.
 *
 *     main.c   interfaces come and go         arp.c   ARP
 *     route.c  where a packet goes            out.c   frames that leave
 *
 * Frames are taken in batches, and leave in batches: the copies of many frames
 * to a client are one hypercall, and so is what tells a peer of them.
 */
#ifndef FIREWALL_WALL_H
#define FIREWALL_WALL_H

#include <fata/net.h>
#include <fata/xen/netback.h>

#define BATCH 64 /* frames of one client before the others' turn */

struct client {
	struct client *next;
	struct net *net;
	struct netback_client who;
	uint32_t ip;
};

struct wall {
	struct net *uplink;
	struct net_info info; /* the uplink's */
	uint32_t own_ip, gateway_ip;
	unsigned char gateway_mac[6];
	bool gateway_known;
	struct client *clients;
};

extern struct wall wall;

/* Ours, towards clients. */
extern const unsigned char vif_mac[6];

/* NULL: nobody has it. */
struct client *client_by_ip(uint32_t ip);

/* --- out.c: frames that leave when a batch has been looked at -------------
 *
 * At most BATCH are added before the flush; each is its interface's then, or
 * is dropped and counted. Nobody may wait between out_client and out_flush:
 * the client could go meanwhile.
 */
struct out {
	uint64_t patience; /* ns that the uplink is waited for */
	struct client *to; /* whose `frame` are */
	struct net_frame *frame[BATCH], *uplink[BATCH];
	unsigned frames, uplinks;
};

void out_client(struct out *o, struct client *c, struct net_frame *f);
void out_uplink(struct out *o, const unsigned char *mac, struct net_frame *f);
void out_gateway(struct out *o, struct net_frame *f);

/*
 * A client that takes nothing loses frames, and holds nobody up. The uplink is
 * waited for: who sends too much waits, and so in the end does its own TCP.
 */
void out_flush(struct out *o);

/* --- arp.c ---------------------------------------------------------------- */

bool is_arp(const struct net_frame *f);
void arp_from_client(struct out *o, struct client *c, struct net_frame *f);
void arp_from_uplink(struct out *o, struct net_frame *f);

/* Now and then: it may have moved. */
void arp_ask_for_gateway(void);

/* --- route.c -------------------------------------------------------------- */

/* A batch of frames of a client's, of the uplink's. Can block. */
void route_from_client(struct client *c, struct net_frame **frames, int n);
void route_from_uplink(struct net_frame **frames, int n);

#endif
