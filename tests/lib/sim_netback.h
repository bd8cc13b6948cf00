/* SPDX-License-Identifier: ISC */
/*
 * A network backend in the simulator: does what Linux's netback does, unless a
 * test makes it misbehave. It checks that each request is one that a backend
 * accepts.
 *
 * Interface: fill in what it offers, then sim_netback_plug. One at a time.
 */
#ifndef SIM_NETBACK_H
#define SIM_NETBACK_H

#include "lib/sim.h"
#include "xen/ring.h"
#include <xen/io/netif.h>

#define SIM_NET_FRONT  "/local/domain/5/device/vif/0"
#define SIM_NET_BACK   "/local/domain/0/backend/vif/5/0"
#define SIM_NET_OPEN   256
#define SIM_NET_QUEUES 4
#define SIM_NET_GROUPS 64

union sim_net_tx {
	struct netif_tx_request request;
	struct netif_tx_response response;
	struct netif_extra_info extra;
	unsigned char pad[12];
};

union sim_net_rx {
	struct netif_rx_request request;
	struct netif_rx_response response;
	struct netif_extra_info extra;
};

struct sim_netback;

/* A pair of rings with their channels. */
struct sim_netqueue {
	struct ring_back tx, rx;
	uint32_t tx_ref, rx_ref, tx_port, rx_port;
	struct sim_netback *back;
	uint64_t frames;
};

struct sim_netback {
	/* what it offers */
	bool split, sg, gso, ipv6, multicast, static_multicast;
	unsigned queues_max; /* 0: not told */
	/* what it does wrong */
	bool wrong;  /* anything: so the guest may leave it at any moment */
	bool holds;  /* takes frames, answers nothing */
	bool silent; /* sends no events */
	bool keeps;  /* never unmaps what it was sent */
	bool loops;  /* sends each frame back */
	/* changes an answer; false: this one is not sent */
	bool (*twist)(struct sim_netback *b, union sim_net_tx *answer);
	/* what was seen */
	uint64_t frames, bytes, lost, connects;
	unsigned char last[65536]; /* the frame that came last */
	uint32_t last_size;
	uint16_t last_flags, last_gso;
	/* its own */
	bool connected;
	unsigned queues; /* that the guest has asked for */
	union {
		struct sim_netqueue q[SIM_NET_QUEUES];
		struct { /* the first of them */
			struct ring_back tx, rx;
			uint32_t tx_ref, rx_ref, tx_port, rx_port;
		};
	};
	/* multicast groups that were added */
	unsigned char group[SIM_NET_GROUPS][6];
	unsigned groups;
	/* answers that are held back, and mappings that are kept */
	union sim_net_tx open[SIM_NET_OPEN];
	uint8_t open_queue[SIM_NET_OPEN];
	unsigned opens, keeps_n;
	uint32_t kept[SIM_NET_OPEN];
};

/* The toolstack makes the device; takes it away. */
void sim_netback_plug(struct sim_netback *b);
void sim_netback_unplug(struct sim_netback *b);

/* The backend closes, and offers itself anew. */
void sim_netback_restart(struct sim_netback *b);

/* It forgets everything, as when the guest has moved elsewhere. */
void sim_netback_lose(struct sim_netback *b);

/* Write a key of the backend, or of the device (mac, mtu). */
void sim_netback_key(const char *key, const char *value);

/*
 * Send a frame to the guest, in pieces of at most a page, with an extra info
 * if gso_size is not 0. False: the guest has posted too few pages.
 */
bool sim_netback_send(struct sim_netback *b, const void *frame, uint32_t size,
		      uint16_t flags, uint16_t gso_size);

/* The same, by a queue of one's choice. */
bool sim_netback_send_by(struct sim_netqueue *q, const void *frame,
			 uint32_t size, uint16_t flags, uint16_t gso_size);

/* Whether a frame to this multicast address would reach the guest. */
bool sim_netback_wants(const struct sim_netback *b, const unsigned char *mac);

/*
 * The parts of that, for a test that breaks the rules: take the next page that
 * the guest has posted, answer with this, show the answers. false: none.
 */
bool sim_netback_page(struct sim_netback *b, union sim_net_rx *request);
void sim_netback_fill(struct sim_netback *b, const union sim_net_rx *request,
		      const void *data, uint32_t offset, uint32_t size);
void sim_netback_answer(struct sim_netback *b, union sim_net_rx answer);
void sim_netback_show(struct sim_netback *b);

/* Answer what was held back; let go of what was kept. */
void sim_netback_go(struct sim_netback *b);

/* Events that have no reason. */
void sim_netback_kick(struct sim_netback *b);

/*
 * Between its files: a key as a number, 0 if there is none; take what is on a
 * queue, on all; unmap what was kept.
 */
uint32_t sim_netback_number(const char *directory, const char *key);
void sim_netback_serve(void *queue);
void sim_netback_serve_all(void *back);
void sim_netback_let_go(struct sim_netback *b);

#endif
