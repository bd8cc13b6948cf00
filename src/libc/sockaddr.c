/* SPDX-License-Identifier: ISC */
/*
 * Socket addresses, between Linux's structures and lwIP's. A v6 socket sees
 * v4 peers as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).
 */
#include <errno.h>
#include <libc/socket.h>
#include <libc/user.h>
#include <net/socket.h>
#include <string.h>

/* struct sockaddr_in and sockaddr_in6, as they lie in memory. */
struct in4 {
	uint16_t family, port;
	uint32_t address;
	uint8_t zero[8];
};

struct in6 {
	uint16_t family, port;
	uint32_t flow;
	uint32_t address[4];
	uint32_t scope;
};

#define MAPPED 0x0000ffffu /* as a 32-bit word in host order */

static uint16_t swap16(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

static void from_in6(const struct in6 *a, struct endpoint *e)
{
	e->port = swap16(a->port);
	if (!a->address[0] && !a->address[1] &&
	    a->address[2] == __builtin_bswap32(MAPPED)) {
		ip_addr_set_ip4_u32(&e->address, a->address[3]);
		return;
	}
	IP_SET_TYPE(&e->address, IPADDR_TYPE_V6);
	memcpy(ip_2_ip6(&e->address)->addr, a->address, 16);
	scope_set(&e->address, a->scope);
}

int sockaddr_in(const struct socket *s, const void *address, unsigned size,
		struct endpoint *e)
{
	union {
		struct in4 v4;
		struct in6 v6;
	} a;

	if (size < sizeof(a.v4) || size > 128)
		return -EINVAL;
	if (!user_readable(address, size))
		return -EFAULT;
	memset(&a, 0, sizeof(a));
	memset(e, 0, sizeof(*e));
	memcpy(&a, address, size < sizeof(a) ? size : sizeof(a));
	if (a.v4.family == AF_INET && !s->v6) {
		ip_addr_set_ip4_u32(&e->address, a.v4.address);
		e->port = swap16(a.v4.port);
		return 0;
	}
	if (a.v4.family != AF_INET6 || !s->v6)
		return -EAFNOSUPPORT;
	if (size < sizeof(a.v6) - 4)
		return -EINVAL;
	from_in6(&a.v6, e);
	return 0;
}

int sockaddr_out(const struct socket *s, const struct endpoint *e,
		 void *address, unsigned *size)
{
	struct in4 v4 = {.family = AF_INET, .port = swap16(e->port)};
	struct in6 v6 = {.family = AF_INET6, .port = swap16(e->port)};
	const void *from = s->v6 ? (void *)&v6 : (void *)&v4;
	unsigned n = s->v6 ? sizeof(v6) : sizeof(v4), room;

	if (!address)
		return 0;
	if (!user_writable(size, sizeof(*size)))
		return -EFAULT;
	room = *size < n ? *size : n;
	if (!user_writable(address, room))
		return -EFAULT;
	if (IP_IS_V6(&e->address)) {
		memcpy(v6.address, ip_2_ip6(&e->address)->addr, 16);
		v6.scope = ip6_addr_zone(ip_2_ip6(&e->address));
	} else {
		v4.address = ip_2_ip4(&e->address)->addr;
		v6.address[3] = v4.address;
		if (v4.address) /* an unbound socket's is :: */
			v6.address[2] = __builtin_bswap32(MAPPED);
	}
	memcpy(address, from, room);
	*size = n;
	return 0;
}
