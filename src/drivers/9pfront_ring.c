/* SPDX-License-Identifier: ISC */
/*
 * The rings to a folder's backend, from setup to disconnect. Their keys:
 *
 *     version = 1   num-rings = n   ring-ref0 ...   event-channel-0 ...
 */
#include <core/fmt.h>
#include <drivers/9pfront.h>
#include <errno.h>
#include <fata/page.h>
#include <fata/xen/gnttab.h>
#include <xen/io/9pfs.h>

/* Smaller messages than 4 KiB are refused by servers. */
#define ORDER_LEAST 1

static uint32_t half(unsigned order)
{
	return XEN_FLEX_RING_SIZE(order);
}

/* Both streams begin where the page's indices say: RING_START. */
static void lay_out(struct p9_ring *q, unsigned order)
{
	struct xen_9pfs_data_intf *page = q->page;
	unsigned char *data = q->data;

	page->ring_order = order;
	for (unsigned i = 0; i < 1u << order; i++)
		page->ref[i] = q->ref[1 + i];
	page->in_cons = page->in_prod = RING_START;
	page->out_cons = page->out_prod = RING_START;
	byte_ring_init(&q->in, &page->in_cons, &page->in_prod, data,
		       half(order));
	byte_ring_init(&q->out, &page->out_prod, &page->out_cons,
		       data + half(order), half(order));
	q->promised = 0;
}

static void ring_free(struct p9_ring *q, unsigned order)
{
	evtchn_close(&q->evtchn);
	gnttab_end_pages(q->ref, 1, q->page, 0);
	gnttab_end_pages(q->ref + 1, 1u << order, q->data, order);
	q->page = q->data = NULL;
}

static int ring_pages(struct p9front *f, struct p9_ring *q, unsigned order)
{
	int rc;

	q->page = page_alloc(0);
	q->data = page_alloc(order);
	rc = q->page && q->data ? gnttab_alloc(q->ref, 1 + (1u << order),
					       xenbus_deadline())
				: -ENOMEM;
	if (rc) {
		if (q->page)
			page_free(q->page, 0);
		if (q->data)
			page_free(q->data, order);
		q->page = q->data = NULL;
		return rc;
	}
	lay_out(q, order);
	gnttab_grant_access(q->ref[0], f->dev->peer, q->page, true);
	for (unsigned i = 0; i < 1u << order; i++)
		gnttab_grant_access(q->ref[1 + i], f->dev->peer,
				    (char *)q->data + (size_t)i * PAGE_SIZE,
				    true);
	return 0;
}

static int ring_open(struct p9front *f, struct p9_ring *q, unsigned order)
{
	int rc = ring_pages(f, q, order);

	if (rc)
		return rc;
	q->front = f;
	rc = evtchn_bind_unbound(&q->evtchn, f->dev->peer);
	if (rc)
		ring_free(q, order);
	else
		evtchn_handle(&q->evtchn, p9_event, q);
	return rc;
}

static unsigned least(uint64_t a, unsigned b)
{
	return a < b ? (unsigned)a : b;
}

/*
 * Half of a ring, so that others find room beside it, and a page: a server
 * rounds what it does at once, without the header, down to whole pages. So a
 * program's 128 KiB are one request, not three.
 */
static uint32_t largest_message(unsigned order)
{
	return order > ORDER_LEAST ? half(order) / 2 + PAGE_SIZE : half(order);
}

/*
 * The first ring is the largest that both sides have memory for; the others
 * have its size. Those for which there is none are left out.
 */
int p9_rings_open(struct p9front *f)
{
	uint64_t rings, order;
	int rc = xenbus_read_u64(f->dev, "max-rings", UINT32_MAX, &rings);

	if (!rc)
		rc = xenbus_read_u64(f->dev, "max-ring-page-order", UINT32_MAX,
				     &order);
	if (rc)
		return rc;
	if (!rings || order < ORDER_LEAST)
		return -EINVAL;
	f->order = least(order, P9_ORDER);
	f->rings = 0;
	while ((rc = ring_open(f, &f->ring[0], f->order)) == -ENOMEM &&
	       f->order > ORDER_LEAST)
		f->order--;
	while (!rc && ++f->rings < least(rings, P9_RINGS))
		rc = ring_open(f, &f->ring[f->rings], f->order);
	f->channel.msize = largest_message(f->order);
	return f->rings ? 0 : rc;
}

void p9_rings_free(struct p9front *f)
{
	for (unsigned i = 0; i < f->rings; i++)
		ring_free(&f->ring[i], f->order);
	f->rings = 0;
}

int p9_rings_publish(struct p9front *f, struct xs_transaction *t)
{
	char key[32];
	int rc = xenbus_printf(f->dev, t, "version", "1");

	if (!rc)
		rc = xenbus_printf(f->dev, t, "num-rings", "%u", f->rings);
	for (unsigned i = 0; !rc && i < f->rings; i++) {
		fmt(key, sizeof(key), "ring-ref%u", i);
		rc = xenbus_printf(f->dev, t, key, "%u", f->ring[i].ref[0]);
		fmt(key, sizeof(key), "event-channel-%u", i);
		if (!rc)
			rc = xenbus_printf(f->dev, t, key, "%d",
					   evtchn_port(&f->ring[i].evtchn));
	}
	return rc;
}
