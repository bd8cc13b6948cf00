/* SPDX-License-Identifier: ISC */
/*
 * What the interface does for us: checksums, and cutting large segments.
 *
 * A segment that tcp_cut.c made is larger than the MTU, would be fragmented by
 * lwIP's ip4_frag, and is caught there: a TCP packet goes on whole, and the
 * interface gets it as a GSO frame with the real segment size. The build
 * renames lwIP's own fragmenting to lwip_ip4_frag.
 *
 * A checksum that the interface finishes begins as the sum of the pseudo
 * header (netif.h, NETTXF_csum_blank).
 */
#include <core/net_sum.h>
#include <errno.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <lwip/prot/udp.h>
#include <net/stack.h>
#include <stddef.h>
#include <string.h>

err_t lwip_ip4_frag(struct pbuf *p, struct netif *netif,
		    const ip4_addr_t *dest);
err_t lwip_ip6_frag(struct pbuf *p, struct netif *netif,
		    const ip6_addr_t *dest);

/* A datagram that will be fragmented: nobody after us sees the whole of it. */
static void sum_datagram(struct pbuf *p, u16_t header, const ip_addr_t *from,
			 const ip_addr_t *to)
{
	struct udp_hdr *udp;

	if (p->len < header + sizeof(*udp) || pbuf_remove_header(p, header))
		return;
	udp = p->payload;
	udp->chksum = 0;
	udp->chksum = ip_chksum_pseudo(p, IP_PROTO_UDP, p->tot_len, from, to);
	if (!udp->chksum)
		udp->chksum = 0xffff;
	pbuf_add_header(p, header);
}

static void sum_datagram4(struct pbuf *p)
{
	const struct ip_hdr *ip = p->payload;
	ip_addr_t from = IPADDR4_INIT(ip->src.addr);
	ip_addr_t to = IPADDR4_INIT(ip->dest.addr);

	if (IPH_PROTO(ip) == IP_PROTO_UDP)
		sum_datagram(p, IPH_HL_BYTES(ip), &from, &to);
}

static void sum_datagram6(struct pbuf *p)
{
	const struct ip6_hdr *ip = p->payload;
	ip_addr_t from, to;

	ip_addr_copy_from_ip6_packed(from, ip->src);
	ip_addr_copy_from_ip6_packed(to, ip->dest);
	if (IP6H_NEXTH(ip) == IP6_NEXTH_UDP)
		sum_datagram(p, IP6_HLEN, &from, &to);
}

/* The packet is TCP's own, and the interface will cut it. */
err_t ip4_frag(struct pbuf *p, struct netif *netif, const ip4_addr_t *dest)
{
	const struct ip_hdr *ip = p->payload;
	const struct link *l = netif->state;

	if (l && l->info.send_gso4 && netif->hints &&
	    IPH_PROTO(ip) == IP_PROTO_TCP)
		return netif->output(netif, p, dest);
	sum_datagram4(p);
	return lwip_ip4_frag(p, netif, dest);
}

err_t ip6_frag(struct pbuf *p, struct netif *netif, const ip6_addr_t *dest)
{
	const struct ip6_hdr *ip = p->payload;
	const struct link *l = netif->state;

	if (l && l->info.send_gso6 && netif->hints &&
	    IP6H_NEXTH(ip) == IP6_NEXTH_TCP)
		return netif->output_ip6(netif, p, dest);
	sum_datagram6(p);
	return lwip_ip6_frag(p, netif, dest);
}

/* --- receiving ------------------------------------------------------------ */

/*
 * A fragment of an IPv6 packet that would be longer than 65535 bytes with its
 * headers. Such packets exist (the length in the header leaves 40 bytes out),
 * but lwIP's buffers count no further, and it takes that for a bug of its own.
 */
static bool too_long(const struct net_frame *f)
{
	const unsigned char *p = f->piece[0].data;
	uint32_t at = 54, n = f->piece[0].size, end;
	uint8_t next;

	if (n < at || p[12] != 0x86 || p[13] != 0xdd)
		return false;
	next = p[20];
	/* hop by hop, routing, destination: the length is in 8 bytes */
	while ((next == 0 || next == 43 || next == 60) && at + 8 <= n) {
		next = p[at];
		at += 8 + p[at + 1] * 8u;
	}
	if (next != 44 || at + 8 > n)
		return false;
	/* where it ends: all headers but the fragment's, which is dropped */
	end = ((uint32_t)p[at + 2] << 8 | (p[at + 3] & 0xf8)) +
	      ((uint32_t)p[18] << 8 | p[19]) + 40 - 8;
	return end > 65535;
}

bool offload_valid(const struct net_frame *f)
{
	struct net_transport t;

	if (too_long(f))
		return false;
	if (f->sum != NET_SUM_UNKNOWN || !net_transport_find(f, &t))
		return true;
	if (t.protocol == IP_PROTO_UDP && !t.v6 && !t.sum[0] && !t.sum[1])
		return true; /* UDP over IPv4 may have none */
	return net_sum_right(f, &t);
}

/* --- sending ------------------------------------------------------------- */

void offload_setup(struct link *l)
{
	u16_t make = NETIF_CHECKSUM_GEN_IP | NETIF_CHECKSUM_GEN_ICMP |
		     NETIF_CHECKSUM_GEN_ICMP6;

	/* TCP's and UDP's are begun in finish_header, whatever the version. */
	NETIF_SET_CHECKSUM_CTRL(&l->netif, make | NETIF_CHECKSUM_CHECK_IP |
						   NETIF_CHECKSUM_CHECK_ICMP |
						   NETIF_CHECKSUM_CHECK_ICMP6);
}

/*
 * The segment size of the connection that a frame is of. lwIP leaves the
 * sender's hints with the interface while it sends; but not when a packet had
 * to wait for the neighbour's address: then the connection is looked for, and
 * may be gone.
 */
static uint16_t sender_mss(struct netif *netif, const struct net_frame *f,
			   const struct net_transport *t)
{
	const char *hints = (const char *)netif->hints;
	const unsigned char *to = f->piece[0].data + t->ip + (t->v6 ? 24 : 16);
	const struct tcp_pcb *pcb;
	ip_addr_t a = {0};

	if (hints)
		return tcp_cut_real_mss((
			const struct tcp_pcb *)(hints - offsetof(struct tcp_pcb,
								 netif_hints)));
	memcpy(t->v6 ? &ip_2_ip6(&a)->addr[0] : &ip_2_ip4(&a)->addr, to,
	       t->v6 ? 16 : 4);
	IP_SET_TYPE_VAL(a, t->v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
	if (t->v6)
		ip6_addr_assign_zone(ip_2_ip6(&a), IP6_UNICAST, netif);
	pcb = tcp_find_pcb(&a, (u16_t)(t->header[2] << 8 | t->header[3]),
			   (u16_t)(t->header[0] << 8 | t->header[1]));
	return pcb ? tcp_cut_real_mss(pcb) : 536; /* RFC 9293, 3.7.1 */
}

static void finish_header(struct link *l, struct net_frame *f)
{
	struct net_transport t;

	if (!net_transport_find(f, &t))
		return;
	net_sum_make(f, &t, t.v6 ? l->info.send_sum6 : l->info.send_sum4);
	if (f->size > l->info.mtu + 14 && t.protocol == IP_PROTO_TCP) {
		f->gso = t.v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
		f->gso_size = sender_mss(&l->netif, f, &t);
	}
}

struct net_frame *offload_frame(struct link *l, struct pbuf *p)
{
	struct net_frame *f = net_frame_alloc(l->net, p->tot_len, 0);
	u16_t at = 0;

	if (!f)
		return NULL;
	for (unsigned i = 0; i < f->pieces; i++) {
		pbuf_copy_partial(p, f->piece[i].data, (u16_t)f->piece[i].size,
				  at);
		at += (u16_t)f->piece[i].size;
	}
	stack_copied += p->tot_len;
	finish_header(l, f);
	return f;
}
