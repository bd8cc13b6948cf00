/* SPDX-License-Identifier: ISC */
/*
 * A shared folder's backend in the simulator: rings as QEMU serves them (one
 * request of each at a time, the reply on ring tag mod rings), with a server in
 * memory behind (p9_server.h), unless a test makes it misbehave.
 *
 * Interface: fill in what it offers, then sim_p9back_plug. One at a time.
 */
#ifndef SIM_P9BACK_H
#define SIM_P9BACK_H

#include "lib/p9_server.h"
#include "lib/sim.h"
#include "xen/byte_ring.h"

#define SIM_P9_FRONT "/local/domain/5/device/9pfs/0"
#define SIM_P9_BACK  "/local/domain/0/backend/9pfs/5/0"
#define SIM_P9_RINGS 8
#define SIM_P9_MOST  (1 << 20)

struct sim_p9back;
struct xen_9pfs_data_intf;

struct sim_p9_ring {
	struct sim_p9back *back;
	struct xen_9pfs_data_intf *page;
	struct byte_ring in, out; /* as the guest calls them */
	uint32_t port, ref[1 + 512];
	unsigned pages;
	bool busy;	   /* with `reply` */
	size_t size, room; /* of it */
	unsigned char reply[SIM_P9_MOST];
};

struct sim_p9back {
	/* what it is */
	struct p9_server server;
	const char *versions; /* NULL: "1" */
	unsigned max_rings, max_order;
	uint64_t delay; /* up to so many ns for each request */
	/* what it does wrong */
	bool silent, holds; /* sends no events; answers nothing */
	uint8_t keeps; /* one request of this type, until sim_p9back_go */
	/* changes a reply of *n bytes; false: it is not sent */
	bool (*twist)(struct sim_p9back *b, unsigned char *reply, size_t *n);
	/* what was seen */
	unsigned connects;
	/* its own */
	bool connected;
	unsigned rings;
	struct sim_p9_ring *kept_of;
	uint32_t kept_size;
	unsigned char kept[256];
	struct sim_p9_ring ring[SIM_P9_RINGS];
};

/* The toolstack makes the device, of tag "share"; takes it away. */
void sim_p9back_plug(struct sim_p9back *b);
void sim_p9back_unplug(struct sim_p9back *b);

/* The backend closes, and offers itself anew. */
void sim_p9back_restart(struct sim_p9back *b);

/* It forgets everything, as when the guest has moved elsewhere. */
void sim_p9back_lose(struct sim_p9back *b);

/* Write a key of the backend. */
void sim_p9back_key(const char *key, const char *value);

/* An event on the first ring's channel. */
void sim_p9back_notify(struct sim_p9back *b);

/* Serve what was held back, and before it what was kept. */
void sim_p9back_go(struct sim_p9back *b);

#endif
