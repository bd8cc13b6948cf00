/* SPDX-License-Identifier: ISC */
/*
 * Which queue a frame leaves by: the Toeplitz hash (netif.h) over addresses and
 * ports with a key of our own, so that a flow keeps to one queue and nobody
 * outside can choose which. Frames that are not IP, and fragments, which have
 * no ports, go by what they do have.
 */
#include <drivers/netfront.h>
#include <string.h>
#include <xen/xen.h>
#define XEN_NETIF_DEFINE_TOEPLITZ
#include <xen/io/netif.h>

#define TCP 6
#define UDP 17

/* The hash's input: addresses, and ports if there are any. Its length. */
static unsigned key_of(const struct net_piece *p, unsigned char *buffer)
{
	const unsigned char *h = p->data;
	unsigned ip = 14, n, offset;
	uint8_t protocol;
	bool whole = true;

	if (p->size >= 34 && h[12] == 0x08 && h[13] == 0x00) {
		n = 8;
		memcpy(buffer, h + ip + 12, n);
		protocol = h[ip + 9];
		whole = !(h[ip + 6] & 0x3f) && !h[ip + 7];
		offset = ip + (h[ip] & 15) * 4u;
	} else if (p->size >= 54 && h[12] == 0x86 && h[13] == 0xdd) {
		n = 32;
		memcpy(buffer, h + ip + 8, n);
		protocol = h[ip + 6];
		offset = ip + 40;
	} else {
		return 0;
	}
	if ((protocol != TCP && protocol != UDP) || !whole ||
	    p->size < offset + 4)
		return n;
	memcpy(buffer + n, h + offset, 4);
	return n + 4;
}

struct net_queue *net_queue_of(struct netfront *n, const struct net_frame *f)
{
	unsigned char buffer[36];
	uint32_t hash;

	if (n->queues == 1)
		return n->queue;
	hash = xen_netif_toeplitz_hash(n->hash_key, sizeof(n->hash_key), buffer,
				       key_of(&f->piece[0], buffer));
	return &n->queue[hash % n->queues];
}
