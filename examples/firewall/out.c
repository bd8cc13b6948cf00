/* SPDX-License-Identifier: ISC */
/* Frames that leave, in batches; see wall.h. */
#include "wall.h"

#include <fata/clock.h>
#include <fata/metrics.h>
#include <string.h>

static uint64_t full;
FATA_METRIC_COUNTER(full, "firewall.full");

const unsigned char vif_mac[6] = {0xfe, 255, 255, 255, 255, 255};

static void drop(struct net_frame *f)
{
	full++;
	net_frame_free(f);
}

static void address(struct net_frame *f, const unsigned char *from,
		    const unsigned char *to)
{
	memcpy(f->piece[0].data, to, 6);
	memcpy(f->piece[0].data + 6, from, 6);
}

/* What is not taken is dropped, and does not keep the next one. */
static void send(struct net *n, struct net_frame **frames, unsigned count,
		 uint64_t deadline)
{
	while (count) {
		int done = net_send(n, frames, count, deadline);

		if (done < 1) {
			drop(*frames);
			done = 1;
		}
		frames += done;
		count -= (unsigned)done;
	}
}

static void flush_client(struct out *o)
{
	if (o->frames)
		send(o->to->net, o->frame, o->frames, 0);
	o->frames = 0;
}

void out_client(struct out *o, struct client *c, struct net_frame *f)
{
	if (o->to != c)
		flush_client(o);
	o->to = c;
	address(f, vif_mac, c->who.mac);
	o->frame[o->frames++] = f;
}

void out_uplink(struct out *o, const unsigned char *mac, struct net_frame *f)
{
	address(f, wall.info.mac, mac);
	o->uplink[o->uplinks++] = f;
}

void out_gateway(struct out *o, struct net_frame *f)
{
	if (wall.gateway_known)
		out_uplink(o, wall.gateway_mac, f);
	else
		drop(f);
}

void out_flush(struct out *o)
{
	flush_client(o);
	send(wall.uplink, o->uplink, o->uplinks, clock_deadline(o->patience));
	o->uplinks = 0;
}
