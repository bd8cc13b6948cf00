/* SPDX-License-Identifier: ISC */
/*
 * Network interfaces: found by name or number, connected by xenbus, for ever.
 *
 * A struct net is made once for each device/vif/N and never freed: a program's
 * pointer stays valid while the backend comes and goes, the device is unplugged
 * and plugged in again, or the guest moves to another host. Meanwhile sending
 * fails with -ENETDOWN and receiving waits.
 */
#include <core/manifest.h>
#include <drivers/netfront.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/xen/gnttab.h>
#include <string.h>

FATA_LOG_SOURCE("net");

static struct net *nets;

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* "00:16:3e:01:02:03", exactly. */
static int parse_mac(const char *s, unsigned char *mac)
{
	for (unsigned i = 0; i < 6; i++, s += 3) {
		int high = hex(s[0]), low = high < 0 ? -1 : hex(s[1]);

		if (low < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

static int read_identity(struct net *n)
{
	char *mac;
	uint64_t mtu = 1500;
	int rc = xenbus_read_own(n->dev, "mac", &mac);

	if (rc)
		return rc;
	rc = parse_mac(mac, n->info.mac);
	heap_free(mac);
	if (rc)
		return rc;
	rc = xenbus_read_own_u64(n->dev, "mtu", 65521, &mtu);
	if (rc == -ENOENT)
		mtu = 1500;
	else if (rc || mtu < 68)
		return rc ? rc : -EINVAL;
	n->info.mtu = (unsigned)mtu;
	return 0;
}

static int read_flag(struct net *n, const char *key, bool *flag)
{
	uint64_t v;
	int rc = xenbus_read_u64_or(n->dev, key, 1, 0, &v);

	*flag = !rc && v;
	return rc;
}

static int read_features(struct net *n)
{
	bool no_sum4 = false;
	int rc = read_flag(n, "feature-split-event-channels", &n->split);

	if (!rc)
		rc = read_flag(n, "feature-sg", &n->sg);
	if (!rc)
		rc = read_flag(n, "feature-gso-tcpv4", &n->info.send_gso4);
	if (!rc)
		rc = read_flag(n, "feature-gso-tcpv6", &n->info.send_gso6);
	if (!rc)
		rc = read_flag(n, "feature-no-csum-offload", &no_sum4);
	if (!rc)
		rc = read_flag(n, "feature-ipv6-csum-offload",
			       &n->info.send_sum6);
	n->info.send_sum4 = !no_sum4;
	/* A segmented frame has several pieces and an unfinished checksum. */
	n->info.send_gso4 &= n->sg && n->info.send_sum4;
	n->info.send_gso6 &= n->sg && n->info.send_sum6;
	return rc;
}

/* The interface of that number, as it was when it was unplugged, or new. */
static struct net *find_or_make(int number)
{
	struct net *n = nets;

	while (n && n->number != number)
		n = n->all;
	if (n)
		return n;
	n = heap_calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->number = number;
	n->all = nets;
	nets = n;
	return n;
}

static int probe(struct xenbus_device *d)
{
	struct net *n = find_or_make((int)d->id);

	if (!n)
		return -ENOMEM;
	if (n->dev)
		xenbus_put(n->dev); /* it is gone */
	n->dev = d;
	xenbus_get(d);
	d->data = n;
	return 0;
}

static int bind(struct net *n, struct evtchn *e, void (*fn)(void *))
{
	int rc = evtchn_bind_unbound(e, n->dev->peer);

	if (!rc)
		evtchn_handle(e, fn, n);
	return rc;
}

static int setup(struct xenbus_device *d)
{
	struct net *n = d->data;
	int rc = read_identity(n);

	if (!rc)
		rc = read_features(n);
	if (!rc)
		rc = net_tx_start(n, d->peer);
	if (rc)
		return rc;
	rc = bind(n, &n->tx.evtchn, n->split ? net_tx_event : net_rx_event);
	if (!rc && n->split)
		rc = bind(n, &n->rx.evtchn, net_rx_event);
	if (!rc)
		rc = net_rx_start(n, d->peer);
	if (rc) {
		evtchn_close(&n->rx.evtchn);
		net_tx_stop(n);
	}
	return rc;
}

/* What we want of the backend. */
static const char *const wishes[] = {
	"request-rx-copy",   "feature-rx-notify", "feature-sg",
	"feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload",
};

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	struct net *n = d->data;
	int rc = xenbus_printf(d, t, "tx-ring-ref", "%u", n->tx.ring_ref);

	if (!rc)
		rc = xenbus_printf(d, t, "rx-ring-ref", "%u", n->rx.ring_ref);
	if (!rc && !n->split)
		rc = xenbus_printf(d, t, "event-channel", "%d",
				   evtchn_port(&n->tx.evtchn));
	if (!rc && n->split)
		rc = xenbus_printf(d, t, "event-channel-tx", "%d",
				   evtchn_port(&n->tx.evtchn));
	if (!rc && n->split)
		rc = xenbus_printf(d, t, "event-channel-rx", "%d",
				   evtchn_port(&n->rx.evtchn));
	for (unsigned i = 0; !rc && i < sizeof(wishes) / sizeof(*wishes); i++)
		rc = xenbus_printf(d, t, wishes[i], "1");
	return rc;
}

static int connect(struct xenbus_device *d)
{
	struct net *n = d->data;

	n->running = n->info.up = true;
	n->paused = false;
	n->stat.connects++;
	evtchn_unmask(&n->tx.evtchn);
	if (n->split)
		evtchn_unmask(&n->rx.evtchn);
	ring_front_arm(&n->rx.ring);
	log_info("%s: up, mtu %u%s%s", d->path, n->info.mtu,
		 n->info.send_gso4 ? ", gso" : "",
		 n->split ? ", split channels" : "");
	event_signal(&n->changed);
	event_signal(&n->readable);
	event_signal(&n->writable);
	return 0;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	struct net *n = d->data;

	(void)why;
	n->running = n->info.up = false;
	net_tx_stop(n);
	net_rx_stop(n);
	event_signal(&n->changed);
	event_signal(&n->writable);
}

static void suspend(struct xenbus_device *d)
{
	struct net *n = d->data;

	n->paused = true;
}

static void unsuspend(struct xenbus_device *d)
{
	struct net *n = d->data;

	n->paused = false;
	event_signal(&n->writable);
	event_signal(&n->readable);
}

static const struct xenbus_driver netfront = {
	.class = "vif",
	.ready = XENBUS_CONNECTED,
	.probe = probe,
	.setup = setup,
	.publish = publish,
	.connect = connect,
	.disconnect = disconnect,
	.suspend = suspend,
	.unsuspend = unsuspend,
};

static bool has_number(struct xenbus_device *d, void *arg)
{
	return d->data && ((struct net *)d->data)->number == *(int *)arg;
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
	*n = d->data;
	xenbus_put(d); /* probe's reference stays */
	return rc;
}

void net_info(struct net *n, struct net_info *info)
{
	*info = n->info;
}

struct event *net_changed(struct net *n)
{
	return &n->changed;
}

void net_stat(struct net *n, struct net_stat *s)
{
	*s = n->stat;
}
