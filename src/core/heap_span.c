/* SPDX-License-Identifier: ISC */
/*
 * Spans: runs of pages cut into slots of one size, and which of them a class
 * allocates from.
 *
 * A class begins with the shortest span that wastes at most an eighth of its
 * pages, one page for most, so that a guest of 1 MiB can have many classes; a
 * new span is as long as a quarter of what the class has already, up to 64 KiB,
 * so that a large heap has few records.
 */
#include <fata/random.h>

#include "core/heap_impl.h"

/* Stands where a class has no current span: nothing is free in it. */
static struct span none = {.free = CELL_NONE};

struct heap fata_heap = {
	.current = {[0 ... CLASSES - 1] = &none},
};

void heap_prepare(void)
{
	struct heap *h = &fata_heap;
	unsigned c;

	if (h->ready)
		return;
	h->ready = true;
	random_bytes(h->secret, sizeof(h->secret));
	h->secret[1] |= 1;
	list_init(&h->large);
	for (c = 0; c < MAPPED; c++)
		list_init(&h->mapped[c]);
	for (c = 0; c < CLASSES; c++) {
		list_init(&h->class[c].partial);
		list_init(&h->class[c].full);
	}
	page_add_reclaim(heap_trim);
}

/* The shortest span of the class, in pages. */
static unsigned pages_least(unsigned slot)
{
	unsigned pages = (slot + PAGE_SIZE - 1) / PAGE_SIZE;

	while (pages * PAGE_SIZE % slot > pages * PAGE_SIZE / 8)
		pages++;
	return pages;
}

/* How long the next span of the class is to be: a multiple of `least`. */
static unsigned pages_next(const struct heap_class *c, unsigned slot,
			   unsigned least)
{
	unsigned most = SPAN_SLOTS_MAX * slot / PAGE_SIZE;
	size_t want = c->pages / 4;

	if (most > SPAN_PAGES_MAX)
		most = SPAN_PAGES_MAX;
	if (want > most)
		want = most;
	return want < 2 * least ? least : want / least * least;
}

/* All slots free, in a ring of rising order that begins anywhere. */
static void cells_fill(struct span *s)
{
	unsigned i, n = s->nslots, first = canary_of(s->base) / 65536 % n;

	for (i = 0; i < n; i++)
		s->cell[i] = CELL_FREE | (i + 1);
	s->cell[n - 1] = CELL_FREE;
	s->cell[(first + n - 1) % n] = CELL_FREE | CELL_NONE;
	s->free = first;
}

static struct span *span_make(unsigned class, unsigned pages)
{
	unsigned slot = class_slot(class), n = pages * PAGE_SIZE / slot;
	struct heap *h = &fata_heap;
	struct span *s;
	void *p = page_alloc_range_raw(pages, 1);

	if (!p)
		return NULL;
	if (n > SPAN_SLOTS_MAX)
		n = SPAN_SLOTS_MAX;
	s = heap_record_alloc(n);
	if (!s) {
		page_free_range(p, pages);
		return NULL;
	}
	*s = (struct span){
		.base = (uintptr_t)p,
		.recip = ((1ull << 32) + slot - 1) / slot,
		.slot = slot,
		.nslots = n,
		.class = class,
		.kind = SPAN_SMALL,
		.pages = pages,
	};
	cells_fill(s);
	page_own(p, pages, s);
	h->class[class].pages += pages;
	h->n.pages += pages;
	h->n.slots += (size_t)n * slot;
	return s;
}

static void span_release(struct span *s)
{
	struct heap *h = &fata_heap;
	void *p = (void *)s->base;
	size_t pages = s->pages;

	h->class[s->class].pages -= pages;
	h->n.pages -= pages;
	h->n.slots -= (size_t)s->nslots * s->slot;
	heap_record_free(s, s->nslots);
	page_disown(p, pages, pages);
	page_free_range(p, pages);
}

static struct span *span_new(unsigned class)
{
	struct heap_class *c = &fata_heap.class[class];
	unsigned slot = class_slot(class), least = pages_least(slot);
	unsigned pages = pages_next(c, slot, least);
	struct span *s = span_make(class, pages);

	if (!s && pages > least)
		s = span_make(class, least);
	return s;
}

struct span *heap_span_refill(unsigned class)
{
	struct heap_class *c;
	struct span *s;

	heap_prepare();
	c = &fata_heap.class[class];
	s = fata_heap.current[class];
	if (s != &none) {
		fata_heap.current[class] = &none;
		s->used--;
		list_add_first(&c->full, &s->link);
	}
	if (!list_empty(&c->partial)) {
		s = span_of(c->partial.next);
		list_remove(&s->link);
	} else if (c->empty) {
		s = c->empty;
		c->empty = NULL;
	} else {
		s = span_new(class);
		if (!s)
			return NULL;
	}
	s->used++;
	fata_heap.current[class] = s;
	return s;
}

void heap_span_settle(struct span *s)
{
	struct heap_class *c = &fata_heap.class[s->class];

	if (s == fata_heap.current[s->class])
		return;
	list_remove(&s->link);
	/* Last in the row: more of its slots are free when its turn comes. */
	if (s->used)
		list_add_last(&c->partial, &s->link);
	else if (!c->empty)
		c->empty = s;
	else
		span_release(s);
}

void heap_span_trim(void)
{
	struct heap *h = &fata_heap;
	struct span *s;
	unsigned i;

	for (i = 0; i < CLASSES; i++) {
		s = h->class[i].empty;
		h->class[i].empty = NULL;
		if (s)
			span_release(s);
		s = h->current[i];
		if (s == &none || s->used > 1)
			continue;
		h->current[i] = &none;
		span_release(s);
	}
}
