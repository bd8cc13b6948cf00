/* SPDX-License-Identifier: ISC */
/*
 * What clients may send, and where to. A text, as this:
 *
 *     # whom the lines below are for: an address, or * for all others
 *     client 10.0.0.7
 *     action=accept proto=tcp dst4=192.0.2.0/24 dstports=80-443
 *     action=accept specialtarget=dns
 *     action=drop proto=icmp icmptype=8
 *     action=accept
 *
 * The first line that matches decides; when none does the packet is dropped.
 * The words are those of Qubes OS; `specialtarget=dns` is port 53 of UDP and
 * TCP, wherever. Without any text everything is accepted.
 */
#ifndef FIREWALL_RULES_H
#define FIREWALL_RULES_H

#include <stddef.h>

#include "packet.h"

/*
 * Take the rules from a text of n bytes. 0; or the number of the line that is
 * wrong, with *what set to what was expected there. -1: no memory.
 */
int rules_read(const char *text, size_t n, const char **what);

/* May this client send this packet? */
bool rules_accept(uint32_t client, const struct packet *p);

/* "10.0.0.7", "10.0.0.0/8": the bits' number is 32 by default. */
bool rules_parse_net(const char *s, uint32_t *address, unsigned *bits);

#endif
