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
 *     main.c    interfaces                  arp.c  ARP
 *     route.c   where a packet goes         out.c  frames that leave
 *     packet.c  headers and checksums       nat.c  connections
 *     rules.c   what is allowed
 *
 * A client may use the one address that the toolstack gives it, and gets an
 * answer to ARP for any other. IPv6, fragments and options of IP are dropped.
 */
#include "nat.h"
#include "rules.h"
#include "wall.h"

#include <errno.h>
#include <fata/boot.h>
#include <fata/clock.h>
#include <fata/manifest.h>
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

static uint64_t nat_size = 5000;
FATA_PARAM_UINT(nat_size, "nat-table-size", "5000",
		"connections that are remembered");
static const char *ip_param = "", *gateway_param = "";
FATA_PARAM_STRING(ip_param, "ip", "the uplink's, from the host",
		  "the firewall's own address");
FATA_PARAM_STRING(gateway_param, "gateway", "",
		  "address of the next router on the uplink");

struct wall wall;

struct client *client_by_ip(uint32_t ip)
{
	struct client *c = wall.clients;

	while (c && c->ip != ip)
		c = c->next;
	return c;
}

static void *serve_uplink(void *arg)
{
	struct net_frame *frames[BATCH];

	(void)arg;
	for (;;) {
		int n = net_receive(wall.uplink, frames, BATCH, FATA_FOREVER);

		route_from_uplink(frames, n);
		fata_yield();
	}
	return NULL;
}

static void *serve_client(void *arg)
{
	struct client *c = arg, **at = &wall.clients;
	struct net_frame *frames[BATCH];
	int n;

	while ((n = net_receive(c->net, frames, BATCH, FATA_FOREVER)) > 0) {
		route_from_client(c, frames, n);
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
	c->next = wall.clients;
	wall.clients = c;
	printf("client %u: %u.%u.%u.%u\n", who->domid, c->ip >> 24,
	       c->ip >> 16 & 255, c->ip >> 8 & 255, c->ip & 255);
	if (pthread_create(&t, NULL, serve_client, c)) {
		wall.clients = c->next;
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
	if (!rules_parse_net(gateway_param, &wall.gateway_ip, &bits))
		return usage("--gateway: expected an address");
	if (net_open("uplink", &wall.uplink, FATA_FOREVER))
		return usage("no uplink");
	net_info(wall.uplink, &wall.info);
	if (*ip_param ? !rules_parse_net(ip_param, &wall.own_ip, &bits)
		      : !first_address(&wall.info, &wall.own_ip))
		return usage(
			"--ip: expected an address, here or from the host");
	/* what clients leave to us we leave to the uplink's backend */
	offer = wall.info.send_gso4 ? NETBACK_GSO4 : 0;
	if (netback_serve(offer, FATA_FOREVER) ||
	    pthread_create(&t, NULL, serve_uplink, NULL))
		return usage("cannot serve");
	puts("firewall: up");
	for (;;) {
		struct netback_client who;
		struct net *n;

		arp_ask_for_gateway();
		if (!netback_accept(
			    &n, &who,
			    clock_deadline((wall.gateway_known ? 30 : 1) *
					   FATA_NS_PER_S)))
			add_client(n, &who);
	}
}
