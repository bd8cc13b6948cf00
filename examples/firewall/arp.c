/* SPDX-License-Identifier: ISC */
/*
 * ARP: the gateway's address, and answers; see wall.h. A client gets an answer
 * for every address but its own.
 *
 *     at 14: types and lengths 8, sender's MAC 6 and IP 4, target's likewise
 */
#include "packet.h"
#include "wall.h"

#include <string.h>

static const unsigned char broadcast[6] = {255, 255, 255, 255, 255, 255};

#define ARP_SIZE 42

bool is_arp(const struct net_frame *f)
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

void arp_from_client(struct out *o, struct client *c, struct net_frame *f)
{
	unsigned char *p = f->piece[0].data;

	if (get16(p + 20) != 1 || get32(p + 38) == c->ip ||
	    get32(p + 28) != c->ip) {
		net_frame_free(f);
		return;
	}
	arp_answer(p, vif_mac);
	out_client(o, c, f);
}

void arp_from_uplink(struct out *o, struct net_frame *f)
{
	unsigned char *p = f->piece[0].data, asker[6];

	memcpy(asker, p + 22, 6);
	if (get32(p + 28) == wall.gateway_ip) {
		memcpy(wall.gateway_mac, asker, 6);
		wall.gateway_known = true;
	}
	if (get16(p + 20) != 1 || get32(p + 38) != wall.own_ip) {
		net_frame_free(f);
		return;
	}
	arp_answer(p, wall.info.mac);
	out_uplink(o, asker, f);
}

void arp_ask_for_gateway(void)
{
	struct net_frame *f = net_frame_alloc(wall.uplink, ARP_SIZE, 0);
	struct out o = {0};
	unsigned char *p;

	if (!f)
		return;
	p = f->piece[0].data;
	memset(p, 0, ARP_SIZE);
	put16(p + 12, 0x0806);
	memcpy(p + 14, (const unsigned char[]){0, 1, 8, 0, 6, 4, 0, 1}, 8);
	memcpy(p + 22, wall.info.mac, 6);
	put32(p + 28, wall.own_ip);
	put32(p + 38, wall.gateway_ip);
	out_uplink(&o, broadcast, f);
	out_flush(&o);
}
