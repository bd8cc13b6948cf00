/* SPDX-License-Identifier: ISC */
/*
 * Walks over the whole heap: the check of every canary, cell and list, the full
 * statistics, and trim.
 *
 * heap_stat counts everything again on its walk and compares: a running figure
 * that is wrong is a bug of ours, and one found late is worse than a panic.
 */
#include <string.h>

#include "core/assert.h"
#include "core/heap_impl.h"

/* What a walk adds up. */
struct walk {
	size_t blocks, live, slots, slots_used, pages;
};

/* Every free cell is on the list of free slots, and no other cell. */
static void walk_free_list(const struct span *s, unsigned free)
{
	unsigned i, n = 0;

	for (i = s->free; i != CELL_NONE; i = s->cell[i] & CELL_NONE) {
		if (i >= s->nslots || !(s->cell[i] & CELL_FREE) || n++ == free)
			break;
		if (s->cell[i] & CELL_POISONED) {
			const uint64_t *w = (void *)(s->base + i * s->slot);

			if (w[0] != POISON || w[1] != POISON)
				heap_bad_poison((uintptr_t)w);
		}
	}
	if (i != CELL_NONE || n != free)
		fata_panic("heap: list of free slots at %p is damaged",
			   (void *)s->base);
}

static void walk_span(struct walk *w, const struct span *s)
{
	unsigned i, used = 0;
	bool current = fata_heap.current[s->class] == s;

	if (page_owner((void *)s->base) != s)
		fata_panic("heap: record %p is damaged", (const void *)s);
	for (i = 0; i < s->nslots; i++) {
		uintptr_t p = s->base + (size_t)i * s->slot;
		size_t size = s->slot - CANARY - s->cell[i];

		if (s->cell[i] & CELL_FREE)
			continue;
		if (size > s->slot - CANARY || !canary_good(p, size))
			heap_bad_canary(p, size);
		w->live += size;
		used++;
	}
	ASSERT(used + current == s->used);
	walk_free_list(s, s->nslots - used);
	w->blocks += used;
	w->slots += (size_t)s->nslots * s->slot;
	w->slots_used += (size_t)used * s->slot;
	w->pages += s->pages;
}

static void walk_list(struct walk *w, struct list *head)
{
	struct list *l;

	for (l = head->next; l != head; l = l->next)
		walk_span(w, span_of(l));
}

static void walk_large(struct walk *w, struct list *head)
{
	struct list *l;

	for (l = head->next; l != head; l = l->next) {
		struct span *s = span_of(l);

		if (s->size > s->pages * PAGE_SIZE - CANARY ||
		    !canary_good(s->base, s->size))
			heap_bad_canary(s->base, s->size);
		w->blocks++;
		w->live += s->size;
		w->pages += s->pages;
	}
}

static struct walk walk_heap(void)
{
	struct heap *h = &fata_heap;
	struct walk w = {0};
	unsigned i;

	heap_prepare();
	for (i = 0; i < CLASSES; i++) {
		walk_list(&w, &h->class[i].partial);
		walk_list(&w, &h->class[i].full);
		if (h->class[i].empty)
			walk_span(&w, h->class[i].empty);
		if (h->current[i]->nslots)
			walk_span(&w, h->current[i]);
	}
	walk_large(&w, &h->large);
	for (i = 0; i < MAPPED; i++)
		walk_large(&w, &h->mapped[i]);
	w.pages += heap_record_pages();
	return w;
}

void heap_check(void)
{
	walk_heap();
}

void heap_quick_stat(struct heap_stat *s)
{
	const struct heap_counts *n = &fata_heap.n;
	struct page_stat pages;

	page_stat(&pages);
	*s = (struct heap_stat){
		.total = page_memory(),
		.heap = n->pages * PAGE_SIZE,
		.live = n->live,
		.peak = n->peak,
		.free = pages.free * PAGE_SIZE + n->slots - n->slots_used,
		.stack = n->stack,
		.allocs = n->allocs,
		.frees = n->frees,
		.failures = n->failures,
	};
}

void heap_stat(struct heap_stat *s)
{
	const struct heap_counts *n = &fata_heap.n;
	struct walk w = walk_heap();

	ASSERT(w.live == n->live);
	ASSERT(w.blocks == n->allocs - n->frees);
	ASSERT(w.pages == n->pages);
	ASSERT(w.slots == n->slots);
	ASSERT(w.slots_used == n->slots_used);
	heap_quick_stat(s);
}

size_t heap_trim(void)
{
	size_t before = fata_heap.n.pages;

	heap_prepare();
	heap_span_trim();
	return (before - fata_heap.n.pages) * PAGE_SIZE;
}

void heap_account_stack(ssize_t bytes)
{
	fata_heap.n.stack += bytes;
}
