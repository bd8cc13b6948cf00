/* SPDX-License-Identifier: ISC */
/*
 * What netback reads from xenstore and writes there (xen/io/netif.h).
 *
 *     ours      mac, handle, ip, mtu, by the toolstack
 *     written   feature-*, carrier; hotplug-status, for toolstacks that wait
 *               for a script: here is none
 *     theirs    rings and channels, wishes; hostile. Each is read once.
 */
#include <drivers/netback.h>
#include <drivers/netkeys.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <string.h>

FATA_LOG_SOURCE("netback");

/* --- the toolstack's ------------------------------------------------------ */

int netback_read_own(struct netback *b)
{
	/* ours, as all backends have it; no client may have it */
	static const unsigned char mac[6] = {0xfe, 0xff, 0xff,
					     0xff, 0xff, 0xff};
	int rc = net_read_link(b->dev, b->client.mac, &b->net.info.mtu);

	if (rc)
		return rc;
	memcpy(b->net.info.mac, mac, sizeof(mac));
	b->client.domid = b->dev->peer;
	b->client.vif = b->dev->id;
	net_read_addresses(b->dev, &b->net.info, xenbus_read_own);
	return 0;
}

/* --- the client's --------------------------------------------------------- */

/* What every driver of the last ten years does; others we do not serve. */
static int read_must(struct netback *b)
{
	uint64_t queues;
	bool copy, notify;
	int rc = net_read_flag(b->dev, "request-rx-copy", &copy);

	if (!rc)
		rc = net_read_flag(b->dev, "feature-rx-notify", &notify);
	if (!rc)
		rc = xenbus_read_u64_or(b->dev, "multi-queue-num-queues",
					UINT32_MAX, 1, &queues);
	if (rc || (copy && notify && queues == 1))
		return rc;
	log_error("%s: the client's driver wants %s", b->dev->path,
		  !copy     ? "pages that change hands"
		  : !notify ? "to be polled"
			    : "several queues");
	return -EOPNOTSUPP;
}

int netback_read_wishes(struct netback *b)
{
	int rc = read_must(b);

	return rc ? rc : net_read_offloads(b->dev, &b->net.info, &b->sg);
}

int netback_read_rings(struct netback *b, uint32_t *refs, uint32_t *ports)
{
	static const char *const keys[] = {"tx-ring-ref", "rx-ring-ref",
					   "event-channel-tx",
					   "event-channel-rx"};
	uint64_t value[4];
	int rc = 0;

	for (unsigned i = 0; !rc && i < 2; i++)
		rc = xenbus_read_u64(b->dev, keys[i], UINT32_MAX, &value[i]);
	if (rc)
		return rc;
	for (unsigned i = 2; !rc && i < 4; i++)
		rc = xenbus_read_u64(b->dev, keys[i], UINT32_MAX, &value[i]);
	b->split = !rc;
	if (rc == -ENOENT)
		rc = xenbus_read_u64(b->dev, "event-channel", UINT32_MAX,
				     &value[2]);
	if (rc)
		return rc;
	for (unsigned i = 0; i < 2; i++) {
		refs[i] = (uint32_t)value[i];
		ports[i] = b->split || !i ? (uint32_t)value[2 + i] : 0;
	}
	return 0;
}

/* --- what we say ---------------------------------------------------------- */

int netback_publish(struct netback *b, struct xs_transaction *t, unsigned offer)
{
	const struct {
		const char *key;
		bool on;
	} features[] = {
		{"feature-rx-copy", true},
		{"feature-rx-flip", false},
		{"feature-sg", true},
		{"feature-gso-tcpv4", offer & NETBACK_GSO4},
		{"feature-gso-tcpv6", offer & NETBACK_GSO6},
		{"feature-ipv6-csum-offload", offer & NETBACK_SUM6},
		{"feature-split-event-channels", true},
		{"carrier", !b->no_link},
	};
	int rc = xenbus_printf(b->dev, t, "hotplug-status", "connected");

	for (unsigned i = 0; !rc && i < sizeof(features) / sizeof(*features);
	     i++)
		rc = xenbus_printf(b->dev, t, features[i].key, "%d",
				   features[i].on);
	return rc;
}
