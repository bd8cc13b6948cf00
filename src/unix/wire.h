/* SPDX-License-Identifier: ISC */
/*
 * The other side of a network interface: where its frames go to and come from.
 * A tap device, a packet socket, a capture file, a user-mode network, or a
 * simulated link; net.c makes an interface of fata/net.h of any of them.
 *
 * Interface: a kind of wire embeds struct wire, fills in all but the events,
 * and signals `on.readable` whenever a frame may have come after receive
 * returned -EAGAIN (`writable` likewise for send), `changed` when `up` changes.
 */
#ifndef FATA_UNIX_WIRE_H
#define FATA_UNIX_WIRE_H

#include "core/net.h"

#include <sys/uio.h>

/* What is known of a frame beside its bytes; all zero: nothing. */
struct wire_meta {
	uint16_t gso_size;
	uint8_t gso; /* enum net_gso */
	uint8_t sum; /* enum net_sum */
};

struct wire;

struct wire_ops {
	/*
	 * Take one frame, of at most NET_FRAME_MAX bytes, into the pieces: its
	 * size; -EAGAIN: none now; another error: this one was lost. *m is
	 * zeroed by the caller. Does not block.
	 */
	ssize_t (*receive)(struct wire *w, const struct iovec *v, unsigned n,
			   struct wire_meta *m);

	/*
	 * Send the frame in these pieces: 0; -EAGAIN: no room now; another
	 * error: it was dropped. Does not block.
	 */
	int (*send)(struct wire *w, const struct iovec *v, unsigned n);
};

struct wire {
	const struct wire_ops *ops;
	unsigned char mac[6]; /* the program's own address */
	unsigned mtu;
	bool up;
	struct net_events on;
};

#endif
