/* SPDX-License-Identifier: ISC */
/*
 * A network backend: what it offers, how it connects; see sim_netback.h. Its
 * frames are in sim_netback_io.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/xen/xenbus.h>

#include "lib/sim_netback.h"

static struct sim_netback *back; /* the one that is plugged in */

/* --- xenstore ------------------------------------------------------------- */

void sim_netback_key(const char *key, const char *value)
{
	bool own = !strcmp(key, "mac") || !strcmp(key, "mtu") ||
		   !strcmp(key, "trusted");
	char path[128];

	snprintf(path, sizeof(path), "%s/%s",
		 own ? SIM_NET_FRONT : SIM_NET_BACK, key);
	sim_xs_write(path, value);
}

uint32_t sim_netback_number(const char *directory, const char *key)
{
	char path[128];
	const char *value;

	snprintf(path, sizeof(path), "%s/%s", directory, key);
	value = sim_xs_read(path);
	return value && *value ? (uint32_t)strtoul(value, NULL, 10) : 0;
}

/* --- connecting ----------------------------------------------------------- */

/* A queue's key: with several queues each has its own directory. */
static uint32_t queue_number(struct sim_netqueue *q, const char *key)
{
	char path[64];

	if (q->back->queues == 1)
		return sim_netback_number(SIM_NET_FRONT, key);
	snprintf(path, sizeof(path), "queue-%d/%s", (int)(q - q->back->q), key);
	return sim_netback_number(SIM_NET_FRONT, path);
}

static struct ring_page *ring_of(struct sim_netqueue *q, const char *key,
				 uint32_t *ref)
{
	struct ring_page *page;

	*ref = queue_number(q, key);
	page = sim_grant_map(SIM_DOM0, sim_guest, *ref, false, NULL);
	CHECK(page);
	return page;
}

static uint32_t channel(struct sim_netqueue *q, const char *key)
{
	int port = sim_evtchn_bind(SIM_DOM0, 5, queue_number(q, key));

	CHECK(port > 0);
	return (uint32_t)port;
}

static void attach_queue(struct sim_netqueue *q)
{
	struct ring_page *tx = ring_of(q, "tx-ring-ref", &q->tx_ref);
	struct ring_page *rx = ring_of(q, "rx-ring-ref", &q->rx_ref);
	bool split = q->back->split;

	ring_back_init(&q->tx, tx, PAGE_SIZE, sizeof(union sim_net_tx),
		       tx->rsp_prod);
	ring_back_init(&q->rx, rx, PAGE_SIZE, sizeof(union sim_net_rx),
		       rx->rsp_prod);
	q->tx_port = channel(q, split ? "event-channel-tx" : "event-channel");
	q->rx_port = split ? channel(q, "event-channel-rx") : q->tx_port;
	q->frames = 0;
	sim_evtchn_on(SIM_DOM0, q->tx_port, sim_netback_serve, q);
}

static void attach(struct sim_netback *b)
{
	b->queues = sim_netback_number(SIM_NET_FRONT, "multi-queue-num-queues");
	b->queues = b->queues ? b->queues : 1;
	CHECK(b->queues == 1 || b->queues <= b->queues_max);
	for (unsigned i = 0; i < b->queues; i++) {
		b->q[i].back = b;
		attach_queue(&b->q[i]);
	}
	b->connected = true;
	b->opens = b->groups = 0;
	b->connects++;
	sim_after(0, sim_netback_serve_all, b);
	sim_netback_key("state", "4");
}

void sim_netback_lose(struct sim_netback *b)
{
	sim_forget(b);
	if (!b->connected)
		return;
	b->connected = false;
	b->opens = 0;
	for (unsigned i = 0; i < b->queues; i++) {
		struct sim_netqueue *q = &b->q[i];

		sim_evtchn_close(SIM_DOM0, q->tx_port);
		if (b->split)
			sim_evtchn_close(SIM_DOM0, q->rx_port);
		sim_grant_unmap(sim_guest, q->tx_ref, false);
		sim_grant_unmap(sim_guest, q->rx_ref, false);
	}
}

static void front_changed(void *arg, const char *path)
{
	int own = (int)sim_netback_number(SIM_NET_BACK, "state");
	int front = (int)sim_netback_number(SIM_NET_FRONT, "state");
	int next = sim_back_state(front, own, XENBUS_CONNECTED);

	(void)arg;
	(void)path;
	if (!back || !own)
		return;
	if (front == XENBUS_CLOSED)
		sim_netback_lose(back);
	if (next == XENBUS_CONNECTED && !back->connected)
		attach(back);
	else if (next && next != XENBUS_CONNECTED)
		sim_netback_key("state", (char[]){(char)('0' + next), '\0'});
}

static void offer(const struct sim_netback *b)
{
	char max[16];

	sim_netback_key("feature-split-event-channels", b->split ? "1" : "0");
	sim_netback_key("feature-sg", b->sg ? "1" : "0");
	sim_netback_key("feature-gso-tcpv4", b->gso ? "1" : "0");
	sim_netback_key("feature-gso-tcpv6", b->gso && b->ipv6 ? "1" : "0");
	sim_netback_key("feature-ipv6-csum-offload", b->ipv6 ? "1" : "0");
	sim_netback_key("feature-multicast-control", b->multicast ? "1" : "0");
	sim_netback_key("feature-dynamic-multicast-control",
			b->multicast && !b->static_multicast ? "1" : "0");
	if (b->queues_max) {
		snprintf(max, sizeof(max), "%u", b->queues_max);
		sim_netback_key("multi-queue-max-queues", max);
	}
}

void sim_netback_plug(struct sim_netback *b)
{
	back = b;
	sim_device_make(SIM_NET_FRONT, SIM_NET_BACK, front_changed);
	offer(b);
	sim_netback_key("mac", "00:16:3e:01:02:03");
	sim_device_begin(SIM_NET_FRONT, SIM_NET_BACK, XENBUS_INIT_WAIT);
}

void sim_netback_unplug(struct sim_netback *b)
{
	sim_xs_rm(SIM_NET_FRONT);
	sim_netback_lose(b);
	back = NULL;
	sim_xs_rm(SIM_NET_BACK);
	sim_netback_let_go(b);
}

void sim_netback_restart(struct sim_netback *b)
{
	offer(b);
	sim_netback_key("state", "5");
}
