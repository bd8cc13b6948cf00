/* SPDX-License-Identifier: ISC */
/*
 * A device of the tests of rings, the smallest that has everything: requests
 * with an id and a value, answered with the same id and the value plus one. Its
 * front end uses ring.h as a driver does.
 */
#ifndef SIM_RING_H
#define SIM_RING_H

#include <errno.h>
#include <string.h>

#include <fata/page.h>

#include "lib/sim.h"
#include "xen/ring.h"

struct request {
	uint64_t id, value;
	uint32_t op;
};

struct response {
	uint64_t id, value;
	uint32_t op;
};

#define SLOT 24
#define SIZE 128 /* slots in a page */
#define WRAP 0xffffff00u

/* --- the front end -------------------------------------------------------- */

struct front {
	struct ring_front ring;
	struct ring_ids ids;
	uint16_t next[SIZE];
	uint64_t value[SIZE]; /* by id: what we asked */
	uint64_t done;
	int error;
};

static inline struct front *front_new(void)
{
	static struct front f;
	void *page = page_alloc(0);

	CHECK(page);
	memset(&f, 0, sizeof(f));
	ring_front_init(&f.ring, page, PAGE_SIZE, SLOT, RING_START);
	CHECK(f.ring.size == SIZE && RING_START == WRAP);
	ring_ids_init(&f.ids, f.next, SIZE);
	return &f;
}

static inline void front_end(struct front *f)
{
	page_free(f->ring.page, 0);
}

/* Ask as much as fits, at most n; how many. */
static inline unsigned int ask(struct front *f, unsigned int n)
{
	unsigned int asked = 0;

	while (asked < n && ring_front_free(&f->ring)) {
		int id = ring_ids_get(&f->ids);
		struct request req = {.id = id, .op = 7};

		if (id < 0)
			break;
		req.value = f->value[id] = sim_random();
		CHECK(ring_front_put(&f->ring, &req, sizeof(req)) == 0);
		asked++;
	}
	ring_front_push(&f->ring);
	return asked;
}

/* Take what there is. A bad response breaks the device and nothing else. */
static inline void take(struct front *f)
{
	struct response rsp;
	int rc;

	while ((rc = ring_front_get(&f->ring, &rsp, sizeof(rsp))) > 0) {
		rc = ring_ids_put(&f->ids, rsp.id);
		if (rc == 0 && rsp.op != 7)
			rc = -EPROTO;
		if (rc)
			break;
		CHECK(rsp.id < SIZE);
		f->done++;
	}
	if (rc < 0 && !f->error)
		f->error = rc;
}

/* --- an honest back end --------------------------------------------------- */

static inline void serve(struct front *f, struct ring_back *b)
{
	struct request req;

	while (ring_back_get(b, &req, sizeof(req)) > 0) {
		struct response rsp = {.id = req.id, .op = req.op};

		rsp.value = req.value + 1;
		CHECK(req.value == f->value[req.id]);
		CHECK(ring_back_put(b, &rsp, sizeof(rsp)) == 0);
	}
	ring_back_push(b);
}

static inline void back_init(struct ring_back *b, struct front *f)
{
	ring_back_init(b, f->ring.page, PAGE_SIZE, SLOT, WRAP);
}

static inline struct ring_page *page_of(struct front *f)
{
	return f->ring.page;
}

#endif
