/* SPDX-License-Identifier: ISC */
/*
 * A disk's backend in the simulator: does what Linux's blkback does, in any
 * order and after any delay, unless a test makes it misbehave. It checks that
 * each request is one that a backend accepts.
 *
 * Interface: fill in what it offers, then sim_blkback_plug. One at a time.
 */
#ifndef SIM_BLKBACK_H
#define SIM_BLKBACK_H

#include "lib/sim.h"
#include "xen/ring.h"
#include <xen/io/blkif.h>

#define SIM_BLK_FRONT  "/local/domain/5/device/vbd/51712"
#define SIM_BLK_BACK   "/local/domain/0/backend/vbd/5/51712"
#define SIM_BLK_JOBS   512
#define SIM_BLK_MAPS   8192
#define SIM_BLK_QUEUES 4

#define SIM_BLK_DIRTY 1
#define SIM_BLK_OWED  2

struct sim_blkback;

struct sim_blk_job {
	struct sim_blkback *back;
	struct sim_blk_queue *queue;
	bool busy;
	/* of the cache: what it wrote, or what it makes durable */
	uint64_t first, count;
	uint64_t *covered;
	union {
		struct blkif_request direct;
		struct blkif_request_indirect indirect;
		struct blkif_request_discard discard;
	} request;
};

struct sim_blk_queue {
	struct sim_blkback *back;
	struct ring_back ring;
	struct ring_page *page;
	uint32_t port;
	uint32_t ring_ref[16];
	uint64_t requests;
};

struct sim_blkback {
	/* what it is; the disk's bytes are the test's memory */
	unsigned char *disk;
	uint64_t sectors; /* of 512 bytes */
	unsigned sector;  /* bytes */
	unsigned order, indirect, info;
	unsigned max_queues; /* 0: says nothing of queues */
	bool persistent, flush, barrier, discard, secure;
	/* what it does wrong */
	const char *key, *value;   /* a key with this value, whatever it is */
	uint64_t bad_first, bad_n; /* sectors that cannot be used */
	bool refuses;              /* flush and discard, though offered */
	bool lies;                 /* answers reads without having read */
	bool holds;                /* answers nothing */
	bool silent;               /* sends no events */
	bool keeps;                /* never unmaps */
	bool wild;                 /* out of step: grants may have ended */
	/* changes an answer; false: this one is not sent */
	bool (*twist)(struct sim_blkback *b, struct blkif_response *rsp);
	uint64_t delay; /* up to so many ns for each request */
	/*
	 * (o) A cache that is lost with the power: what is on the disk for
	 * good, and for each sector whether it differs (SIM_BLK_DIRTY) or
	 * even holds what was answered (SIM_BLK_OWED).
	 */
	unsigned char *durable;
	uint8_t *cache;
	/* what was seen */
	uint64_t requests, segments, flushes, discards, secures, connects;
	uint64_t reads, writes;
	/* its own */
	bool connected, closing;
	unsigned queues, pages; /* of each */
	struct sim_blk_queue queue[SIM_BLK_QUEUES];
	struct sim_blk_job job[SIM_BLK_JOBS];
	struct sim_map_of {
		uint32_t ref;
		void *at;
	} map[SIM_BLK_MAPS];
	unsigned maps;
};

/* The toolstack makes the device; takes it away. */
void sim_blkback_plug(struct sim_blkback *b);
void sim_blkback_unplug(struct sim_blkback *b);

/* The backend closes, and offers itself anew. */
void sim_blkback_restart(struct sim_blkback *b);

/* It forgets everything, as when the guest has moved elsewhere. */
void sim_blkback_lose(struct sim_blkback *b);

/* Write a key of the backend, as text. */
void sim_blkback_key(const char *key, const char *format, ...)
	FATA_PRINTF(2, 3);

/* The first ring's memory, for a test that spoils it. NULL: not connected. */
struct ring_page *sim_blkback_page(struct sim_blkback *b);

/* An event without need on the first ring's channel. */
void sim_blkback_notify(struct sim_blkback *b);

/*
 * What a power cut now would leave: each sector that is not durable keeps its
 * old or its new contents, by chance.
 */
void sim_blkback_cut(struct sim_blkback *b, unsigned char *left);

/* Do what was held back. */
void sim_blkback_go(struct sim_blkback *b);

/* Between the two files: take a queue's requests; give all pages back. */
void sim_blkback_serve(void *queue);
void sim_blkback_unmap(struct sim_blkback *b);

#endif
