/* SPDX-License-Identifier: ISC */
/*
 * Network interfaces: found by name or number, connected by xenbus, for ever.
 *
 * An interface is made once for each device/vif/N and never freed: a program's
 * pointer stays valid while the backend comes and goes, the device is unplugged
 * and plugged in again, or the guest moves to another host. Meanwhile sending
 * fails with -ENETDOWN and receiving waits.
 */
#include <core/manifest.h>
#include <drivers/netfront.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/metrics.h>
#include <fata/param.h>
#include <fata/random.h>

FATA_LOG_SOURCE("net");

static const struct net_ops ops = {
	.receive = netfront_receive,
	.arm_receive = netfront_arm_receive,
	.send = netfront_send,
	.arm_send = netfront_arm_send,
	.join = netfront_join,
	.leave = netfront_leave,
	.filter = netfront_filter,
};

static struct netfront *nets;

static uint64_t queues_wanted = 1;
FATA_PARAM_UINT(queues_wanted, "net-queues", "1",
		"queues of a network interface, if its host offers more");

/* The interface of that number, as it was when it was unplugged, or new. */
static struct netfront *find_or_make(int number)
{
	struct netfront *n = nets;

	while (n && n->number != number)
		n = n->all;
	if (n)
		return n;
	n = heap_calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->net.ops = &ops;
	n->net.pool = &n->pool;
	n->net.on = &n->on;
	n->number = number;
	random_bytes(n->hash_key, sizeof(n->hash_key));
	n->all = nets;
	nets = n;
	return n;
}

static int probe(struct xenbus_device *d)
{
	struct netfront *n = find_or_make((int)d->id);

	if (!n)
		return -ENOMEM;
	if (n->dev)
		xenbus_put(n->dev); /* it is gone */
	n->dev = d;
	xenbus_get(d);
	d->data = n;
	return 0;
}

static int bind(struct net_queue *q, struct evtchn *e, void (*fn)(void *))
{
	int rc = evtchn_bind_unbound(e, q->net->dev->peer);

	if (!rc)
		evtchn_handle(e, fn, q);
	return rc;
}

static int start_queue(struct net_queue *q)
{
	uint16_t peer = q->net->dev->peer;
	bool split = q->net->split;
	int rc = net_tx_start(q, peer);

	if (rc)
		return rc;
	rc = bind(q, &q->tx.evtchn, split ? net_tx_event : net_rx_event);
	if (!rc && split)
		rc = bind(q, &q->rx.evtchn, net_rx_event);
	if (!rc)
		rc = net_rx_start(q, peer);
	if (rc) {
		evtchn_close(&q->rx.evtchn);
		net_tx_stop(q);
	}
	return rc;
}

/* Stop the first `started` queues, and forget all. */
static void stop_queues(struct netfront *n, unsigned started)
{
	while (started) {
		net_tx_stop(&n->queue[--started]);
		net_rx_stop(&n->queue[started]);
	}
	heap_free(n->queue);
	n->queue = NULL;
	n->queues = 0;
}

static int start_queues(struct netfront *n)
{
	unsigned count = queues_wanted < n->queues_max ? (unsigned)queues_wanted
						       : n->queues_max;
	int rc = 0;

	count = count > NET_QUEUES ? NET_QUEUES : count ? count : 1;
	n->queue = heap_calloc(count, sizeof(*n->queue));
	if (!n->queue)
		return -ENOMEM;
	n->queues = count;
	for (unsigned i = 0; !rc && i < count; i++) {
		n->queue[i].net = n;
		n->queue[i].index = i;
		rc = start_queue(&n->queue[i]);
		if (rc)
			stop_queues(n, i);
	}
	return rc;
}

static int setup(struct xenbus_device *d)
{
	struct netfront *n = d->data;
	int rc = net_read_identity(n);

	if (!rc)
		rc = net_read_features(n);
	return rc ? rc : start_queues(n);
}

static int connect(struct xenbus_device *d)
{
	struct netfront *n = d->data;
	int rc = net_read_carrier(n, &n->net.info.up);

	if (rc)
		return rc;
	n->running = true;
	n->paused = false;
	n->net.stat.connects++;
	for (unsigned i = 0; i < n->queues; i++) {
		evtchn_unmask(&n->queue[i].tx.evtchn);
		if (n->split)
			evtchn_unmask(&n->queue[i].rx.evtchn);
		ring_front_arm(&n->queue[i].rx.ring);
	}
	net_groups_renew(n);
	log_info("%s: up, mtu %u, queues %u%s%s", d->path, n->net.info.mtu,
		 n->queues, n->net.info.send_gso4 ? ", gso" : "",
		 n->split ? ", split channels" : "");
	event_signal(&n->on.changed);
	event_signal(&n->on.readable);
	event_signal(&n->on.writable);
	return 0;
}

static int update(struct xenbus_device *d)
{
	struct netfront *n = d->data;
	bool up;
	int rc = net_read_carrier(n, &up);

	if (!rc && up != n->net.info.up) {
		n->net.info.up = up;
		event_signal(&n->on.changed);
	}
	return rc;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	struct netfront *n = d->data;

	(void)why;
	n->running = n->net.info.up = false;
	stop_queues(n, n->queues);
	event_signal(&n->on.changed);
	event_signal(&n->on.writable);
}

static void suspend(struct xenbus_device *d)
{
	struct netfront *n = d->data;

	n->paused = true;
}

static void unsuspend(struct xenbus_device *d)
{
	struct netfront *n = d->data;

	n->paused = false;
	event_signal(&n->on.writable);
	event_signal(&n->on.readable);
}

static const struct xenbus_driver netfront = {
	.class = "vif",
	.ready = XENBUS_CONNECTED,
	.probe = probe,
	.setup = setup,
	.publish = net_publish,
	.connect = connect,
	.update = update,
	.disconnect = disconnect,
	.suspend = suspend,
	.unsuspend = unsuspend,
};

static bool has_number(struct xenbus_device *d, void *arg)
{
	return d->data && ((struct netfront *)d->data)->number == *(int *)arg;
}

int net_open(const char *name, struct net **n, uint64_t deadline)
{
	int number = manifest_device(FATA_NOTE_NET, name);
	struct xenbus_device *d;
	int rc;

	if (number < 0)
		return number;
	rc = xenbus_register(&netfront, deadline);
	if (!rc)
		rc = xenbus_find(&netfront, has_number, &number, &d, deadline);
	if (rc)
		return rc;
	rc = xenbus_wait(d, deadline);
	*n = d->data;  /* struct net comes first */
	xenbus_put(d); /* probe's reference stays */
	return rc;
}

/* --- metrics: the sum over all interfaces ------------------------------- */

#define SUM(field, name)                                                       \
	static uint64_t sum_##field(void)                                      \
	{                                                                      \
		uint64_t sum = 0;                                              \
                                                                               \
		for (const struct netfront *n = nets; n; n = n->all)           \
			sum += n->net.stat.field;                              \
		return sum;                                                    \
	}                                                                      \
	FATA_METRIC_COUNTER_FN(sum_##field, name)

SUM(rx_frames, "net.rx.frames");
SUM(rx_bytes, "net.rx.bytes");
SUM(rx_dropped, "net.rx.dropped");
SUM(rx_gso, "net.rx.large");
SUM(tx_frames, "net.tx.frames");
SUM(tx_bytes, "net.tx.bytes");
SUM(tx_dropped, "net.tx.dropped");
SUM(tx_errors, "net.tx.errors");
SUM(tx_gso, "net.tx.large");
SUM(tx_waits, "net.tx.waits");
SUM(notified, "net.notified");
SUM(interrupts, "net.interrupts");
SUM(connects, "net.connects");
