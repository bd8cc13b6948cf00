/* SPDX-License-Identifier: ISC */
/*
 * A firewall: a driver domain whose clients reach the network by its uplink,
 * under its address, as far as rules allow (rules.h). Nobody reaches them
 * unasked.
 *
 *     client --vif--> rules --> NAT --> uplink --> gateway
 *     client <--vif-- NAT (only what belongs to a connection) <-- uplink
 *     client --vif--> rules --> another client
 *
 *     main.c    interfaces, ARP, where a packet goes
 *     packet.c  headers and checksums       nat.c  connections
 *     rules.c   what is allowed
 *
 * A client may use the one address that the toolstack gives it, and gets an
 * answer to ARP for any other. IPv6, fragments and options of IP are dropped.
 */
#include "nat.h"
#include "packet.h"
#include "rules.h"

#include <errno.h>
#include <fata/boot.h>
#include <fata/clock.h>
#include <fata/manifest.h>
#include <fata/metrics.h>
#include <fata/net.h>
#include <fata/param.h>
#include <fata/task.h>
#include <fata/xen/netback.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FATA_NAME("firewall", "routes its clients' packets by rules");
FATA_NET("uplink");

#define BATCH 32 /* frames of one client before the others' turn */

static uint64_t nat_size = 5000;
FATA_PARAM_UINT(nat_size, "nat-table-size", "5000",
		"connections that are remembered");
static const char *ip_param = "", *gateway_param = "";
FATA_PARAM_STRING(ip_param, "ip", "the uplink's, from the host",
		  "the firewall's own address");
FATA_PARAM_STRING(gateway_param, "gateway", "",
		  "address of the next router on the uplink");

static uint64_t forbidden, spoofed, unasked, odd, full;
FATA_METRIC_COUNTER(forbidden, "firewall.forbidden");
FATA_METRIC_COUNTER(spoofed, "firewall.spoofed");
FATA_METRIC_COUNTER(unasked, "firewall.unasked");
FATA_METRIC_COUNTER(odd, "firewall.odd");
FATA_METRIC_COUNTER(full, "firewall.full");

struct client {
	struct client *next;
	struct net *net;
	struct netback_client who;
	uint32_t ip;
};

static struct net *uplink;
static struct net_info uplink_info;
static uint32_t own_ip, gateway_ip;
static unsigned char gateway_mac[6];
static bool gateway_known;
static struct client *clients;
static const unsigned char broadcast[6] = {255, 255, 255, 255, 255, 255};
static const unsigned char vif_mac[6] = {0xfe, 255, 255, 255, 255, 255};

static struct client *client_by_ip(uint32_t ip)
{
	struct client *c = clients;

	while (c && c->ip != ip)
		c = c->next;
	return c;
}

static void drop(struct net_frame *f, uint64_t *why)
{
	++*why;
	net_frame_free(f);
}

static void send_to(struct net *n, const unsigned char *from,
		    const unsigned char *to, struct net_frame *f,
		    uint64_t deadline)
{
	memcpy(f->piece[0].data, to, 6);
	memcpy(f->piece[0].data + 6, from, 6);
	if (net_send(n, &f, 1, deadline) != 1)
		drop(f, &full);
}

/*
 * The uplink is waited for: who sends too much waits, and so in the end does
 * its own TCP. Each client has its task.
 */
static void send_uplink(struct net_frame *f)
{
	if (gateway_known)
		send_to(uplink, uplink_info.mac, gateway_mac, f,
			clock_deadline(100 * FATA_NS_PER_MS));
	else
		drop(f, &full);
}

/* One that takes nothing loses frames, and holds nobody up. */
static void send_client(struct client *c, struct net_frame *f)
{
	send_to(c->net, vif_mac, c->who.mac, f, 0);
}

/* --- ARP ------------------------------------------------------------------
 * at 14: types and lengths 8, sender's MAC 6 and IP 4, target's MAC 6 and IP 4
 */

#define ARP_SIZE 42

static bool is_arp(const struct net_frame *f)
{
	static const unsigned char head[6] = {0, 1, 8, 0, 6, 4};
	const unsigned char *p = f->piece[0].data;

	return f->piece[0].size >= ARP_SIZE && get16(p + 12) == 0x0806 &&
	       !memcmp(p + 14, head, sizeof(head));
}

/* Turn a request into its answer: that the address is at `mac`. */
static void arp_answer(unsigned char *p, const unsigned char *mac)
{
	uint32_t asked = get32(p + 38);

	put16(p + 20, 2);
	memcpy(p + 32, p + 22, 10);
	memcpy(p + 22, mac, 6);
	put32(p + 28, asked);
}

static void arp_from_client(struct client *c, struct net_frame *f)
{
	unsigned char *p = f->piece[0].data;

	if (get16(p + 20) != 1 || get32(p + 38) == c->ip ||
	    get32(p + 28) != c->ip) {
		net_frame_free(f);
		return;
	}
	arp_answer(p, vif_mac);
	send_client(c, f);
}

static void arp_from_uplink(struct net_frame *f)
{
	unsigned char *p = f->piece[0].data, asker[6];

	memcpy(asker, p + 22, 6);
	if (get32(p + 28) == gateway_ip) {
		memcpy(gateway_mac, asker, 6);
		gateway_known = true;
	}
	if (get16(p + 20) != 1 || get32(p + 38) != own_ip) {
		net_frame_free(f);
		return;
	}
	arp_answer(p, uplink_info.mac);
	send_to(uplink, uplink_info.mac, asker, f, 0);
}

static void ask_for_gateway(void)
{
	struct net_frame *f = net_frame_alloc(uplink, ARP_SIZE, 0);
	unsigned char *p;

	if (!f)
		return;
	p = f->piece[0].data;
	memset(p, 0, ARP_SIZE);
	put16(p + 12, 0x0806);
	memcpy(p + 14, (const unsigned char[]){0, 1, 8, 0, 6, 4, 0, 1}, 8);
	memcpy(p + 22, uplink_info.mac, 6);
	put32(p + 28, own_ip);
	put32(p + 38, gateway_ip);
	send_to(uplink, uplink_info.mac, broadcast, f, 0);
}

/* --- packets -------------------------------------------------------------- */

static void from_client(struct client *c, struct net_frame *f)
{
	struct client *other;
	struct nat_entry *e;
	struct packet p;

	if (is_arp(f)) {
		arp_from_client(c, f);
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
		send_client(other, f);
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
	packet_set_src(&p, own_ip, e->port);
	send_uplink(f);
}

/* The connection that a packet from outside belongs to. */
static struct nat_entry *find(struct packet *p, struct packet *inner)
{
	if (!p->error)
		return p->proto == ICMP && p->icmp_type != ICMP_ECHO_REPLY
			       ? NULL
			       : nat_in(p->proto, p->dport, p->src,
					p->proto == ICMP ? 0 : p->sport);
	if (!packet_parse_inner(inner, p) || inner->src != own_ip)
		return NULL;
	return nat_in(inner->proto, inner->sport, inner->dst,
		      inner->proto == ICMP ? 0 : inner->dport);
}

static void from_uplink(struct net_frame *f)
{
	struct packet p, inner;
	struct nat_entry *e;
	struct client *c;

	if (is_arp(f)) {
		arp_from_uplink(f);
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
	e = p.dst == own_ip ? find(&p, &inner) : NULL;
	c = e ? client_by_ip(e->client) : NULL;
	if (!c) {
		drop(f, &unasked);
		return;
	}
	if (p.error)
		packet_set_inner(&inner, &p, true, e->client, e->client_port);
	packet_set_dst(&p, e->client, e->client_port);
	send_client(c, f);
}

/* --- interfaces ----------------------------------------------------------- */

static void *serve_uplink(void *arg)
{
	struct net_frame *frames[BATCH];

	(void)arg;
	for (;;) {
		int n = net_receive(uplink, frames, BATCH, FATA_FOREVER);

		for (int i = 0; i < n; i++)
			from_uplink(frames[i]);
		fata_yield();
	}
	return NULL;
}

static void *serve_client(void *arg)
{
	struct client *c = arg, **at = &clients;
	struct net_frame *frames[BATCH];
	int n;

	while ((n = net_receive(c->net, frames, BATCH, FATA_FOREVER)) > 0) {
		for (int i = 0; i < n; i++)
			from_client(c, frames[i]);
		fata_yield();
	}
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	nat_forget(c->ip);
	printf("client %u is gone\n", c->who.domid);
	netback_close(c->net);
	free(c);
	return NULL;
}

/* The first of the toolstack's addresses that is IPv4. */
static bool first_address(const struct net_info *info, uint32_t *ip)
{
	char text[sizeof(info->addresses)], *rest, *word;
	unsigned bits;

	strcpy(text, info->addresses);
	for (word = strtok_r(text, " ,", &rest); word;
	     word = strtok_r(NULL, " ,", &rest))
		if (rules_parse_net(word, ip, &bits) && *ip)
			return true;
	return false;
}

static void add_client(struct net *n, const struct netback_client *who)
{
	struct client *c = calloc(1, sizeof(*c));
	struct net_info info;
	pthread_t t;

	net_info(n, &info);
	if (!c || !first_address(&info, &c->ip) || client_by_ip(c->ip)) {
		printf("client %u is not served: %s\n", who->domid,
		       c ? "it has no address (ip=), or another's" : "memory");
		netback_close(n);
		free(c);
		return;
	}
	c->net = n;
	c->who = *who;
	c->next = clients;
	clients = c;
	printf("client %u: %u.%u.%u.%u\n", who->domid, c->ip >> 24,
	       c->ip >> 16 & 255, c->ip >> 8 & 255, c->ip & 255);
	if (pthread_create(&t, NULL, serve_client, c)) {
		clients = c->next;
		netback_close(n);
		free(c);
		return;
	}
	pthread_detach(t);
}

static int usage(const char *what)
{
	fprintf(stderr, "firewall: %s\n", what);
	return 1;
}

static int read_rules(void)
{
	const struct boot_module *m = boot_module(0);
	const char *expected;
	int line = m ? rules_read(m->data, m->size, &expected) : 0;

	if (line > 0)
		fprintf(stderr, "firewall: rules, line %d: expected %s\n", line,
			expected);
	return line;
}

int main(void)
{
	unsigned bits, offer;
	pthread_t t;

	if (read_rules())
		return 1;
	if (nat_size > 1000000 || nat_init((unsigned)nat_size))
		return usage("--nat-table-size: expected 2 to 1000000, and "
			     "memory for them");
	if (!rules_parse_net(gateway_param, &gateway_ip, &bits))
		return usage("--gateway: expected an address");
	if (net_open("uplink", &uplink, FATA_FOREVER))
		return usage("no uplink");
	net_info(uplink, &uplink_info);
	if (*ip_param ? !rules_parse_net(ip_param, &own_ip, &bits)
		      : !first_address(&uplink_info, &own_ip))
		return usage(
			"--ip: expected an address, here or from the host");
	/* what clients leave to us we leave to the uplink's backend */
	offer = uplink_info.send_gso4 ? NETBACK_GSO4 : 0;
	if (netback_serve(offer, FATA_FOREVER) ||
	    pthread_create(&t, NULL, serve_uplink, NULL))
		return usage("cannot serve");
	puts("firewall: up");
	for (;;) {
		struct netback_client who;
		struct net *n;

		/* now and then: it may have moved */
		ask_for_gateway();
		if (!netback_accept(&n, &who,
				    clock_deadline((gateway_known ? 30 : 1) *
						   FATA_NS_PER_S)))
			add_client(n, &who);
	}
}
