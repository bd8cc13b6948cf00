/* SPDX-License-Identifier: ISC */
/*
 * An IPv4 packet within a frame: found, checked, and changed with its checksums
 * kept right (RFC 1624), also those that an interface will finish.
 *
 *     frame   [Ethernet 14][IPv4 20..60][TCP, UDP or ICMP][data ...
 *             all that is looked at lies in the first piece
 */
#ifndef FIREWALL_PACKET_H
#define FIREWALL_PACKET_H

#include <fata/net.h>

#define ICMP 1
#define TCP  6
#define UDP  17

/* ICMP's types that matter here. */
#define ICMP_ECHO_REPLY  0
#define ICMP_UNREACHABLE 3
#define ICMP_ECHO        8
#define ICMP_EXCEEDED    11

/* Addresses and ports are numbers in the host's byte order. */
struct packet {
	struct net_frame *frame;
	unsigned char *ip; /* the IP header */
	unsigned char *l4; /* what follows it */
	uint32_t room;     /* bytes of the first piece from l4 on */
	uint32_t src, dst;
	uint8_t proto;
	/* TCP, UDP: ports. ICMP echo: both are its id. Else 0. */
	uint16_t sport, dport;
	uint8_t icmp_type;
	bool error; /* an ICMP error: about the packet that begins at l4 + 8 */
};

/*
 * False: it is no such packet, one that is cut off, a fragment, or has options
 * of IP, which nobody needs.
 */
bool packet_parse(struct packet *p, struct net_frame *f);

/* The packet that an ICMP error is about. */
bool packet_parse_inner(struct packet *inner, const struct packet *error);

/* Change an address or a port (of ICMP: the id), and the checksums. */
void packet_set_src(struct packet *p, uint32_t address, uint16_t port);
void packet_set_dst(struct packet *p, uint32_t address, uint16_t port);

/* The same in a packet within an ICMP error: nobody checks its sums. */
void packet_set_inner(struct packet *p, struct packet *error, bool src,
		      uint32_t address, uint16_t port);

/* One hop less to live: false when it has none left. */
bool packet_hop(struct packet *p);

static inline uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const unsigned char *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static inline void put32(unsigned char *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

#endif
