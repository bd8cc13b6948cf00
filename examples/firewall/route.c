/* SPDX-License-Identifier: ISC */
/* Where a packet goes; see wall.h. */
#include "nat.h"
#include "packet.h"
#include "rules.h"
#include "wall.h"

#include <fata/metrics.h>
#include <fata/clock.h>
#include <string.h>

static uint64_t forbidden, spoofed, unasked, odd;
FATA_METRIC_COUNTER(forbidden, "firewall.forbidden");
FATA_METRIC_COUNTER(spoofed, "firewall.spoofed");
FATA_METRIC_COUNTER(unasked, "firewall.unasked");
FATA_METRIC_COUNTER(odd, "firewall.odd");

static void drop(struct net_frame *f, uint64_t *why)
{
	++*why;
	net_frame_free(f);
}

static void from_client(struct out *o, struct client *c, struct net_frame *f)
{
	struct client *other;
	struct nat_entry *e;
	struct packet p;

	if (is_arp(f)) {
		arp_from_client(o, c, f);
		return;
	}
	if (!packet_parse(&p, f) || p.error || !packet_hop(&p)) {
		drop(f, &odd);
		return;
	}
	if (p.src != c->ip ||
	    memcmp(f->piece[0].data + 6, c->who.mac, 6) != 0) {
		drop(f, &spoofed);
		return;
	}
	if (!rules_accept(c->ip, &p)) {
		drop(f, &forbidden);
		return;
	}
	other = client_by_ip(p.dst);
	if (other) {
		out_client(o, other, f);
		return;
	}
	/* echo answers go to who asked, and nobody can ask from outside */
	e = p.proto == ICMP && p.icmp_type != ICMP_ECHO
		    ? NULL
		    : nat_out(p.proto, c->ip, p.sport, p.dst,
			      p.proto == ICMP ? 0 : p.dport);
	if (!e) {
		drop(f, &odd);
		return;
	}
	packet_set_src(&p, wall.own_ip, e->port);
	out_gateway(o, f);
}

/* The connection that a packet from outside belongs to. */
static struct nat_entry *find(struct packet *p, struct packet *inner)
{
	if (!p->error)
		return p->proto == ICMP && p->icmp_type != ICMP_ECHO_REPLY
			       ? NULL
			       : nat_in(p->proto, p->dport, p->src,
					p->proto == ICMP ? 0 : p->sport);
	if (!packet_parse_inner(inner, p) || inner->src != wall.own_ip)
		return NULL;
	return nat_in(inner->proto, inner->sport, inner->dst,
		      inner->proto == ICMP ? 0 : inner->dport);
}

static void from_uplink(struct out *o, struct net_frame *f)
{
	struct packet p, inner;
	struct nat_entry *e;
	struct client *c;

	if (is_arp(f)) {
		arp_from_uplink(o, f);
		return;
	}
	if (!packet_parse(&p, f) || !packet_hop(&p)) {
		drop(f, &odd);
		return;
	}
	if (client_by_ip(p.src)) {
		drop(f, &spoofed);
		return;
	}
	e = p.dst == wall.own_ip ? find(&p, &inner) : NULL;
	c = e ? client_by_ip(e->client) : NULL;
	if (!c) {
		drop(f, &unasked);
		return;
	}
	if (p.error)
		packet_set_inner(&inner, &p, true, e->client, e->client_port);
	packet_set_dst(&p, e->client, e->client_port);
	out_client(o, c, f);
}

void route_from_client(struct client *c, struct net_frame **frames, int n)
{
	struct out o = {.patience = 100 * FATA_NS_PER_MS};

	for (int i = 0; i < n; i++)
		from_client(&o, c, frames[i]);
	out_flush(&o);
}

void route_from_uplink(struct net_frame **frames, int n)
{
	struct out o = {.patience = 0};

	for (int i = 0; i < n; i++)
		from_uplink(&o, frames[i]);
	out_flush(&o);
}
