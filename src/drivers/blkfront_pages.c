/* SPDX-License-Identifier: ISC */
/*
 * Pages that the backend can reach: the pool, and the program's buffers. A
 * grant lasts as long as the connection. A page that a peer still maps after
 * its grant was to end is not used for anything else: it goes into the
 * quarantine of gnttab, or, if it is in a program's buffer, that buffer is
 * copied from now on and goes there when it is freed.
 *
 * A pool page never held anything but this disk's data, so that a backend that
 * answers without having written shows nobody anything new, and one that reads
 * too much learns nothing new.
 */
#include <core/assert.h>
#include <drivers/blkfront.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/xen/gnttab.h>
#include <string.h>

/* --- the pool ------------------------------------------------------------- */

static struct blk_page *page_new(struct blkfront *f)
{
	struct blk_page *p = heap_alloc(sizeof(*p));

	if (!p)
		return NULL;
	p->memory = page_alloc(0);
	if (p->memory && gnttab_alloc(&p->ref, 1, 0) == 0) {
		int rc = gnttab_grant_access(p->ref, f->dev->peer, p->memory,
					     true);

		ASSERT(!rc); /* a fresh reference, an aligned page */
		f->pool_total++;
		return p;
	}
	if (p->memory)
		page_free(p->memory, 0);
	heap_free(p);
	return NULL;
}

struct blk_page *blk_page_get(struct blkfront *f)
{
	struct blk_page *p = f->pool;

	if (!p)
		return f->pool_total < BLK_POOL_MAX ? page_new(f) : NULL;
	f->pool = p->next;
	f->pool_free--;
	return p;
}

void blk_page_put(struct blkfront *f, struct blk_page *p)
{
	p->next = f->pool;
	f->pool = p;
	f->pool_free++;
}

static void page_drop(struct blkfront *f, struct blk_page *p)
{
	f->pool_total--;
	gnttab_end_pages(&p->ref, 1, p->memory, 0);
	heap_free(p);
}

/* Grant the pool's pages anew; those that somebody still maps leave it. */
static void pool_grant(struct blkfront *f)
{
	struct blk_page **at = &f->pool, *p;

	while ((p = *at)) {
		if (gnttab_end_access(p->ref)) {
			*at = p->next;
			f->pool_free--;
			page_drop(f, p);
			continue;
		}
		gnttab_grant_access(p->ref, f->dev->peer, p->memory, true);
		at = &p->next;
	}
}

/* Without a request under way all of the pool is free. */
static int pool_reserve(struct blkfront *f)
{
	while (f->pool_free < BLK_POOL_RESERVE) {
		struct blk_page *p = page_new(f);

		if (!p)
			return -ENOMEM;
		blk_page_put(f, p);
	}
	return 0;
}

/* --- buffers -------------------------------------------------------------- */

static struct blk_buffer *buffer_of(struct range *r)
{
	return list_entry(r, struct blk_buffer, range);
}

static void buffer_revoke(struct blk_buffer *u)
{
	u->granted = false;
	for (unsigned i = 0; u->has_refs && i < 1u << u->order; i++)
		gnttab_end_access(u->ref[i]);
}

static void buffer_grant(struct blkfront *f, struct blk_buffer *u)
{
	unsigned char *at = (unsigned char *)u->range.start;

	for (unsigned i = 0; u->has_refs && i < 1u << u->order; i++)
		if (gnttab_end_access(u->ref[i]))
			return; /* still mapped by an earlier peer */
	for (unsigned i = 0; u->has_refs && i < 1u << u->order; i++)
		gnttab_grant_access(u->ref[i], f->dev->peer,
				    at + (size_t)i * PAGE_SIZE, true);
	u->granted = u->has_refs;
}

static void buffer_drop(struct blkfront *f, struct blk_buffer *u)
{
	void *pages = (void *)u->range.start;

	range_remove(&f->buffers, &u->range);
	if (u->has_refs)
		gnttab_end_pages(u->ref, 1u << u->order, pages, u->order);
	else
		page_free(pages, u->order);
	heap_free(u);
}

struct blk_buffer *blk_buffer_at(struct blkfront *f, const void *p)
{
	struct range *r = range_find(&f->buffers, (uintptr_t)p);

	return r && buffer_of(r)->granted ? buffer_of(r) : NULL;
}

void *blk_buffer_alloc(struct block *b, unsigned order)
{
	struct blkfront *f = (struct blkfront *)b;
	size_t n = (size_t)1 << order;
	struct blk_buffer *u = heap_calloc(1, sizeof(*u) + n * sizeof(*u->ref));
	void *pages = u ? page_alloc(order) : NULL;

	if (!pages) {
		heap_free(u);
		return NULL;
	}
	u->order = order;
	/* Without references it works as well, by copying. */
	u->has_refs = gnttab_alloc(u->ref, (unsigned)n, 0) == 0;
	u->range.start = (uintptr_t)pages;
	u->range.end = u->range.start + n * PAGE_SIZE;
	range_insert(&f->buffers, &u->range);
	if (f->running)
		buffer_grant(f, u);
	return pages;
}

void blk_buffer_free(struct block *b, void *p, unsigned order)
{
	struct blkfront *f = (struct blkfront *)b;
	struct range *r = range_find(&f->buffers, (uintptr_t)p);
	struct blk_buffer *u = r ? buffer_of(r) : NULL;

	ASSERT(u && u->range.start == (uintptr_t)p && u->order == order &&
	       !u->freed);
	u->freed = true;
	if (!u->in_flight)
		buffer_drop(f, u);
}

/* --- segments ------------------------------------------------------------- */

struct blk_segment *blk_segment_get(struct blkfront *f)
{
	struct blk_segment *s = f->segments;

	/* Made by the page and kept: at most as many as fit on the ring. */
	if (!s) {
		s = heap_alloc(PAGE_SIZE);
		for (unsigned i = 0; s && i < PAGE_SIZE / sizeof(*s); i++) {
			s[i].next = f->segments;
			f->segments = &s[i];
		}
		s = f->segments;
	}
	if (s) {
		f->segments = s->next;
		*s = (struct blk_segment){.ref = 0};
	}
	return s;
}

void blk_segment_put(struct blkfront *f, struct blk_segment *s)
{
	struct blk_buffer *u = s->buffer;

	if (s->page)
		blk_page_put(f, s->page);
	if (u && --u->in_flight == 0 && u->freed)
		buffer_drop(f, u);
	s->next = f->segments;
	f->segments = s;
}

/* --- all of it ------------------------------------------------------------ */

int blk_pages_grant(struct blkfront *f)
{
	struct range *r = range_after(&f->buffers, 0);
	struct blk_segment *s = blk_segment_get(f);
	int rc;

	pool_grant(f);
	rc = s ? pool_reserve(f) : -ENOMEM;
	if (s)
		blk_segment_put(f, s);
	if (rc) {
		blk_pages_revoke(f);
		return rc;
	}
	for (; r; r = range_after(&f->buffers, r->end))
		buffer_grant(f, buffer_of(r));
	return 0;
}

void blk_pages_revoke(struct blkfront *f)
{
	struct range *r = range_after(&f->buffers, 0);

	for (struct blk_page *p = f->pool; p; p = p->next)
		gnttab_end_access(p->ref);
	for (; r; r = range_after(&f->buffers, r->end))
		buffer_revoke(buffer_of(r));
}

void blk_pages_free(struct blkfront *f)
{
	struct blk_page *p;

	while ((p = f->pool)) {
		f->pool = p->next;
		f->pool_free--;
		page_drop(f, p);
	}
}
