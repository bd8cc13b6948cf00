/* SPDX-License-Identifier: ISC */
/*
 * What both halves of a network interface read from xenstore in the same way
 * (xen/io/netif.h): netfront_keys.c and netback_keys.c have the rest.
 */
#ifndef FATA_DRIVERS_NETKEYS_H
#define FATA_DRIVERS_NETKEYS_H

#include <fata/net.h>
#include <fata/xen/xenbus.h>

/* The toolstack's, in our own directory: 0, or why they cannot be used. */
int net_read_link(struct xenbus_device *d, unsigned char *mac, unsigned *mtu);

/*
 * The addresses that the toolstack names (xl's `ip=`), from where `read` reads;
 * none is as good.
 */
void net_read_addresses(struct xenbus_device *d, struct net_info *info,
			int (*read)(struct xenbus_device *d, const char *key,
				    char **value));

/* The other half's "0" or "1"; without the key it is false. */
int net_read_flag(struct xenbus_device *d, const char *key, bool *flag);

/* What frames that are sent may leave to the other half. */
int net_read_offloads(struct xenbus_device *d, struct net_info *info, bool *sg);

#endif
