/* SPDX-License-Identifier: ISC */
/*
 * The disk frontend: its parts and what they share.
 *
 *     blkfront.c        connecting and losing the backend
 *     blkfront_name.c   disks by name
 *     blkfront_info.c   what the backend says of its disk
 *     blkfront_ring.c   the rings and their event channels
 *     blkfront_io.c     requests of programs become requests on the ring
 *     blkfront_reply.c  responses, and what is done anew after a disconnection
 *     blkfront_pages.c  pages that are shared with the backend
 *
 * Memory is granted once for each connection, not for each request: a pool of
 * pages through which data is copied, and the buffers of block_buffer_alloc.
 * Both belong to the driver for as long as a peer may map them, hold nothing
 * but this disk's data, and so need not be revoked between requests. That is
 * what the protocol calls persistent grants; with a backend that does not know
 * them it is the same but for its own mapping each time.
 *
 * One queue, unless asked for more: a guest has one virtual CPU, and queues
 * divide what is joined and notified together. With several, requests go to
 * them in turn, and each has a thread of its own in Linux's blkback.
 */
#ifndef FATA_DRIVERS_BLKFRONT_H
#define FATA_DRIVERS_BLKFRONT_H

#include <core/block.h>
#include <core/range.h>
#include <fata/timer.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/xenbus.h>
#include <xen/ring.h>
#include <xen/xen.h>
#include <xen/io/blkif.h>

#define BLK_SECTOR	 512u /* the protocol's unit, whatever the disk's */
#define BLK_ORDER_MAX	 4    /* the ring: 16 pages, 512 requests */
#define BLK_QUEUES_MAX	 4
#define BLK_DIRECT	 BLKIF_MAX_SEGMENTS_PER_REQUEST
#define BLK_INDIRECT_MAX 256 /* 1 MiB in a request */

/* Pages of the pool: no more than backends keep mapped; always that many. */
#define BLK_POOL_MAX	 1024
#define BLK_POOL_RESERVE (BLK_DIRECT + 1)

/* Seconds that a broken disk lets requests wait. */
#define BLK_BROKEN_S 5

/* Seconds that a suspend waits for answers. */
#define BLK_DRAIN_S 5

/* A page of the pool. */
struct blk_page {
	struct blk_page *next; /* while it is free */
	void *memory;
	uint32_t ref;
};

/* Memory of block_buffer_alloc. */
struct blk_buffer {
	struct range range;
	unsigned order, in_flight; /* segments that use it */
	bool granted;		   /* to the present backend, all pages */
	bool freed;		   /* by the program */
	bool has_refs;
	uint32_t ref[];
};

/* A page's worth of a request on the ring. */
struct blk_segment {
	struct blk_segment *next;
	struct block_request *request; /* NULL: given up by its owner */
	struct blk_page *page;	       /* copied through, or: */
	struct blk_buffer *buffer;
	void *memory; /* in the buffer */
	uint32_t ref;
	uint16_t size;
	uint8_t first, last; /* in units of BLK_SECTOR */
	/* where in the request's pieces a read is copied to */
	unsigned at_vec;
	size_t at_byte;
};

/* A request on the ring; the index is its id. */
struct blk_io {
	uint8_t op; /* BLKIF_OP_*, also behind an indirect one */
	bool indirect;
	uint16_t count;
	uint64_t sector;
	struct blk_segment *segments, *last;
	struct blk_page *page;	       /* the indirect descriptors */
	struct block_request *request; /* of a flush or discard */
};

/* A ring and its event channel. */
struct blk_queue {
	struct blkfront *disk;
	struct ring_front ring;
	uint32_t ring_ref[1 << BLK_ORDER_MAX];
	struct evtchn evtchn;
	struct ring_ids ids;
	struct blk_io *io; /* one for each id, then the ids' links; or NULL */
};

struct blkfront {
	struct block block;
	struct blkfront *all;
	uint32_t number;
	struct xenbus_device *dev; /* NULL: unplugged */
	bool running;		   /* the backend is connected */
	bool paused;		   /* about to be suspended */
	bool trusted;		   /* the program's buffers may be shared */
	bool barrier;		   /* a flush is a barrier */
	bool flush_refused;
	unsigned broken_s;
	unsigned segments_max;
	/* the rings: how many of them, their size, and which is next */
	unsigned queues, order, turn;
	bool said_queues; /* in xenstore, once */
	struct blk_queue queue[BLK_QUEUES_MAX];
	/*
	 * All requests that have not ended, in their order. Those before
	 * `next` are on the ring in whole.
	 *
	 *     requests -> r -> r -> r -> r -> (requests)
	 *                           ^ next
	 */
	struct list requests, *next;
	struct list ended;   /* to be told to their owners */
	struct timer pusher; /* soon: issue what was submitted */
	struct timer watcher;
	struct event answered; /* while paused: something was */
	/* memory */
	struct blk_page *pool;
	unsigned pool_total, pool_free;
	struct blk_segment *segments;
	struct range_tree buffers;
};

/* --- blkfront_name.c ---------------------------------------------------- */

/* The number in xenstore of the disk with this name; -ENOENT. */
int blk_number(const char *name, uint32_t *number);

/* --- blkfront_info.c ---------------------------------------------------- */

/* What the backend says; -EINVAL when that is nonsense. */
int blk_read_info(struct blkfront *f, struct block_info *info);
int blk_read_size(struct blkfront *f, uint64_t *size);

/* --- blkfront_ring.c ---------------------------------------------------- */

/* How many queues are wanted (--block-queues). */
extern uint64_t blk_queues;

/* Make the rings; write their keys; have and no longer have their events. */
int blk_rings_open(struct blkfront *f);
int blk_rings_publish(struct blkfront *f, struct xs_transaction *t);
void blk_rings_listen(struct blkfront *f);
void blk_rings_deafen(struct blkfront *f);

/* Forget them; the peer's events have ended. */
void blk_rings_free(struct blkfront *f);

/* --- blkfront_io.c ------------------------------------------------------ */

int blk_submit(struct block *b, struct block_request *r);
void blk_push(struct block *b);
void blk_cancel(struct block *b, struct block_request *r);

/* Issue what fits. */
void blk_issue(struct blkfront *f);

/* See that blk_serve is called soon, from the loop. */
void blk_serve_soon(struct blkfront *f);

/* --- blkfront_reply.c --------------------------------------------------- */

/* A channel's handler, and what it does: take, issue, tell. */
void blk_event(void *queue);
void blk_serve(void *blkfront);

/* Take responses; owners are not told yet. */
void blk_take(struct blkfront *f);

/* How many requests are on the rings. */
unsigned blk_in_flight(const struct blkfront *f);

/* Everything under way is to be done anew; its pages are free. */
void blk_requeue(struct blkfront *f);

/* End all requests with this error. */
void blk_fail_all(struct blkfront *f, int error);

/* Tell the owners of what has ended. */
void blk_tell(struct blkfront *f);

/* r has ended. */
void blk_ended(struct blkfront *f, struct block_request *r, int status);

/* Take r out of the list of requests. */
void blk_unlink(struct blkfront *f, struct block_request *r);

/* Look after requests that wait: lost events, broken disks. */
void blk_watch(struct blkfront *f);

/* --- blkfront_pages.c --------------------------------------------------- */

/* Grant everything to the device's peer; -ENOMEM, -ENOSPC. */
int blk_pages_grant(struct blkfront *f);

/* End the grants, as far as the peer has let go. */
void blk_pages_revoke(struct blkfront *f);

/* Give the whole pool back. */
void blk_pages_free(struct blkfront *f);

/* A page for data; NULL: later, when one has come back. */
struct blk_page *blk_page_get(struct blkfront *f);
void blk_page_put(struct blkfront *f, struct blk_page *p);

/* An empty segment; NULL as above. Putting one gives its page back too. */
struct blk_segment *blk_segment_get(struct blkfront *f);
void blk_segment_put(struct blkfront *f, struct blk_segment *s);

/* The buffer that the backend can reach at this address, or NULL. */
struct blk_buffer *blk_buffer_at(struct blkfront *f, const void *p);

void *blk_buffer_alloc(struct block *b, unsigned order);
void blk_buffer_free(struct block *b, void *p, unsigned order);

#endif
