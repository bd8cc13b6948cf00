/* SPDX-License-Identifier: ISC */
/*
 * Large allocations: a run of pages each, or pages mapped one by one when there
 * is no such run.
 *
 * The record is found through the first page's owner; a mapped allocation has
 * no page of its own and is found in a table. Only the first page is marked:
 * an address further in is no allocation, whoever frees it is wrong.
 */
#include "core/heap_impl.h"

static void *(*map_pages)(size_t pages);
static void (*unmap_pages)(void *p, size_t pages);

void heap_set_fallback(void *(*map)(size_t pages),
		       void (*unmap)(void *p, size_t pages))
{
	map_pages = map;
	unmap_pages = unmap;
}

static size_t pages_for(size_t size)
{
	return (size + CANARY + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static struct list *bucket(uintptr_t p)
{
	return &fata_heap.mapped[(p >> PAGE_SHIFT) % MAPPED];
}

struct span *heap_large_mapped(const void *p)
{
	struct list *l, *head = bucket((uintptr_t)p);

	if (!fata_heap.ready)
		return NULL;
	for (l = head->next; l != head; l = l->next)
		if (span_of(l)->base == (uintptr_t)p)
			return span_of(l);
	return NULL;
}

/* Pages for s; its base, kind and place in the lists follow. */
static bool pages_get(struct span *s, size_t align)
{
	void *p = page_alloc_range_raw(s->pages, align);

	if (p) {
		s->kind = SPAN_LARGE;
		page_own(p, 1, s);
		list_add_first(&fata_heap.large, &s->link);
	} else if (map_pages && align == 1) {
		p = map_pages(s->pages);
		s->kind = SPAN_MAPPED;
		if (p)
			list_add_first(bucket((uintptr_t)p), &s->link);
	}
	s->base = (uintptr_t)p;
	return p;
}

void *heap_large_alloc(size_t size, size_t align)
{
	struct span *s;

	heap_prepare();
	if (size > PTRDIFF_MAX - PAGE_SIZE)
		return NULL;
	s = heap_record_alloc(0);
	if (!s)
		return NULL;
	s->pages = pages_for(size);
	s->size = size;
	if (!pages_get(s, align)) {
		heap_record_free(s, 0);
		return NULL;
	}
	fata_heap.n.pages += s->pages;
	return (void *)s->base;
}

void heap_large_free(struct span *s)
{
	void *p = (void *)s->base;
	size_t pages = s->pages;

	fata_heap.n.pages -= pages;
	list_remove(&s->link);
	if (s->kind == SPAN_MAPPED) {
		unmap_pages(p, pages);
	} else {
		page_disown(p, 1, pages);
		page_free_range(p, pages);
	}
	heap_record_free(s, 0);
}

bool heap_large_resize(struct span *s, size_t size)
{
	void *p = (void *)s->base;
	size_t pages = pages_for(size);
	int err = 0;

	if (size > PTRDIFF_MAX - PAGE_SIZE)
		return false;
	if (pages != s->pages) {
		if (s->kind == SPAN_MAPPED)
			return false;
		page_disown(p, 1, s->pages);
		err = page_resize_range(p, s->pages, pages);
		page_own(p, 1, s);
	}
	if (err)
		return false;
	fata_heap.n.pages += pages - s->pages;
	s->pages = pages;
	s->size = size;
	return true;
}
