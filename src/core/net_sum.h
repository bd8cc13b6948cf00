/* SPDX-License-Identifier: ISC */
/*
 * The TCP or UDP header of a frame and its checksum, over IPv4 and IPv6. A sum
 * that an interface finishes begins as that of the pseudo header (netif.h,
 * NETTXF_csum_blank).
 */
#ifndef FATA_CORE_NET_SUM_H
#define FATA_CORE_NET_SUM_H

#include <fata/net.h>

#define NET_TCP 6
#define NET_UDP 17

/* Where it is, and what its checksum covers. */
struct net_transport {
	unsigned char *header; /* contiguous for at least 20 (UDP: 8) bytes */
	unsigned char *sum;    /* the field */
	unsigned ip, offset;   /* of the IP and the transport header */
	unsigned length;       /* transport header and data */
	uint8_t protocol;
	bool v6;
};

/*
 * Look into the frame's first piece. False: not TCP or UDP, a fragment, or cut
 * off.
 */
bool net_transport_find(const struct net_frame *f, struct net_transport *t);

/* Is the sum in the frame, a finished one, right? */
bool net_sum_right(const struct net_frame *f, const struct net_transport *t);

/* Put the sum into the frame, whatever stands there: begun only, or finished.
 */
void net_sum_make(struct net_frame *f, const struct net_transport *t,
		  bool blank);

/* Of n bytes as 16-bit words, folded; the complement of IPv4's header sum. */
uint16_t net_sum_of(const unsigned char *p, uint32_t n);

#endif
