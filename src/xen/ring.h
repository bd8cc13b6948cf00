/* SPDX-License-Identifier: ISC */
/*
 * Rings: how to touch memory that a peer can change meanwhile.
 *
 * Slot rings (io/ring.h) carry requests one way and responses the other way
 * through the same slots; byte rings (byte_ring.h) carry a stream. Indices run
 * freely and wrap at 2^32.
 *
 *      rsp_cons      rsp_prod       req_cons      req_prod
 *         |  responses  |  being served |  requests  |   free ...
 *         +-------------+---------------+------------+-----> slots, modulo size
 *
 * Rules that every function here keeps, whatever the peer writes:
 *  - What we write we also keep privately, and never read back.
 *  - What we read is read once, into a private copy, and judged there.
 *  - An index that the peer cannot rightly have (too far, or backwards) makes
 *    the ring broken: this and every later call returns -EPROTO.
 *  - Nothing is an address: requests carry numbers from an id table, and an id
 *    that is not in flight is -EPROTO.
 *  - No loop is longer than the ring.
 *
 * A peer may also write garbage into the event index that tells us when to
 * notify it, or not notify us. Who waits for a response therefore always waits
 * with a deadline, and polls the ring at the deadline before it gives up.
 */
#ifndef FATA_XEN_RING_H
#define FATA_XEN_RING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "xen/shared.h"

/* --- single words, and copies -----------------------------------------------
 */

static inline uint32_t ring_load(const uint32_t *p)
{
	SHARED_STEP();
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void ring_store(uint32_t *p, uint32_t value)
{
	SHARED_STEP();
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

/* Our index is visible before we look at the peer's. */
static inline void ring_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * Copy n bytes out of (into) shared memory. The fence keeps the compiler from
 * reading the source a second time instead of using the copy.
 */
static inline void ring_copy(void *to, const void *from, size_t n)
{
	SHARED_STEP();
	memcpy(to, from, n);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* --- slot rings -------------------------------------------------------------
 */

/* The head of the shared memory; the slots follow at byte 64. */
struct ring_page {
	uint32_t req_prod, req_event;
	uint32_t rsp_prod, rsp_event;
	uint8_t pad[48];
	unsigned char slots[];
};

/* How many slots of this size fit into the ring: a power of two. */
static inline uint32_t ring_slots(size_t bytes, size_t slot)
{
	size_t n = (bytes - sizeof(struct ring_page)) / slot;

	return 1u << (31 - __builtin_clz((uint32_t)n));
}

static inline void *ring_slot(struct ring_page *p, size_t slot, uint32_t size,
			      uint32_t index)
{
	return p->slots + (size_t)(index & (size - 1)) * slot;
}

/*
 * Where the indices of a new ring start: 0, as peers expect. The simulator's
 * peers follow our side, so that there each ring soon wraps.
 */
#ifdef __FATA_XEN__
#define RING_START 0u
#else
#define RING_START 0xffffff00u
#endif

/* The side that asks. */
struct ring_front {
	struct ring_page *page;
	size_t slot;
	uint32_t size;
	uint32_t req_prod; /* next free slot */
	uint32_t req_sent; /* told to the peer up to here */
	uint32_t rsp_cons; /* next response to take */
	uint32_t rsp_seen; /* the peer's index, as last judged */
	bool broken;
};

/* Lay out a ring in our own zeroed pages of `bytes` bytes. */
static inline void ring_front_init(struct ring_front *r, void *pages,
				   size_t bytes, size_t slot, uint32_t start)
{
	*r = (struct ring_front){
		.page = pages,
		.slot = slot,
		.size = ring_slots(bytes, slot),
		.req_prod = start,
		.req_sent = start,
		.rsp_cons = start,
		.rsp_seen = start,
	};
	ring_store(&r->page->req_prod, start);
	ring_store(&r->page->rsp_prod, start);
	ring_store(&r->page->req_event, start + 1);
	ring_store(&r->page->rsp_event, start + 1);
}

/* Requests that still fit. */
static inline uint32_t ring_front_free(const struct ring_front *r)
{
	return r->size - (r->req_prod - r->rsp_cons);
}

/*
 * Write a request of n bytes (all of it initialised: the peer sees padding
 * too). 0, -ENOSPC or -EPROTO. The peer sees it after ring_front_push.
 */
static inline int ring_front_put(struct ring_front *r, const void *req,
				 size_t n)
{
	if (r->broken)
		return -EPROTO;
	if (ring_front_free(r) == 0)
		return -ENOSPC;
	ring_copy(ring_slot(r->page, r->slot, r->size, r->req_prod), req, n);
	r->req_prod++;
	return 0;
}

/* Publish what was put; true when the peer wants to be notified. */
static inline bool ring_front_push(struct ring_front *r)
{
	uint32_t old = r->req_sent;

	if (r->broken || old == r->req_prod)
		return false;
	r->req_sent = r->req_prod;
	ring_store(&r->page->req_prod, r->req_sent);
	ring_fence();
	return r->req_sent - ring_load(&r->page->req_event) < r->req_sent - old;
}

/* Look for new responses. 1, 0, or -EPROTO. */
static inline int ring_front_poll(struct ring_front *r)
{
	uint32_t prod;

	if (r->broken)
		return -EPROTO;
	if (r->rsp_cons != r->rsp_seen)
		return 1;
	prod = ring_load(&r->page->rsp_prod);
	if (prod - r->rsp_seen > r->req_sent - r->rsp_seen) {
		r->broken = true;
		return -EPROTO;
	}
	r->rsp_seen = prod;
	return prod != r->rsp_cons;
}

/* Copy the next response out: 1, 0 when there is none, or -EPROTO. */
static inline int ring_front_get(struct ring_front *r, void *rsp, size_t n)
{
	int rc = ring_front_poll(r);

	if (rc <= 0)
		return rc;
	ring_copy(rsp, ring_slot(r->page, r->slot, r->size, r->rsp_cons), n);
	r->rsp_cons++;
	return 1;
}

/*
 * Ask to be notified of the next response. Returns 1 when there is one
 * already, so that nothing is lost between looking and asking; 0; -EPROTO.
 */
static inline int ring_front_arm(struct ring_front *r)
{
	int rc = ring_front_poll(r);

	if (rc)
		return rc;
	ring_store(&r->page->rsp_event, r->rsp_cons + 1);
	ring_fence();
	return ring_front_poll(r);
}

/* The side that answers. */
struct ring_back {
	struct ring_page *page;
	size_t slot;
	uint32_t size;
	uint32_t rsp_prod; /* next response goes here */
	uint32_t rsp_sent; /* told to the peer up to here */
	uint32_t req_cons; /* next request to take */
	uint32_t req_seen; /* the peer's index, as last judged */
	bool broken;
};

/* Attach to a peer's mapped ring. A fresh ring starts at 0. */
static inline void ring_back_init(struct ring_back *r, void *pages,
				  size_t bytes, size_t slot, uint32_t start)
{
	*r = (struct ring_back){
		.page = pages,
		.slot = slot,
		.size = ring_slots(bytes, slot),
		.rsp_prod = start,
		.rsp_sent = start,
		.req_cons = start,
		.req_seen = start,
	};
}

/* Judge the peer's index anew: 0 or -EPROTO. */
static inline int ring_back_look(struct ring_back *r)
{
	uint32_t prod = ring_load(&r->page->req_prod);

	/* Each slot holds a request until its response is written. */
	if (prod - r->req_seen > r->size - (r->req_seen - r->rsp_prod))
		r->broken = true;
	else
		r->req_seen = prod;
	return r->broken ? -EPROTO : 0;
}

/* Look for new requests. 1, 0, or -EPROTO. */
static inline int ring_back_poll(struct ring_back *r)
{
	if (r->broken)
		return -EPROTO;
	if (r->req_cons == r->req_seen && ring_back_look(r))
		return -EPROTO;
	return r->req_seen != r->req_cons;
}

/*
 * Are n requests there? If not, ask to be notified of the next one. 1, 0, or
 * -EPROTO.
 */
static inline int ring_back_want(struct ring_back *r, uint32_t n)
{
	if (r->broken)
		return -EPROTO;
	for (;;) {
		uint32_t seen = r->req_seen;

		if (seen - r->req_cons >= n)
			return 1;
		ring_store(&r->page->req_event, seen + 1);
		ring_fence();
		if (ring_back_look(r))
			return -EPROTO;
		if (r->req_seen == seen)
			return 0;
	}
}

/* Copy the next request out: 1, 0 when there is none, or -EPROTO. */
static inline int ring_back_get(struct ring_back *r, void *req, size_t n)
{
	int rc = ring_back_poll(r);

	if (rc <= 0)
		return rc;
	ring_copy(req, ring_slot(r->page, r->slot, r->size, r->req_cons), n);
	r->req_cons++;
	return 1;
}

/* Requests taken and not answered yet. */
static inline uint32_t ring_back_open(const struct ring_back *r)
{
	return r->req_cons - r->rsp_prod;
}

/* Write a response; 0, -EPROTO, or -EINVAL when nothing is to be answered. */
static inline int ring_back_put(struct ring_back *r, const void *rsp, size_t n)
{
	if (r->broken)
		return -EPROTO;
	if (ring_back_open(r) == 0)
		return -EINVAL;
	ring_copy(ring_slot(r->page, r->slot, r->size, r->rsp_prod), rsp, n);
	r->rsp_prod++;
	return 0;
}

/* Publish what was put; true when the peer wants to be notified. */
static inline bool ring_back_push(struct ring_back *r)
{
	uint32_t old = r->rsp_sent;

	if (r->broken || old == r->rsp_prod)
		return false;
	r->rsp_sent = r->rsp_prod;
	ring_store(&r->page->rsp_prod, r->rsp_sent);
	ring_fence();
	return r->rsp_sent - ring_load(&r->page->rsp_event) < r->rsp_sent - old;
}

/* Ask to be notified of the next request; as ring_front_arm. */
static inline int ring_back_arm(struct ring_back *r)
{
	int rc = ring_back_poll(r);

	if (rc)
		return rc;
	ring_store(&r->page->req_event, r->req_cons + 1);
	ring_fence();
	return ring_back_poll(r);
}

/* --- ids --------------------------------------------------------------------
 */

#define RING_ID_BUSY 0xffff
#define RING_ID_END  0xfffe

/* Numbers 0 .. n-1 for requests in flight; `next` is the caller's memory. */
struct ring_ids {
	uint16_t *next; /* of a free id, or RING_ID_BUSY */
	uint16_t n, free, busy;
};

static inline void ring_ids_init(struct ring_ids *t, uint16_t *next, uint16_t n)
{
	*t = (struct ring_ids){.next = next, .n = n};
	for (uint16_t i = 0; i < n; i++)
		next[i] = i + 1 < n ? i + 1 : RING_ID_END;
}

/* An id that is in flight from now on, or -ENOSPC. */
static inline int ring_ids_get(struct ring_ids *t)
{
	uint16_t id = t->free;

	if (t->busy == t->n)
		return -ENOSPC;
	t->free = t->next[id];
	t->next[id] = RING_ID_BUSY;
	t->busy++;
	return id;
}

static inline bool ring_ids_busy(const struct ring_ids *t, uint64_t id)
{
	return id < t->n && t->next[id] == RING_ID_BUSY;
}

/* A response names this id: 0, and it is free again; or -EPROTO. */
static inline int ring_ids_put(struct ring_ids *t, uint64_t id)
{
	if (!ring_ids_busy(t, id))
		return -EPROTO;
	t->next[id] = t->free;
	t->free = id;
	t->busy--;
	return 0;
}

#endif
