/* SPDX-License-Identifier: ISC */
/*
 * Addresses that are right for a socket. Those that mean something on one link
 * only (fe80::1, ff02::1) come with the number of its interface, which lwIP
 * calls their zone; 0 is the zone of the interface that the socket is bound
 * to, or of the only one that there is (RFC 4007, 6). What is refused is what
 * Linux refuses, with the same numbers; lwIP by itself binds to anything.
 */
#include <errno.h>
#include <lwip/ip.h>
#include <net/socket.h>
#include <net/stack.h>

#define NOWHERE 255 /* no interface has this number */

static bool scoped(const ip_addr_t *a)
{
	return IP_IS_V6_VAL(*a) && ip6_addr_has_scope(ip_2_ip6(a), IP6_UNKNOWN);
}

void scope_set(ip_addr_t *a, uint32_t number)
{
	bool known = number < NOWHERE;

	if (scoped(a)) /* it means nothing to others */
		ip6_addr_set_zone(ip_2_ip6(a), known ? (u8_t)number : NOWHERE);
}

static u8_t zone(const ip_addr_t *a)
{
	return scoped(a) ? ip6_addr_zone(ip_2_ip6(a)) : 0;
}

bool scope_is(const ip_addr_t *a, const struct netif *netif)
{
	u8_t n = zone(a);

	if (!netif)
		return n && !netif_get_by_index(n);
	return !n || n == netif_get_index(netif);
}

/* Where there is a choice, the first, or 0. */
static u8_t default_zone(bool choose)
{
	const struct link *l = stack_links;

	return l && (choose || !l->next) ? netif_get_index(&l->netif) : 0;
}

int scope_reach(const struct socket *s, ip_addr_t *a, bool choose)
{
	u8_t bound = zone(&((const struct ip_pcb *)s->pcb)->local_ip), n;

	if (!scoped(a))
		return 0;
	n = zone(a);
	if (n && bound && n != bound)
		return -EINVAL;
	n = n ? n : bound ? bound : default_zone(choose);
	if (!n)
		return -EINVAL;
	ip6_addr_set_zone(ip_2_ip6(a), n);
	return netif_get_by_index(n) ? 0 : -ENETUNREACH;
}

static bool has4(const struct netif *n, const ip4_addr_t *a, bool stream)
{
	if (ip4_addr_cmp(netif_ip4_addr(n), a))
		return true;
	return !stream && ip4_addr_isbroadcast(a, n);
}

static bool has6(const struct netif *n, const ip6_addr_t *a)
{
	s8_t i = netif_get_ip6_addr_match((struct netif *)n, a);

	return i >= 0 && ip6_addr_isvalid(netif_ip6_addr_state(n, i));
}

static bool ours(const ip_addr_t *a, bool stream)
{
	const struct netif *n;

	if (ip_addr_isany(a) || ip_addr_isloopback(a))
		return true;
	if (ip_addr_ismulticast(a))
		return !stream;
	NETIF_FOREACH(n)
	if (IP_IS_V6_VAL(*a) ? has6(n, ip_2_ip6(a))
			     : has4(n, ip_2_ip4(a), stream))
		return true;
	return false;
}

int scope_bind(const struct socket *s, ip_addr_t *a)
{
	if (scoped(a) && !zone(a))
		ip6_addr_set_zone(ip_2_ip6(a), default_zone(false));
	if (scoped(a) && !zone(a))
		return -EINVAL;
	if (scoped(a) && !netif_get_by_index(zone(a)))
		return -ENODEV;
	return ours(a, s->kind == SOCKET_TCP) ? 0 : -EADDRNOTAVAIL;
}
