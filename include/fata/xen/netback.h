/* SPDX-License-Identifier: ISC */
/*
 * Network backends: a guest (a "driver domain"), or a Linux process in dom0,
 * that serves network interfaces to other guests; a firewall, a router, a
 * switch. Each interface of a client is a struct net: fata/net.h says how
 * frames move. What the client sends is received from it, and what is sent to
 * it the client receives.
 *
 *     netback_serve(NETBACK_ALL, deadline);
 *     while (!netback_accept(&n, &client, FATA_FOREVER))
 *             a task for it:  while (net_receive(n, frames, 64, ...) > 0)
 *                                     ...
 *                             netback_close(n);
 *
 * A client's interface goes down and up again as its driver likes (net_changed,
 * net_info); when the toolstack takes it away, or the client ends, net_receive
 * and net_send return -ENODEV for ever, and netback_close frees it.
 *
 * Clients are not trusted. All that they send is a copy of our own, and the
 * first NETBACK_HEAD bytes of a frame lie in its first piece: enough for all
 * headers, wherever the client cut them. One that breaks the protocol is
 * disconnected, with a line in the log; one that takes nothing is the caller's
 * to drop frames for (net_send with deadline 0); and how many frames of one
 * client are received in succession the caller says.
 *
 * With xl: docs/network.md. Source: xen/io/netif.h.
 */
#ifndef FATA_XEN_NETBACK_H
#define FATA_XEN_NETBACK_H

#include <fata/net.h>

FATA_BEGIN

/* Bytes of a received frame, or all of it, that lie together. */
#define NETBACK_HEAD 256

/*
 * What clients may leave to us, beside the checksums of TCP and UDP over IPv4,
 * which they always may (NET_SUM_BLANK).
 */
#define NETBACK_SUM6 1u /* over IPv6 too */
#define NETBACK_GSO4 2u /* TCP frames larger than the MTU (net_frame.gso) */
#define NETBACK_GSO6 4u
#define NETBACK_ALL  7u

/*
 * Serve all clients that the toolstack gives us from now on. Returns 0, or the
 * errors of xenbus_register. Can block.
 */
int netback_serve(unsigned offer, uint64_t deadline);

/* Who a client is, by the toolstack's word. */
struct netback_client {
	uint16_t domid;
	uint32_t vif; /* 0, 1, ... of its interfaces */
	unsigned char mac[6];
	/* its addresses are net_info's, as xl's `ip=` gives them */
};

/*
 * The next interface of a client that has connected. It is the caller's until
 * netback_close. Returns 0, -ETIMEDOUT, -ECANCELED. Can block.
 */
int netback_accept(struct net **n, struct netback_client *client,
		   uint64_t deadline);

/* Signalled when netback_accept may have one. */
struct event *netback_acceptable(void);

/*
 * Tell the client whether its cable is plugged in; at first it is. 0, or an
 * error of xenstore. Can block.
 */
int netback_carrier(struct net *n, bool on);

/*
 * The end of an interface from netback_accept. If its client is still there, it
 * is disconnected and not served again until it is plugged in anew. No other
 * task may be using n. Does not block.
 */
void netback_close(struct net *n);

FATA_END
#endif
