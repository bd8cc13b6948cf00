/* SPDX-License-Identifier: ISC */
/*
 * Clients of the network backend: found, connected and lost by xenbus, handed
 * to the program by netback_accept (fata/xen/netback.h).
 *
 * A struct netback lives as long as its device: from probe to remove, which
 * comes when the directory is gone and the program has closed it. Its frames
 * may live longer: their pages belong to a pool that all clients share.
 */
#include <drivers/netback.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/metrics.h>
#include <fata/param.h>

FATA_LOG_SOURCE("netback");

/* Linux takes all of class vif in its domain, where it has a backend too. */
static const char *class = "vif";
FATA_PARAM_STRING(class, "netback-class", "vif",
		  "the backend's directory that is served");

static struct list all = LIST_INIT(all);
static struct event acceptable;
static unsigned offered;
/* What is copied to a client is just the frame, so they can share pages. */
static struct net_pool pool;

static const struct net_ops ops = {
	.receive = netback_receive,
	.arm_receive = netback_arm_receive,
	.send = netback_send,
	.arm_send = netback_arm_send,
};

/* Figures of clients that are gone. */
static struct net_stat past;

static void add(struct net_stat *sum, const struct net_stat *s)
{
	sum->rx_frames += s->rx_frames;
	sum->rx_bytes += s->rx_bytes;
	sum->rx_dropped += s->rx_dropped;
	sum->rx_errors += s->rx_errors;
	sum->tx_frames += s->tx_frames;
	sum->tx_bytes += s->tx_bytes;
	sum->tx_dropped += s->tx_dropped;
	sum->tx_errors += s->tx_errors;
	sum->notified += s->notified;
	sum->interrupts += s->interrupts;
	sum->connects += s->connects;
}

static int probe(struct xenbus_device *d)
{
	struct netback *b = heap_calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->net.ops = &ops;
	b->net.pool = &pool;
	b->net.on = &b->on;
	b->dev = d;
	d->data = b;
	list_add_last(&all, &b->link);
	return 0;
}

static void removed(struct xenbus_device *d)
{
	struct netback *b = d->data;

	add(&past, &b->net.stat);
	list_remove(&b->link);
	heap_free(b);
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	return netback_publish(d->data, t, offered);
}

/* --- events --------------------------------------------------------------- */

/* Had the event a reason? There are more requests than at the last one. */
static bool moved(struct netback *b, struct netback_ring *r)
{
	bool yes;

	if (ring_back_look(&r->ring)) {
		netback_broken(b, "it posted more requests than there are");
		return false;
	}
	yes = r->ring.req_seen != r->served;
	r->served = r->ring.req_seen;
	return yes;
}

static void tx_event(void *arg)
{
	struct netback *b = arg;
	bool work = moved(b, &b->tx);

	b->net.stat.interrupts++;
	if (!b->split) {
		work |= moved(b, &b->rx);
		event_signal(&b->on.writable);
	}
	evtchn_served(&b->tx.evtchn, work);
	event_signal(&b->on.readable);
}

static void rx_event(void *arg)
{
	struct netback *b = arg;

	b->net.stat.interrupts++;
	evtchn_served(&b->rx.evtchn, moved(b, &b->rx));
	event_signal(&b->on.writable);
}

void netback_push(struct netback *b, struct netback_ring *r)
{
	if (!ring_back_push(&r->ring))
		return;
	b->net.stat.notified++;
	evtchn_notify(b->split ? &r->evtchn : &b->tx.evtchn);
}

void netback_broken(struct netback *b, const char *what)
{
	b->running = false;
	b->net.stat.rx_errors++;
	xenbus_broken(b->dev, "%s", what);
}

/* --- connecting and losing ------------------------------------------------ */

static int bind(struct netback *b, struct netback_ring *r, uint32_t port,
		void (*fn)(void *arg))
{
	int rc = evtchn_bind_interdomain(&r->evtchn, b->dev->peer, port);

	if (!rc)
		evtchn_handle(&r->evtchn, fn, b);
	return rc;
}

static void stop(struct netback *b)
{
	evtchn_close(&b->tx.evtchn);
	evtchn_close(&b->rx.evtchn);
	gnttab_unmap(b->page, 2);
}

/* A ring may have been used by a backend before us: it goes on there. */
static void attach(struct netback_ring *r, struct ring_page *page, size_t slot)
{
	ring_back_init(&r->ring, page, PAGE_SIZE, slot,
		       ring_load(&page->rsp_prod));
	r->served = r->ring.req_seen;
}

static int start(struct netback *b, const uint32_t *refs, const uint32_t *ports)
{
	int rc;

	for (unsigned i = 0; i < 2; i++)
		b->page[i] = (struct gnttab_page){.ref = refs[i],
						  .domid = b->dev->peer};
	rc = gnttab_map(b->page, 2, xenbus_deadline());
	if (rc)
		return rc;
	attach(&b->tx, b->page[0].address, NETBACK_TX_SLOT);
	attach(&b->rx, b->page[1].address, NETBACK_RX_SLOT);
	rc = bind(b, &b->tx, ports[0], tx_event);
	if (!rc && b->split)
		rc = bind(b, &b->rx, ports[1], rx_event);
	if (rc)
		stop(b);
	return rc;
}

static int setup(struct xenbus_device *d)
{
	struct netback *b = d->data;
	uint32_t refs[2], ports[2];
	int rc = netback_read_own(b);

	if (!rc)
		rc = netback_read_wishes(b);
	if (!rc)
		rc = netback_read_rings(b, refs, ports);
	return rc ? rc : start(b, refs, ports);
}

static void signal_all(struct netback *b)
{
	event_signal(&b->on.changed);
	event_signal(&b->on.readable);
	event_signal(&b->on.writable);
}

static int connect(struct xenbus_device *d)
{
	struct netback *b = d->data;

	b->running = b->net.info.up = true;
	b->paused = false;
	b->net.stat.connects++;
	evtchn_unmask(&b->tx.evtchn);
	if (b->split)
		evtchn_unmask(&b->rx.evtchn);
	log_info("%s: up%s%s%s", d->path, b->sg ? ", sg" : "",
		 b->net.info.send_gso4 ? ", gso" : "",
		 b->split ? ", split channels" : "");
	signal_all(b);
	event_signal(&acceptable);
	return 0;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	struct netback *b = d->data;

	(void)why;
	b->running = b->net.info.up = false;
	stop(b);
	signal_all(b);
}

static void suspend(struct xenbus_device *d)
{
	((struct netback *)d->data)->paused = true;
}

static void unsuspend(struct xenbus_device *d)
{
	struct netback *b = d->data;

	b->paused = false;
	signal_all(b);
}

static void gone(struct xenbus_device *d)
{
	struct netback *b = d->data;

	b->net.gone = true;
	signal_all(b);
}

static struct xenbus_driver netback = {
	.probe = probe,
	.publish = publish,
	.setup = setup,
	.connect = connect,
	.disconnect = disconnect,
	.suspend = suspend,
	.unsuspend = unsuspend,
	.gone = gone,
	.remove = removed,
};

/* --- what programs call --------------------------------------------------- */

int netback_serve(unsigned offer, uint64_t deadline)
{
	offered = offer;
	netback.class = class;
	return xenbus_register_backend(&netback, deadline);
}

static struct netback *next_client(void)
{
	list_for_each(entry, &all)
	{
		struct netback *b = list_entry(entry, struct netback, link);

		if (b->running && !b->accepted)
			return b;
	}
	return NULL;
}

int netback_accept(struct net **n, struct netback_client *client,
		   uint64_t deadline)
{
	for (;;) {
		uint64_t seen = event_count(&acceptable);
		struct netback *b = next_client();
		int rc;

		if (b) {
			b->accepted = true;
			xenbus_get(b->dev);
			*n = &b->net;
			*client = b->client;
			return 0;
		}
		rc = event_wait(&acceptable, &seen, deadline);
		if (rc)
			return rc;
	}
}

struct event *netback_acceptable(void)
{
	return &acceptable;
}

int netback_carrier(struct net *n, bool on)
{
	struct netback *b = netback_of(n);

	b->no_link = !on;
	return xenbus_printf(b->dev, NULL, "carrier", "%d", on);
}

void netback_close(struct net *n)
{
	struct netback *b = netback_of(n);

	b->running = b->accepted = false;
	if (!n->gone)
		xenbus_broken(b->dev, "closed by the program");
	xenbus_put(b->dev);
}

/* --- metrics: the sum over all clients ------------------------------------ */

#define SUM(field, name)                                                       \
	static uint64_t sum_##field(void)                                      \
	{                                                                      \
		struct net_stat sum = past;                                    \
                                                                               \
		list_for_each(entry, &all) add(                                \
			&sum,                                                  \
			&list_entry(entry, struct netback, link)->net.stat);   \
		return sum.field;                                              \
	}                                                                      \
	FATA_METRIC_COUNTER_FN(sum_##field, name)

SUM(rx_frames, "netback.rx.frames");
SUM(rx_bytes, "netback.rx.bytes");
SUM(rx_dropped, "netback.rx.dropped");
SUM(rx_errors, "netback.rx.errors");
SUM(tx_frames, "netback.tx.frames");
SUM(tx_bytes, "netback.tx.bytes");
SUM(tx_dropped, "netback.tx.dropped");
SUM(tx_errors, "netback.tx.errors");
SUM(notified, "netback.notified");
SUM(interrupts, "netback.interrupts");
SUM(connects, "netback.connects");
