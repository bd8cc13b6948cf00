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

/* --- headers ------------------------------------------------------------- */

/* Where the checksum of a frame's TCP or UDP is, and what it covers. */
struct transport {
	unsigned char *header; /* contiguous for at least `least` bytes */
	unsigned ip, offset;   /* of the IP and the transport header */
	unsigned length;       /* transport header and data */
	uint8_t protocol;
	bool v6;
};

/* Look into the frame's first piece. False: not TCP or UDP, or cut off. */
static bool find_transport(const struct net_frame *f, struct transport *t)
{
	unsigned char *p = f->piece[0].data;
	uint32_t n = f->piece[0].size, least;

	if (n < 14 + 20)
		return false;
	t->ip = 14;
	if (p[12] == 0x08 && p[13] == 0x00) {
		unsigned total = (unsigned)p[16] << 8 | p[17];

		t->v6 = false;
		t->offset = 14 + (p[14] & 15) * 4u;
		t->protocol = p[23];
		if (t->offset < 34 || total < t->offset - 14 ||
		    total > f->size - 14)
			return false;
		/* a fragment has no whole checksum */
		if ((p[20] & 0x3f) || p[21])
			return false;
		t->length = total - (t->offset - 14);
	} else if (p[12] == 0x86 && p[13] == 0xdd && n >= 54) {
		t->v6 = true;
		t->offset = 54;
		t->protocol = p[20];
		t->length = (unsigned)p[18] << 8 | p[19];
		if (t->length > f->size - 54)
			return false;
	} else {
		return false;
	}
	least = t->protocol == IP_PROTO_TCP   ? 20
		: t->protocol == IP_PROTO_UDP ? 8
					      : 0;
	if (!least || t->length < least || n < t->offset + least)
		return false;
	t->header = p + t->offset;
	return true;
}

static unsigned char *sum_field(const struct transport *t)
{
	return t->header + (t->protocol == IP_PROTO_TCP ? 16 : 6);
}

/* Add 16-bit words, most significant byte first; odd lengths are padded. */
static uint64_t add_words(uint64_t sum, const unsigned char *p, uint32_t n)
{
	for (; n >= 2; n -= 2, p += 2)
		sum += (unsigned)p[0] << 8 | p[1];
	return n ? sum + ((unsigned)p[0] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint64_t pseudo_header(const struct net_frame *f,
			      const struct transport *t)
{
	const unsigned char *ip = f->piece[0].data + t->ip;

	return add_words(t->protocol + (uint64_t)t->length,
			 ip + (t->v6 ? 8 : 12), t->v6 ? 32 : 8);
}

/* The sum over all of the transport's bytes, piece by piece. */
static uint64_t whole_sum(const struct net_frame *f, const struct transport *t)
{
	uint64_t sum = pseudo_header(f, t);
	uint32_t skip = t->offset, left = t->length, at = 0;

	for (unsigned i = 0; i < f->pieces && left; i++) {
		const struct net_piece *p = &f->piece[i];
		uint32_t n = p->size - skip < left ? p->size - skip : left;
		uint16_t part = fold(add_words(0, p->data + skip, n));

		/* a piece that begins at an odd byte counts swapped */
		sum += at & 1 ? (uint16_t)(part << 8 | part >> 8) : part;
		at += n;
		left -= n;
		skip = 0;
	}
	return sum;
}

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
	struct transport t;

	if (too_long(f))
		return false;
	if (f->sum != NET_SUM_UNKNOWN || !find_transport(f, &t))
		return true;
	if (t.protocol == IP_PROTO_UDP && !t.v6 && !sum_field(&t)[0] &&
	    !sum_field(&t)[1])
		return true; /* UDP over IPv4 may have none */
	return fold(whole_sum(f, &t)) == 0xffff;
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
			   const struct transport *t)
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
	struct transport t;
	bool blank;
	uint16_t sum;

	if (!find_transport(f, &t))
		return;
	blank = t.v6 ? l->info.send_sum6 : l->info.send_sum4;
	sum_field(&t)[0] = sum_field(&t)[1] = 0;
	sum = blank ? fold(pseudo_header(f, &t))
		    : (uint16_t)~fold(whole_sum(f, &t));
	if (!blank && !sum && t.protocol == IP_PROTO_UDP)
		sum = 0xffff;
	sum_field(&t)[0] = (unsigned char)(sum >> 8);
	sum_field(&t)[1] = (unsigned char)sum;
	f->sum = blank ? NET_SUM_BLANK : NET_SUM_GOOD;
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
