/* SPDX-License-Identifier: ISC */
/*
 * Multicast groups. A backend that can (feature-multicast-control) drops what
 * goes to groups that we have not joined, once it is asked to. Groups are told
 * on the transmit ring, each by an extra info on a request without data; when
 * the ring is full they wait, and after a reconnect all are told anew.
 *
 *     refs    told
 *     0       no      not in the list
 *     1..     no      joined, the backend is to be told
 *     1..     yes     joined
 *     0       yes     left, the backend is to be told
 */
#include <drivers/netfront.h>
#include <errno.h>
#include <fata/xen/xenbus.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/io/netif.h>

static struct net_group *find(struct netfront *n, const unsigned char *mac)
{
	for (unsigned i = 0; i < n->groups; i++)
		if (!memcmp(n->group[i].mac, mac, 6))
			return &n->group[i];
	return NULL;
}

static bool due(const struct net_group *g)
{
	return g->told != (g->refs != 0);
}

static void count_untold(struct netfront *n)
{
	n->untold = 0;
	for (unsigned i = 0; i < n->groups; i++)
		n->untold += due(&n->group[i]);
}

static void forget_left(struct netfront *n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n->groups; i++)
		if (n->group[i].refs || n->group[i].told)
			n->group[kept++] = n->group[i];
	n->groups = kept;
}

void net_groups_tell(struct netfront *n)
{
	bool ready = n->running && !n->paused && n->can_filter;

	for (unsigned i = 0; ready && i < n->groups; i++) {
		struct net_group *g = &n->group[i];

		if (!due(g))
			continue;
		if (!net_tx_group(n,
				  g->refs ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD
					  : XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
				  g->mac)) {
			/* told of the next response, we try again */
			ring_front_arm(&n->queue[0].tx.ring);
			break;
		}
		g->told = g->refs != 0;
	}
	forget_left(n);
	count_untold(n);
}

void net_groups_renew(struct netfront *n)
{
	for (unsigned i = 0; i < n->groups; i++)
		n->group[i].told = false;
	forget_left(n);
	net_groups_tell(n);
}

int netfront_join(struct net *net, const unsigned char *mac)
{
	struct netfront *n = netfront_of(net);
	struct net_group *g = find(n, mac);

	if (!g && n->groups == NET_GROUPS)
		return -ENOSPC;
	if (!g) {
		g = &n->group[n->groups++];
		*g = (struct net_group){.refs = 0};
		memcpy(g->mac, mac, 6);
	}
	if (g->refs == UINT16_MAX)
		return -ENOSPC;
	g->refs++;
	net_groups_tell(n);
	return 0;
}

int netfront_leave(struct net *net, const unsigned char *mac)
{
	struct netfront *n = netfront_of(net);
	struct net_group *g = find(n, mac);

	if (!g || !g->refs)
		return -ENOENT;
	g->refs--;
	net_groups_tell(n);
	return 0;
}

int netfront_filter(struct net *net, bool on)
{
	struct netfront *n = netfront_of(net);

	n->filter = on;
	if (!n->can_switch || !n->running)
		return n->running ? -EOPNOTSUPP : 0;
	return xenbus_printf(n->dev, NULL, "request-multicast-control", "%d",
			     on);
}
