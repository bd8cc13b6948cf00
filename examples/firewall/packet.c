/* SPDX-License-Identifier: ISC */
/* IPv4 packets; see packet.h. */
#include "packet.h"

#include <stddef.h>

static bool is_error(uint8_t type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_EXCEEDED;
}

/* Ports, or what stands for them; `room` bytes are there. */
static bool parse_l4(struct packet *p)
{
	switch (p->proto) {
	case TCP:
	case UDP:
		if (p->room < 8)
			return false;
		p->sport = get16(p->l4);
		p->dport = get16(p->l4 + 2);
		return true;
	case ICMP:
		if (p->room < 8)
			return false;
		p->icmp_type = p->l4[0];
		p->error = is_error(p->icmp_type);
		if (p->icmp_type == ICMP_ECHO ||
		    p->icmp_type == ICMP_ECHO_REPLY)
			p->sport = p->dport = get16(p->l4 + 4);
		return true;
	default:
		return false;
	}
}

/* The packet that begins at ip, with n bytes there. */
static bool parse_ip(struct packet *p, unsigned char *ip, uint32_t n)
{
	if (n < 20 || ip[0] != 0x45)
		return false;
	/* a fragment */
	if ((ip[6] & 0x3f) || ip[7])
		return false;
	p->ip = ip;
	p->l4 = ip + 20;
	p->room = n - 20;
	p->proto = ip[9];
	p->src = get32(ip + 12);
	p->dst = get32(ip + 16);
	return parse_l4(p);
}

bool packet_parse(struct packet *p, struct net_frame *f)
{
	unsigned char *data = f->piece[0].data;
	uint32_t n = f->piece[0].size, length;

	*p = (struct packet){.frame = f};
	if (n < 34 || get16(data + 12) != 0x0800)
		return false;
	length = get16(data + 16);
	if (length > f->size - 14)
		return false;
	if (length < n - 14)
		n = length + 14; /* the rest is padding */
	if (!parse_ip(p, data + 14, n - 14))
		return false;
	return p->proto != TCP || p->room >= 20;
}

bool packet_parse_inner(struct packet *inner, const struct packet *error)
{
	*inner = (struct packet){.frame = error->frame};
	return error->room >= 8 &&
	       parse_ip(inner, error->l4 + 8, error->room - 8) && !inner->error;
}

/* --- checksums ------------------------------------------------------------ */

/* A complete checksum, one word of what it covers changing. */
static void change_sum(unsigned char *sum, uint16_t from, uint16_t to)
{
	uint32_t s = (uint16_t)~get16(sum) + (uint32_t)(uint16_t)~from + to;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	put16(sum, (uint16_t)~s);
}

/* An unfinished one is the plain sum of the pseudo header. */
static void change_blank(unsigned char *sum, uint16_t from, uint16_t to)
{
	uint32_t s = get16(sum) + (uint32_t)(uint16_t)~from + to;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	put16(sum, (uint16_t)s);
}

/* Where the checksum of TCP or UDP is; NULL: there is none. */
static unsigned char *l4_sum(const struct packet *p)
{
	if (p->proto == TCP)
		return p->l4 + 16;
	if (p->proto == UDP &&
	    (get16(p->l4 + 6) || p->frame->sum == NET_SUM_BLANK))
		return p->l4 + 6;
	return NULL;
}

static void change_address(struct packet *p, unsigned char *at, uint32_t to)
{
	uint32_t from = get32(at);
	unsigned char *sum = l4_sum(p);
	bool blank = p->frame->sum == NET_SUM_BLANK;

	for (unsigned shift = 0; shift <= 16; shift += 16) {
		uint16_t a = (uint16_t)(from >> shift);
		uint16_t b = (uint16_t)(to >> shift);

		change_sum(p->ip + 10, a, b);
		if (sum && blank)
			change_blank(sum, a, b);
		else if (sum)
			change_sum(sum, a, b);
	}
	put32(at, to);
}

/* Ports are not in the pseudo header; an ICMP error has none. */
static void change_port(struct packet *p, unsigned char *at, uint16_t to)
{
	unsigned char *sum = p->proto == ICMP ? p->l4 + 2 : l4_sum(p);

	if (p->error)
		return;
	if (sum && (p->proto == ICMP || p->frame->sum != NET_SUM_BLANK))
		change_sum(sum, get16(at), to);
	/* UDP's "none" must not come out of a change */
	if (sum && p->proto == UDP && !get16(sum))
		put16(sum, 0xffff);
	put16(at, to);
}

void packet_set_src(struct packet *p, uint32_t address, uint16_t port)
{
	change_address(p, p->ip + 12, address);
	change_port(p, p->proto == ICMP ? p->l4 + 4 : p->l4, port);
	p->src = address;
	p->sport = port;
}

void packet_set_dst(struct packet *p, uint32_t address, uint16_t port)
{
	change_address(p, p->ip + 16, address);
	change_port(p, p->proto == ICMP ? p->l4 + 4 : p->l4 + 2, port);
	p->dst = address;
	p->dport = port;
}

/* The words of the inner packet are data to the error's own checksum. */
static void change_word(struct packet *error, unsigned char *at, uint16_t to)
{
	change_sum(error->l4 + 2, get16(at), to);
	put16(at, to);
}

void packet_set_inner(struct packet *p, struct packet *error, bool src,
		      uint32_t address, uint16_t port)
{
	unsigned char *ip = p->ip + (src ? 12 : 16);
	unsigned char *l4 = p->proto == ICMP ? p->l4 + 4
			    : src            ? p->l4
					     : p->l4 + 2;
	uint32_t from = get32(ip);

	change_word(error, l4, port);
	for (unsigned i = 0; i < 2; i++) {
		uint16_t to = (uint16_t)(address >> (i ? 0 : 16));
		uint16_t was = (uint16_t)(from >> (i ? 0 : 16));
		uint16_t old = get16(p->ip + 10);

		change_word(error, ip + 2 * i, to);
		change_sum(p->ip + 10, was, to);
		change_sum(error->l4 + 2, old, get16(p->ip + 10));
	}
}

bool packet_hop(struct packet *p)
{
	uint16_t was = get16(p->ip + 8);

	if (p->ip[8] <= 1)
		return false;
	p->ip[8]--;
	change_sum(p->ip + 10, was, get16(p->ip + 8));
	return true;
}
