/* SPDX-License-Identifier: ISC */
/*
 * The headers of received frames that lwIP reads without asking for the length.
 *
 *     0        14              34       38        42   54
 *     | Ethernet | IPv4 header   | ports |         .    .
 *     | Ethernet | ARP                             |    .
 *     | Ethernet | IPv6 header                          | extensions ...
 *
 * Nothing pads frames here, and the last fragment of a packet may have a single
 * byte of data, so what is too short depends on what it is. Headers are in the
 * first piece: a backend's pieces are pages.
 */
#include <net/headers.h>
#include <string.h>

#define ETHERNET 14
#define IPV4     (ETHERNET + 20)
#define ARP      (ETHERNET + 28)
#define IPV6     (ETHERNET + 40)

enum {
	HOP_BY_HOP = 0,
	TCP = 6,
	UDP = 17,
	ROUTING = 43,
	FRAGMENT = 44,
	OPTIONS = 60
};

/* TCP's header at `at`: its options are NOPs, or a kind, a length, the rest. */
static bool tcp_whole(const unsigned char *p, uint32_t at, uint32_t n)
{
	uint32_t end, i = at + 20;

	if (n < i)
		return false;
	end = at + (p[at + 12] >> 4) * 4u;
	if (n < end)
		return false;
	while (i < end && p[i]) {
		if (p[i] == 1)
			i++;
		else if (i + 2 > end || p[i + 1] < 2 || i + p[i + 1] > end)
			return false;
		else
			i += p[i + 1];
	}
	return true;
}

/*
 * A datagram that is not for us may be an answer of DHCP: lwIP looks for its
 * port. Only the later fragments of what is for us may be shorter.
 */
static bool ipv4_whole(const unsigned char *p, uint32_t n, uint32_t own)
{
	uint32_t at = ETHERNET + (p[14] & 15) * 4u;
	bool later = (p[20] & 0x1f) | p[21]; /* a fragment, not the first */

	if (p[23] == TCP)
		return later || tcp_whole(p, at, n);
	if (p[23] != UDP || n >= at + 4)
		return true;
	return later && !memcmp(p + 30, &own, 4);
}

/* The options in [at, end): a byte of 0, or a type, a length, as much data. */
static bool options_whole(const unsigned char *p, uint32_t at, uint32_t end)
{
	while (at < end) {
		if (!p[at])
			at++;
		else if (at + 2 > end || at + 2 + p[at + 1] > end)
			return false;
		else
			at += 2 + p[at + 1];
	}
	return true;
}

static bool ipv6_whole(const unsigned char *p, uint32_t n)
{
	unsigned char next = p[20];
	uint32_t at = IPV6, size;

	while (next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT ||
	       next == OPTIONS) {
		if (n < at + 8)
			return false;
		size = next == FRAGMENT ? 8 : (p[at + 1] + 1) * 8u;
		if (n < at + size)
			return false;
		if ((next == HOP_BY_HOP || next == OPTIONS) &&
		    !options_whole(p, at + 2, at + size))
			return false;
		if (next == FRAGMENT && ((p[at + 2] << 8 | p[at + 3]) & ~7))
			return true; /* not the first: no header follows */
		next = p[at];
		at += size;
	}
	return next != TCP || tcp_whole(p, at, n);
}

bool headers_whole(const unsigned char *p, uint32_t n, uint32_t own)
{
	if (n < IPV4)
		return false;
	if (p[12] == 0x08 && p[13] == 0x00)
		return ipv4_whole(p, n, own);
	if (p[12] == 0x08 && p[13] == 0x06)
		return n >= ARP;
	if (p[12] == 0x86 && p[13] == 0xdd)
		return n >= IPV6 && ipv6_whole(p, n);
	return true;
}
