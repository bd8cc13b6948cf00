/* SPDX-License-Identifier: ISC */
/*
 * Network interfaces as raw Ethernet frames, for programs that are a switch or
 * a firewall, and for the TCP/IP stack. Frames are lists of memory pieces that
 * move without being copied: a frame that was received may be sent out of
 * another interface as it is.
 *
 * Offloads. A frame may be larger than the MTU: then `gso` and `gso_size` say
 * how it is cut into segments. Its TCP or UDP checksum may be unfinished
 * (NET_SUM_BLANK): the field then holds the sum of the pseudo header only.
 * Source: xen/include/public/io/netif.h.
 */
#ifndef FATA_NET_H
#define FATA_NET_H

#include <fata/base.h>
#include <fata/event.h>

FATA_BEGIN

/* Pieces of a frame at the most: 64 KiB in pages, and a bit. */
#define NET_PIECES 18

/* The largest frame that can be sent or received. */
#define NET_FRAME_MAX 65535

/* What a frame larger than the MTU is cut into (NETIF_GSO_*). */
enum net_gso {
	NET_GSO_NONE,
	NET_GSO_TCPV4,
	NET_GSO_TCPV6,
};

/* The TCP or UDP checksum of a frame (XEN_NETTXF_*, XEN_NETRXF_*). */
enum net_sum {
	NET_SUM_UNKNOWN, /* complete in the frame, nobody has checked it */
	NET_SUM_GOOD,    /* complete, and found right */
	NET_SUM_BLANK,   /* unfinished, and the data is known to be right */
};

/* An interface; from net_open, never freed. All fields are private. */
struct net;

/* Private. */
struct net_pool;

/*
 * A frame. Each piece lies in a page of its own, which belongs to the frame;
 * the program may move and shrink a piece within its page. A frame is owned by
 * whoever has the pointer: by the program after net_receive or
 * net_frame_alloc, by the interface after net_send.
 */
struct net_frame {
	struct net_frame *next; /* for the owner's lists */
	uint32_t size;          /* bytes of all pieces */
	uint16_t pieces;
	uint16_t gso_size; /* payload of each segment; 0 with NET_GSO_NONE */
	uint8_t gso;       /* enum net_gso */
	uint8_t sum;       /* enum net_sum */
	struct net_piece {
		unsigned char *data;
		uint32_t size;
	} piece[NET_PIECES];
	/* private: */
	uint16_t in_flight;
	struct net_pool *from; /* where its pages come from and go back to */
};

/*
 * The interface that the image calls by this name (FATA_NET), or number N for
 * the name "N"; waits until it is connected. The pointer stays valid for ever,
 * also while the interface is gone for a time. Returns 0, -ENOENT (no such
 * name), -ENODEV (no xenstore), -ETIMEDOUT, -ECANCELED, -ENOMEM. Can block.
 */
int net_open(const char *name, struct net **n, uint64_t deadline);

/* What an interface is. */
struct net_info {
	unsigned char mac[6];
	unsigned mtu; /* without the Ethernet header */
	bool up;      /* connected, link there */
	/*
	 * Addresses that the host has for the guest, as it wrote them, words
	 * separated by blanks or commas (xl's `ip=`); "" when there are none.
	 */
	char addresses[128];
	/* what frames that are sent may leave to the other side */
	bool send_sum4, send_sum6, send_gso4, send_gso6;
};

/* What the interface is now, copied to *info. Never blocks. */
void net_info(struct net *n, struct net_info *info);

/* Signalled when `up` or another field of net_info changes. */
struct event *net_changed(struct net *n);

/*
 * Receive up to max frames, at least one. Returns their number, -ETIMEDOUT,
 * -ECANCELED, or -ENODEV (the guest behind a backend's interface is gone for
 * ever, see xen/netback.h). While the interface is down it waits. Can block,
 * unless the deadline is 0.
 */
int net_receive(struct net *n, struct net_frame **frames, unsigned max,
		uint64_t deadline);

/* Signalled when there may be a frame to receive. */
struct event *net_readable(struct net *n);

/*
 * An empty frame of `size` bytes in as few pieces as possible, contents not
 * set, `headroom` bytes left free before the first. NULL when memory is short
 * or size exceeds NET_FRAME_MAX. Does not block.
 */
struct net_frame *net_frame_alloc(struct net *n, size_t size, size_t headroom);

/* Give a frame back. NULL is allowed. */
void net_frame_free(struct net_frame *f);

/*
 * Send frames in order. Returns how many were taken (these belong to the
 * interface now): n, or fewer when there is no room until the deadline;
 * -ENETDOWN when none was taken because the interface is down; -ENODEV as of
 * net_receive; -EMSGSIZE,
 * -EOPNOTSUPP (an offload that net_info does not offer) or -EINVAL (no piece,
 * an empty one, gso without size) when the first frame is not acceptable;
 * -ETIMEDOUT, -ECANCELED. Can block, unless the deadline is 0.
 */
int net_send(struct net *n, struct net_frame **frames, unsigned count,
	     uint64_t deadline);

/*
 * Make of a frame what the interface takes: a checksum is finished, a TCP frame
 * larger than the MTU cut into segments, as far as net_info offers neither.
 * *frame is then the first of a list (next); their number is returned, 1 also
 * for a frame that is left alone.
 * -EINVAL: it is no such packet, its headers do not lie in the first piece, or
 * it is to be cut into segments of less than 88 bytes; -ENOMEM; *frame is
 * unchanged then. Does not block.
 */
int net_fit(struct net *n, struct net_frame **frame);

/* Signalled when net_send may find room again. */
struct event *net_writable(struct net *n);

/*
 * Join a multicast group, by its Ethernet address (6 bytes, which are copied).
 * It matters after net_filter only. May be joined several times; outlasts the
 * loss of the backend. 0, -EINVAL (not a multicast address) or -ENOSPC (64
 * groups). Does not block. Source: xen/io/netif.h, feature-multicast-control.
 */
int net_join(struct net *n, const unsigned char *group);

/*
 * Undo one net_join of that group. 0, or -ENOENT: it is not joined. Does not
 * block.
 */
int net_leave(struct net *n, const unsigned char *group);

/*
 * At first an interface delivers whatever the network has. With `on` it
 * delivers, of what goes to multicast groups, only that to joined ones; without
 * it all again. Outlasts the loss of the backend; while there is none it is
 * only noted. 0; -EOPNOTSUPP: the host cannot choose, and everything is
 * delivered as before; or an error of xen/xs.h. Can block, for some seconds
 * at the most. Source: xen/io/netif.h, feature-dynamic-multicast-control.
 */
int net_filter(struct net *n, bool on);

/* Figures since the start; the sums of all interfaces are metrics (net.*). */
struct net_stat {
	uint64_t rx_frames, rx_bytes, rx_dropped, rx_errors;
	uint64_t tx_frames, tx_bytes, tx_dropped, tx_errors;
	uint64_t rx_gso, tx_gso;       /* frames larger than the MTU */
	uint64_t tx_waits;             /* how often net_send had no room */
	uint64_t notified, interrupts; /* events sent and received */
	uint64_t connects;             /* how often it was connected */
};

/* Its figures now, copied to *s. Never blocks. */
void net_stat(struct net *n, struct net_stat *s);

FATA_END
#endif
