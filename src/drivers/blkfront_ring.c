/* SPDX-License-Identifier: ISC */
/*
 * The rings to the backend, one for each queue: their pages, grants and event
 * channels, from setup to disconnect.
 *
 *     one queue     ring-ref, or ring-page-order and ring-ref0 ... ;
 *                   event-channel
 *     several       multi-queue-num-queues; the same below queue-0, queue-1 ...
 */
#include <core/fmt.h>
#include <drivers/blkfront.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/param.h>
#include <fata/xen/gnttab.h>
#include <xen/io/protocols.h>

uint64_t blk_queues = 1;
FATA_PARAM_UINT(blk_queues, "block-queues", "1",
		"queues of a disk, a thread of the backend for each (<= 4)");

/* --- one ------------------------------------------------------------------ */

static void ring_free(struct blk_queue *q, unsigned order)
{
	if (!q->io)
		return;
	evtchn_close(&q->evtchn);
	gnttab_end_pages(q->ring_ref, 1u << order, q->ring.page, order);
	heap_free(q->io);
	q->io = NULL;
}

/* Pages of this order, granted to the peer. */
static int ring_pages(struct blkfront *f, struct blk_queue *q, unsigned order)
{
	unsigned char *pages = page_alloc(order);
	int rc = pages ? gnttab_alloc(q->ring_ref, 1u << order,
				      xenbus_deadline())
		       : -ENOMEM;

	if (rc) {
		if (pages)
			page_free(pages, order);
		return rc;
	}
	for (unsigned i = 0; i < 1u << order; i++)
		gnttab_grant_access(q->ring_ref[i], f->dev->peer,
				    pages + (size_t)i * PAGE_SIZE, true);
	ring_front_init(&q->ring, pages, (size_t)PAGE_SIZE << order,
			sizeof(struct blkif_request), RING_START);
	return 0;
}

static int ring_open(struct blkfront *f, struct blk_queue *q, unsigned order)
{
	unsigned n;
	int rc = ring_pages(f, q, order);

	if (rc)
		return rc;
	n = q->ring.size;
	q->disk = f;
	q->io = heap_calloc(n, sizeof(*q->io) + sizeof(uint16_t));
	if (!q->io) {
		gnttab_end_pages(q->ring_ref, 1u << order, q->ring.page, order);
		return -ENOMEM;
	}
	ring_ids_init(&q->ids, (uint16_t *)(q->io + n), (uint16_t)n);
	rc = evtchn_bind_unbound(&q->evtchn, f->dev->peer);
	if (rc)
		ring_free(q, order);
	else
		evtchn_handle(&q->evtchn, blk_event, q);
	return rc;
}

/* --- all of them ---------------------------------------------------------- */

static int read_limit(struct blkfront *f, const char *key, uint64_t least,
		      uint64_t most, unsigned *n)
{
	uint64_t v;
	int rc = xenbus_read_u64_or(f->dev, key, UINT32_MAX, least, &v);

	*n = (unsigned)(v < least ? least : v > most ? most : v);
	return rc;
}

static unsigned queues_wanted(void)
{
	return !blk_queues		      ? 1
	       : blk_queues > BLK_QUEUES_MAX ? BLK_QUEUES_MAX
					      : (unsigned)blk_queues;
}

/*
 * The first ring is the largest up to what the backend takes that there is
 * memory for; all have its size. Queues for which there is none are left out.
 */
int blk_rings_open(struct blkfront *f)
{
	unsigned order, queues;
	int rc = read_limit(f, "max-ring-page-order", 0, BLK_ORDER_MAX, &order);

	if (!rc)
		rc = read_limit(f, "multi-queue-max-queues", 1, queues_wanted(),
				&queues);
	if (rc)
		return rc;
	f->turn = f->queues = 0;
	while ((rc = ring_open(f, &f->queue[0], order)) == -ENOMEM && order)
		order--;
	f->order = order;
	while (!rc && ++f->queues < queues)
		rc = ring_open(f, &f->queue[f->queues], order);
	return f->queues ? 0 : rc;
}

void blk_rings_listen(struct blkfront *f)
{
	for (unsigned i = 0; i < f->queues; i++)
		evtchn_unmask(&f->queue[i].evtchn);
}

void blk_rings_deafen(struct blkfront *f)
{
	for (unsigned i = 0; i < f->queues; i++)
		evtchn_close(&f->queue[i].evtchn);
}

void blk_rings_free(struct blkfront *f)
{
	for (unsigned i = 0; i < f->queues; i++)
		ring_free(&f->queue[i], f->order);
	f->queues = 0;
}

/* --- publishing ----------------------------------------------------------- */

static int publish_ring(struct blkfront *f, const struct blk_queue *q,
			const char *below, struct xs_transaction *t)
{
	char key[32];
	int rc = 0;

	for (unsigned i = 0; !rc && i < 1u << f->order; i++) {
		if (f->order)
			fmt(key, sizeof(key), "%sring-ref%u", below, i);
		else
			fmt(key, sizeof(key), "%sring-ref", below);
		rc = xenbus_printf(f->dev, t, key, "%u", q->ring_ref[i]);
	}
	fmt(key, sizeof(key), "%sevent-channel", below);
	if (!rc)
		rc = xenbus_printf(f->dev, t, key, "%d",
				   evtchn_port(&q->evtchn));
	return rc;
}

/*
 * A key that is only there if its value is not the `usual`: what an earlier
 * connection left must go, for the backend may be another one now.
 */
static int publish_unusual(struct blkfront *f, struct xs_transaction *t,
			   const char *key, unsigned value, unsigned usual)
{
	char path[96];
	int rc;

	if (value != usual)
		return xenbus_printf(f->dev, t, key, "%u", value);
	fmt(path, sizeof(path), "%s/%s", f->dev->path, key);
	rc = xs_rm(t, path, xenbus_deadline());
	return rc == -ENOENT ? 0 : rc;
}

int blk_rings_publish(struct blkfront *f, struct xs_transaction *t)
{
	char below[16] = "";
	int rc = xenbus_printf(f->dev, t, "protocol", "%s",
			       XEN_IO_PROTO_ABI_NATIVE);

	if (!rc)
		rc = publish_unusual(f, t, "ring-page-order", f->order, 0);
	if (!rc && (f->queues > 1 || f->said_queues)) {
		rc = publish_unusual(f, t, "multi-queue-num-queues", f->queues,
				     1);
		f->said_queues = true;
	}
	for (unsigned i = 0; !rc && i < f->queues; i++) {
		if (f->queues > 1)
			fmt(below, sizeof(below), "queue-%u/", i);
		rc = publish_ring(f, &f->queue[i], below, t);
	}
	return rc;
}
