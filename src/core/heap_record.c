/* SPDX-License-Identifier: ISC */
/*
 * Where the heap's records live: pages of their own, cut into 64 units of 64
 * bytes. Unit 0 holds the page's own header, whose bitmap says which units are
 * taken; a record takes as many units in a row as its cells need, 33 at most.
 *
 * Pages with free units are on a list; a page without records goes back.
 */
#include "core/heap_impl.h"

#define UNIT  64u
#define TRIES 16 /* pages looked at before a new one is taken */

struct record_page {
	uint64_t taken; /* bit n: unit n */
	struct list link;
};

_Static_assert(sizeof(struct record_page) <= UNIT, "header is one unit");
_Static_assert(sizeof(struct span) <= UNIT, "a large one is one unit");

static struct list pages = LIST_INIT(pages);
static size_t npages;

static unsigned units(unsigned cells)
{
	size_t bytes = sizeof(struct span) + cells * sizeof(uint16_t);

	return (bytes + UNIT - 1) / UNIT;
}

static uint64_t mask(unsigned n)
{
	return ((uint64_t)1 << n) - 1;
}

/* The first of n free units in a row, or 0. */
static unsigned find(uint64_t taken, unsigned n)
{
	uint64_t room = ~taken;
	unsigned have = 1, step;

	while (room && have < n) {
		step = n - have < have ? n - have : have;
		room &= room >> step;
		have += step;
	}
	return room ? __builtin_ctzll(room) : 0;
}

static struct record_page *page_new(void)
{
	struct record_page *page = page_alloc_raw(0);

	if (!page)
		return NULL;
	page->taken = 1;
	list_add_first(&pages, &page->link);
	fata_heap.n.pages++;
	npages++;
	return page;
}

static struct record_page *page_with(unsigned n, unsigned *at)
{
	struct record_page *page;
	struct list *l;
	unsigned left = TRIES;

	for (l = pages.next; l != &pages && left; l = l->next, left--) {
		page = list_entry(l, struct record_page, link);
		*at = find(page->taken, n);
		if (*at)
			return page;
	}
	*at = 1;
	return page_new();
}

struct span *heap_record_alloc(unsigned cells)
{
	unsigned n = units(cells), at;
	struct record_page *page = page_with(n, &at);

	if (!page)
		return NULL;
	page->taken |= mask(n) << at;
	if (!~page->taken)
		list_remove(&page->link);
	return (void *)((char *)page + at * UNIT);
}

void heap_record_free(struct span *s, unsigned cells)
{
	uintptr_t offset = (uintptr_t)s & (PAGE_SIZE - 1);
	struct record_page *page = (void *)((uintptr_t)s - offset);

	if (!~page->taken)
		list_add_first(&pages, &page->link);
	page->taken &= ~(mask(units(cells)) << offset / UNIT);
	if (page->taken != 1)
		return;
	list_remove(&page->link);
	fata_heap.n.pages--;
	npages--;
	page_free(page, 0);
}

size_t heap_record_pages(void)
{
	return npages;
}
