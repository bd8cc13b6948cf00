/* SPDX-License-Identifier: ISC */
/*
 * A disk's backend, coming and going; see sim_blkback.h. What it does with
 * requests is in sim_blkback_io.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/xen/xenbus.h>

#include "lib/sim_blkback.h"

static struct sim_blkback *back; /* the one that is plugged in */

/* --- xenstore ------------------------------------------------------------- */

void sim_blkback_key(const char *key, const char *format, ...)
{
	char path[128], value[64];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	snprintf(path, sizeof(path), SIM_BLK_BACK "/%s", key);
	sim_xs_write(path, value);
}

static uint64_t number(const char *directory, const char *key, uint64_t other)
{
	char path[128];
	const char *value;

	snprintf(path, sizeof(path), "%s/%s", directory, key);
	value = sim_xs_read(path);
	return value && *value ? strtoull(value, NULL, 10) : other;
}

/* --- connecting ----------------------------------------------------------- */

static bool attach_ring(struct sim_blkback *b, struct sim_blk_queue *q,
			const char *below)
{
	char key[48];
	int port;

	for (unsigned i = 0; i < b->pages; i++) {
		void *at;

		if (b->pages > 1)
			snprintf(key, sizeof(key), "%sring-ref%u", below, i);
		else
			snprintf(key, sizeof(key), "%sring-ref", below);
		q->ring_ref[i] = (uint32_t)number(SIM_BLK_FRONT, key, 0);
		at = sim_grant_map(SIM_DOM0, sim_guest, q->ring_ref[i], false,
				   NULL);
		if (!at && b->wild)
			return false;
		CHECK(at);
		q->page = i ? q->page : at;
		CHECK(at == (unsigned char *)q->page + i * PAGE_SIZE);
	}
	ring_back_init(&q->ring, q->page, (size_t)b->pages * PAGE_SIZE,
		       sizeof(struct blkif_request), q->page->rsp_prod);
	snprintf(key, sizeof(key), "%sevent-channel", below);
	port = sim_evtchn_bind(SIM_DOM0, 5,
			       (uint32_t)number(SIM_BLK_FRONT, key, 0));
	if (port <= 0 && b->wild)
		return false;
	CHECK(port > 0);
	q->port = (uint32_t)port;
	q->back = b;
	q->requests = 0;
	return true;
}

static bool attach(struct sim_blkback *b)
{
	unsigned order = (unsigned)number(SIM_BLK_FRONT, "ring-page-order", 0);
	char below[24] = "";

	b->queues =
		(unsigned)number(SIM_BLK_FRONT, "multi-queue-num-queues", 1);
	CHECK(order <= b->order && order <= 4);
	CHECK(b->queues && b->queues <= (b->max_queues ? b->max_queues : 1));
	b->pages = 1u << order;
	for (unsigned i = 0; i < b->queues; i++) {
		if (b->queues > 1)
			snprintf(below, sizeof(below), "queue-%u/", i);
		if (!attach_ring(b, &b->queue[i], below))
			return false;
	}
	b->connected = true;
	b->closing = false;
	b->connects++;
	for (unsigned i = 0; i < b->queues; i++) {
		sim_evtchn_on(SIM_DOM0, b->queue[i].port, sim_blkback_serve,
			      &b->queue[i]);
		sim_after(0, sim_blkback_serve, &b->queue[i]);
	}
	return true;
}

static void detach_ring(struct sim_blkback *b, struct sim_blk_queue *q)
{
	sim_forget(q);
	sim_evtchn_close(SIM_DOM0, q->port);
	for (unsigned i = 0; i < b->pages; i++)
		sim_grant_unmap(sim_guest, q->ring_ref[i], false);
	q->page = NULL;
}

void sim_blkback_lose(struct sim_blkback *b)
{
	for (unsigned i = 0; i < SIM_BLK_JOBS; i++) {
		sim_forget(&b->job[i]);
		b->job[i].busy = false;
		free(b->job[i].covered);
		b->job[i].covered = NULL;
	}
	if (!b->connected)
		return;
	b->connected = false;
	for (unsigned i = 0; i < b->queues; i++)
		detach_ring(b, &b->queue[i]);
	if (!b->keeps)
		sim_blkback_unmap(b);
}

/* Published with Connected, as Linux does. */
static void connect(struct sim_blkback *b)
{
	if (!attach(b))
		return;
	sim_blkback_key("sectors", "%llu", (unsigned long long)b->sectors);
	sim_blkback_key("sector-size", "%u", b->sector);
	sim_blkback_key("info", "%u", b->info);
	sim_blkback_key("feature-flush-cache", "%d", b->flush);
	sim_blkback_key("feature-barrier", "%d", b->barrier);
	sim_blkback_key("feature-discard", "%d", b->discard);
	sim_blkback_key("discard-secure", "%d", b->secure);
	sim_blkback_key("feature-persistent", "%d", b->persistent);
	if (b->indirect)
		sim_blkback_key("feature-max-indirect-segments", "%u",
				b->indirect);
	if (b->key)
		sim_blkback_key(b->key, "%s", b->value);
	sim_blkback_key("state", "4");
}

static void front_changed(void *arg, const char *path)
{
	int own = (int)number(SIM_BLK_BACK, "state", 0);
	int front = (int)number(SIM_BLK_FRONT, "state", 0);
	int next = sim_back_state(front, own, XENBUS_INITIALISED);

	(void)arg;
	(void)path;
	if (!back || !own)
		return;
	if (front == XENBUS_CLOSED)
		sim_blkback_lose(back);
	if (next == XENBUS_CONNECTED && !back->connected)
		connect(back);
	else if (next && next != XENBUS_CONNECTED)
		sim_blkback_key("state", "%d", next);
}

void sim_blkback_plug(struct sim_blkback *b)
{
	back = b;
	sim_device_make(SIM_BLK_FRONT, SIM_BLK_BACK, front_changed);
	if (b->order)
		sim_blkback_key("max-ring-page-order", "%u", b->order);
	if (b->max_queues)
		sim_blkback_key("multi-queue-max-queues", "%u", b->max_queues);
	sim_device_begin(SIM_BLK_FRONT, SIM_BLK_BACK, XENBUS_INIT_WAIT);
}

void sim_blkback_unplug(struct sim_blkback *b)
{
	sim_xs_rm(SIM_BLK_FRONT);
	sim_blkback_lose(b);
	back = NULL;
	sim_xs_rm(SIM_BLK_BACK);
	b->keeps = false;
	sim_blkback_unmap(b);
}

void sim_blkback_restart(struct sim_blkback *b)
{
	if (!b->connected)
		return; /* in the midst of it already */
	b->closing = true;
	sim_blkback_key("state", "5");
}

struct ring_page *sim_blkback_page(struct sim_blkback *b)
{
	return b->connected ? b->queue[0].page : NULL;
}

void sim_blkback_notify(struct sim_blkback *b)
{
	sim_evtchn_send(SIM_DOM0, b->queue[0].port);
}
