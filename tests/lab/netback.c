/* SPDX-License-Identifier: ISC */
/*
 * A driver domain: a switch of its uplink and the clients that it serves
 * (fata/xen/netback.h), by their addresses. Prints each client that comes and
 * goes, with the figures of its interface.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/manifest.h>
#include <fata/net.h>
#include <fata/task.h>
#include <fata/xen/netback.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FATA_NET("uplink");

#define BATCH 64

struct client {
	struct client *next;
	struct net *net;
	struct netback_client who;
};

static struct net *uplink;
static struct client *clients;

/*
 * A client that takes nothing loses frames, and holds nobody up. The uplink is
 * waited for: who sends too much waits, and so in the end does its own TCP.
 */
static void forward(struct net *to, struct net_frame *f)
{
	uint64_t deadline =
		to == uplink ? clock_deadline(100 * FATA_NS_PER_MS) : 0;

	if (net_send(to, &f, 1, deadline) != 1)
		net_frame_free(f);
}

static struct net_frame *copy(const struct net_frame *f)
{
	struct net_frame *c = net_frame_alloc(uplink, f->size, 0);
	uint32_t at = 0;

	for (unsigned i = 0; c && i < f->pieces; i++)
		for (uint32_t k = 0; k < f->piece[i].size; k++, at++)
			c->piece[at / 4096].data[at % 4096] =
				f->piece[i].data[k];
	return c;
}

/* A group's frame goes to all others, the last of whom is the uplink. */
static void deliver(struct net *from, struct net_frame *f)
{
	const unsigned char *to = f->piece[0].data;

	for (struct client *c = clients; c; c = c->next) {
		struct net_frame *one = f;

		if (c->net == from ||
		    (memcmp(to, c->who.mac, 6) && !(to[0] & 1)))
			continue;
		if (to[0] & 1)
			one = copy(f);
		if (one)
			forward(c->net, one);
		if (one == f)
			return;
	}
	if (from == uplink)
		net_frame_free(f);
	else
		forward(uplink, f);
}

static void *from_uplink(void *arg)
{
	struct net_frame *frames[BATCH];

	(void)arg;
	for (;;) {
		int n = net_receive(uplink, frames, BATCH, FATA_FOREVER);

		for (int i = 0; i < n; i++)
			deliver(uplink, frames[i]);
	}
	return NULL;
}

static void *from_client(void *arg)
{
	struct client *c = arg, **at = &clients;
	struct net_frame *frames[BATCH];
	struct net_stat s;
	int n;

	while ((n = net_receive(c->net, frames, BATCH, FATA_FOREVER)) > 0)
		for (int i = 0; i < n; i++)
			deliver(c->net, frames[i]);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	net_stat(c->net, &s);
	printf("client %u gone: from it %llu frames, %llu bytes, %llu large; "
	       "to it %llu frames, %llu bytes, %llu large; errors %llu %llu\n",
	       c->who.domid, (unsigned long long)s.rx_frames,
	       (unsigned long long)s.rx_bytes, (unsigned long long)s.rx_gso,
	       (unsigned long long)s.tx_frames, (unsigned long long)s.tx_bytes,
	       (unsigned long long)s.tx_gso, (unsigned long long)s.rx_errors,
	       (unsigned long long)s.tx_errors);
	netback_close(c->net);
	free(c);
	return NULL;
}

int main(void)
{
	int rc = net_open("uplink", &uplink, FATA_FOREVER);
	pthread_t t;

	if (!rc)
		rc = netback_serve(NETBACK_ALL, FATA_FOREVER);
	if (!rc)
		rc = -pthread_create(&t, NULL, from_uplink, NULL);
	if (rc) {
		fprintf(stderr, "netback: %s\n", strerror(-rc));
		return 1;
	}
	puts("serving");
	for (;;) {
		struct client *c = calloc(1, sizeof(*c));

		if (!c)
			return 1;
		if (netback_accept(&c->net, &c->who, FATA_FOREVER))
			return 1;
		c->next = clients;
		clients = c;
		printf("client %u vif %u\n", c->who.domid, c->who.vif);
		if (pthread_create(&t, NULL, from_client, c))
			return 1;
		pthread_detach(t);
	}
}
