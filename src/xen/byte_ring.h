/* SPDX-License-Identifier: ISC */
/*
 * Byte rings: streams through memory shared with a peer (consoles). The rules
 * of ring.h hold here as well.
 *
 *        cons                prod
 *         |  bytes that wait  |   free ...
 *         +-------------------+-----------> data, modulo size
 *
 * Interface: the writer moves prod, the reader cons; each keeps its own index
 * privately and judges the other's at each call. -EPROTO is for good.
 */
#ifndef FATA_XEN_BYTE_RING_H
#define FATA_XEN_BYTE_RING_H

#include <sys/types.h>

#include "xen/ring.h"

/*
 * One direction of a stream. `mine` is the index that we move (prod when we
 * write, cons when we read), `theirs` the peer's. size is a power of two.
 */
struct byte_ring {
	uint32_t *mine, *theirs;
	unsigned char *data;
	uint32_t size;
	uint32_t index; /* the private copy of *mine */
	bool broken;
};

/* Attach; what is in the ring already stays. */
static inline void byte_ring_init(struct byte_ring *r, uint32_t *mine,
				  uint32_t *theirs, void *data, uint32_t size)
{
	*r = (struct byte_ring){
		.mine = mine,
		.theirs = theirs,
		.data = data,
		.size = size,
		.index = ring_load(mine),
	};
}

static inline void byte_ring_copy_in(struct byte_ring *r, const void *p,
				     uint32_t n)
{
	uint32_t at = r->index & (r->size - 1);
	uint32_t head = n < r->size - at ? n : r->size - at;

	ring_copy(r->data + at, p, head);
	ring_copy(r->data, (const unsigned char *)p + head, n - head);
}

static inline void byte_ring_copy_out(struct byte_ring *r, void *p, uint32_t n)
{
	uint32_t at = r->index & (r->size - 1);
	uint32_t head = n < r->size - at ? n : r->size - at;

	ring_copy(p, r->data + at, head);
	ring_copy((unsigned char *)p + head, r->data, n - head);
}

static inline ssize_t byte_ring_judge(struct byte_ring *r, uint32_t used,
				      uint32_t answer)
{
	if (r->broken || used > r->size) {
		r->broken = true;
		return -EPROTO;
	}
	return answer;
}

/* For the writer: bytes that fit, or -EPROTO. */
static inline ssize_t byte_ring_space(struct byte_ring *r)
{
	uint32_t used = r->index - ring_load(r->theirs);

	return byte_ring_judge(r, used, r->size - used);
}

/* For the reader: bytes that wait, or -EPROTO. */
static inline ssize_t byte_ring_avail(struct byte_ring *r)
{
	uint32_t used = ring_load(r->theirs) - r->index;

	return byte_ring_judge(r, used, used);
}

/* Write up to n bytes; how many went in, or -EPROTO. Then notify. */
static inline ssize_t byte_ring_write(struct byte_ring *r, const void *p,
				      size_t n)
{
	ssize_t space = byte_ring_space(r);

	if (space <= 0)
		return space;
	if ((size_t)space < n)
		n = space;
	byte_ring_copy_in(r, p, n);
	r->index += n;
	ring_store(r->mine, r->index);
	ring_fence();
	return n;
}

/* Copy up to n bytes without taking them; how many, or -EPROTO. */
static inline ssize_t byte_ring_peek(struct byte_ring *r, void *p, size_t n)
{
	ssize_t avail = byte_ring_avail(r);

	if (avail <= 0)
		return avail;
	if ((size_t)avail < n)
		n = avail;
	byte_ring_copy_out(r, p, n);
	return n;
}

/* Take n bytes that were peeked. Then notify, if the peer may wait for it. */
static inline void byte_ring_skip(struct byte_ring *r, size_t n)
{
	r->index += n;
	ring_store(r->mine, r->index);
	ring_fence();
}

/* Read up to n bytes; how many, or -EPROTO. */
static inline ssize_t byte_ring_read(struct byte_ring *r, void *p, size_t n)
{
	ssize_t got = byte_ring_peek(r, p, n);

	if (got > 0)
		byte_ring_skip(r, got);
	return got;
}

#endif
