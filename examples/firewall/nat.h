/* SPDX-License-Identifier: ISC */
/*
 * Connections of clients that go out under the firewall's own address.
 *
 *     client 10.0.0.7:4711 -> 192.0.2.1:80      goes out as
 *     own address    :50123 -> 192.0.2.1:80     port 50123 by chance
 *
 * One table for each protocol, of fixed size: the connection that was used
 * longest ago makes room for a new one.
 */
#ifndef FIREWALL_NAT_H
#define FIREWALL_NAT_H

#include "packet.h"

struct nat_entry {
	uint8_t proto;
	uint32_t client, remote;
	uint16_t client_port, remote_port;
	uint16_t port; /* ours */
	/* private: lists by both keys, and by the last use */
	struct nat_entry *next_out, *next_in, *newer, *older;
};

/* Room for so many connections: 7 in 8 TCP, the others UDP; 100 of ICMP. */
int nat_init(unsigned entries);

/*
 * An echo's id stands for the client's port and for ours; its remote_port is 0.
 *
 * The connection of a packet from a client, made if need be; NULL when no port
 * is free. It has been used.
 */
struct nat_entry *nat_out(uint8_t proto, uint32_t client, uint16_t client_port,
			  uint32_t remote, uint16_t remote_port);

/* That of a packet from outside to our port; NULL: nobody asked for it. */
struct nat_entry *nat_in(uint8_t proto, uint16_t port, uint32_t remote,
			 uint16_t remote_port);

/* A client is gone: so are its connections. */
void nat_forget(uint32_t client);

#endif
