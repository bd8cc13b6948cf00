/* SPDX-License-Identifier: ISC */
/*
 * A network frontend in the simulator, of a client domain whose backend is the
 * guest: does what a guest's driver does, unless a test makes it misbehave.
 *
 * Interface: fill in what it takes, then sim_netfront_plug.
 */
#ifndef SIM_NETFRONT_H
#define SIM_NETFRONT_H

#include "lib/sim.h"
#include "xen/ring.h"
#include <xen/io/netif.h>

#define SIM_CLIENT_SLOTS 256
#define SIM_CLIENT_PAGES 300 /* that it sends from */

union sim_client_tx {
	struct netif_tx_request request;
	struct netif_tx_response response;
	struct netif_extra_info extra;
	unsigned char pad[12];
};

union sim_client_rx {
	struct netif_rx_request request;
	struct netif_rx_response response;
	struct netif_extra_info extra;
};

struct sim_netfront {
	uint16_t domid;
	/* what it takes */
	bool split, sg, gso, ipv6, no_sum;
	/* what it does wrong */
	bool wrong;  /* anything: its own checks are off */
	bool starve; /* posts no pages */
	/* what was seen */
	uint64_t frames, bytes, lost;   /* that it received; with an error */
	uint64_t okay, errors, dropped; /* answers to what it sent */
	unsigned char last[65536];      /* the frame that came last */
	uint32_t last_size;
	uint16_t last_flags, last_gso;
	/* its own */
	struct sim_domain *domain;
	struct ring_front tx, rx;
	void *ring_page[2];
	uint32_t ring_ref[2], port[2];
	unsigned char *page[SIM_CLIENT_PAGES];
	uint32_t page_ref[SIM_CLIENT_PAGES];
	unsigned char *post[SIM_CLIENT_SLOTS];
	uint32_t post_ref[SIM_CLIENT_SLOTS];
	uint32_t next_page;
	bool connected;
};

/* The toolstack makes the device, on both sides; takes it away. */
void sim_netfront_plug(struct sim_netfront *f, uint16_t domid);
void sim_netfront_unplug(struct sim_netfront *f);

/* Its driver connects, as soon as the backend waits; closes. */
void sim_netfront_connect(struct sim_netfront *f);
void sim_netfront_close(struct sim_netfront *f);

/* The keys of both sides. */
void sim_netfront_key(struct sim_netfront *f, const char *key,
		      const char *value);
const char *sim_netfront_backend(struct sim_netfront *f, const char *key);
void sim_netfront_toolstack(struct sim_netfront *f, const char *key,
			    const char *value);

/*
 * Send a frame, cut into `pieces` requests at most (at least as many as pages
 * are needed), with an extra info if gso_size is not 0. False: no room.
 */
bool sim_netfront_send(struct sim_netfront *f, const void *frame, uint32_t size,
		       unsigned pieces, uint16_t flags, uint16_t gso_size);

/* The parts of that, for a test that breaks the rules. */
void sim_netfront_put(struct sim_netfront *f, union sim_client_tx slot);
void sim_netfront_show(struct sim_netfront *f);

/* Take what has come; post pages anew. An event does it, too. */
void sim_netfront_serve(void *front);

/* Events that have no reason. */
void sim_netfront_kick(struct sim_netfront *f);

#endif
