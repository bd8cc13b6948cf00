/* SPDX-License-Identifier: ISC */
/*
 * Our port of a connection that we begin (RFC 6056, algorithm 3): for each
 * destination they are counted up from a place of its own, which others cannot
 * know. The same port serves for several destinations, so that only those to
 * one of them can use up all.
 *
 * lwIP takes a port that no connection has, and goes through all connections
 * for each port it tries: with 16384 that have just ended, one more took ten
 * seconds and was then refused.
 *
 * Interface: stack.h.
 */
#include <lwip/priv/tcp_priv.h>
#include <net/stack.h>

/* As lwIP's and IANA's: 49152 to 65535 (RFC 6335). */
#define FIRST 0xc000u
#define PORTS 0x4000u

/* Taken by somebody who asked for it: listeners, and what is only bound. */
static bool claimed(u16_t port)
{
	struct tcp_pcb_listen *l = tcp_listen_pcbs.listen_pcbs;
	struct tcp_pcb *p = tcp_bound_pcbs;

	while (l && l->local_port != port)
		l = l->next;
	while (p && p->local_port != port)
		p = p->next;
	return l || p;
}

u16_t tcp_port_for(const ip_addr_t *to, u16_t port)
{
	static uint32_t next;
	uint32_t place = tcp_find_hash(to, port, 0);

	for (unsigned i = 0; i < PORTS; i++) {
		u16_t own = (u16_t)(FIRST + (place + next++) % PORTS);

		if (!tcp_find_pcb(to, port, own) && !claimed(own))
			return own;
	}
	return 0;
}
