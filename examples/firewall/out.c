/* SPDX-License-Identifier: ISC */
/* Frames that leave, in batches; see wall.h. */
#include "wall.h"

#include <errno.h>
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

static void send(struct net *n, struct net_frame **frames, unsigned count,
		 uint64_t deadline);

/* To who takes no large frames, or no unfinished checksums. */
static void send_fitted(struct net *n, struct net_frame *f, uint64_t deadline)
{
	struct net_frame *some[BATCH];
	unsigned count;

	if (net_fit(n, &f) < 0) {
		drop(f);
		return;
	}
	while (f) {
		for (count = 0; f && count < BATCH; f = f->next)
			some[count++] = f;
		send(n, some, count, deadline);
	}
}

/* What is not taken is dropped, and does not keep the next one. */
static void send(struct net *n, struct net_frame **frames, unsigned count,
		 uint64_t deadline)
{
	while (count) {
		int done = net_send(n, frames, count, deadline);

		if (done < 1) {
			if (done == -EOPNOTSUPP)
				send_fitted(n, *frames, deadline);
			else
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
