/* SPDX-License-Identifier: ISC */
/*
 * What netfront reads from xenstore and writes there (xen/io/netif.h). A key
 * that is there but makes no sense is an error: the device becomes BROKEN.
 *
 *     theirs    feature-*, multi-queue-max-queues, carrier, ip
 *     ours      mac, mtu, trusted, by the toolstack
 *     written   rings and channels, with several queues below queue-N/;
 *               wishes; multicast control
 *
 * Not asked for: headroom (feature-xdp-headroom). Linux's backend then uses a
 * slot per frame and bytes per page that it does not count, and answers with
 * pages that were never posted (seen with Linux 6.1). Nor the control ring:
 * with one CPU there is nothing to steer.
 */
#include <core/fmt.h>
#include <drivers/netfront.h>
#include <drivers/netkeys.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <string.h>

FATA_LOG_SOURCE("net");

int net_read_identity(struct netfront *n)
{
	uint64_t trusted = 1;
	int rc = net_read_link(n->dev, n->net.info.mac, &n->net.info.mtu);

	if (rc)
		return rc;
	/* "0": the guest's owner does not trust the backend's domain */
	rc = xenbus_read_own_u64(n->dev, "trusted", 1, &trusted);
	n->trusted = trusted;
	return rc == -ENOENT ? 0 : rc;
}

int net_read_features(struct netfront *n)
{
	uint64_t queues = 1;
	int rc = net_read_offloads(n->dev, &n->net.info, &n->sg);

	/* A frame of one piece has to lie within a page. */
	if (!n->sg && n->net.info.mtu > 1500)
		n->net.info.mtu = 1500;
	if (!rc)
		rc = net_read_flag(n->dev, "feature-split-event-channels",
				   &n->split);
	if (!rc)
		rc = net_read_flag(n->dev, "feature-multicast-control",
				   &n->can_filter);
	if (!rc)
		rc = net_read_flag(n->dev, "feature-dynamic-multicast-control",
				   &n->can_switch);
	if (!rc)
		rc = xenbus_read_u64_or(n->dev, "multi-queue-max-queues",
					UINT32_MAX, 1, &queues);
	n->can_switch &= n->can_filter;
	n->queues_max = queues < NET_QUEUES ? (unsigned)queues : NET_QUEUES;
	net_read_addresses(n->dev, &n->net.info, xenbus_read);
	return rc;
}

int net_read_carrier(struct netfront *n, bool *carrier)
{
	uint64_t v;
	int rc = xenbus_read_u64_or(n->dev, "carrier", 1, 1, &v);

	*carrier = !rc && v;
	return rc;
}

/* What we want of the backend. */
static const char *const wishes[] = {
	"request-rx-copy",   "feature-rx-notify", "feature-sg",
	"feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload",
};

static int publish_number(struct net_queue *q, struct xs_transaction *t,
			  const char *key, unsigned number)
{
	struct netfront *n = q->net;
	char path[40];

	if (n->queues == 1)
		return xenbus_printf(n->dev, t, key, "%u", number);
	fmt(path, sizeof(path), "queue-%u/%s", q->index, key);
	return xenbus_printf(n->dev, t, path, "%u", number);
}

static int publish_queue(struct net_queue *q, struct xs_transaction *t)
{
	unsigned tx = (unsigned)evtchn_port(&q->tx.evtchn);
	int rc = publish_number(q, t, "tx-ring-ref", q->tx.ring_ref);

	if (!rc)
		rc = publish_number(q, t, "rx-ring-ref", q->rx.ring_ref);
	if (!rc && !q->net->split)
		return publish_number(q, t, "event-channel", tx);
	if (!rc)
		rc = publish_number(q, t, "event-channel-tx", tx);
	if (!rc)
		rc = publish_number(q, t, "event-channel-rx",
				    (unsigned)evtchn_port(&q->rx.evtchn));
	return rc;
}

int net_publish(struct xenbus_device *d, struct xs_transaction *t)
{
	struct netfront *n = d->data;
	int rc = 0;

	if (n->queues_max > 1)
		rc = xenbus_printf(d, t, "multi-queue-num-queues", "%u",
				   n->queues);
	for (unsigned i = 0; !rc && i < n->queues; i++)
		rc = publish_queue(&n->queue[i], t);
	for (unsigned i = 0; !rc && i < sizeof(wishes) / sizeof(*wishes); i++)
		rc = xenbus_printf(d, t, wishes[i], "1");
	if (!rc && n->can_filter)
		rc = xenbus_printf(d, t, "request-multicast-control", "%d",
				   n->filter);
	return rc;
}
