/* SPDX-License-Identifier: ISC */
/*
 * The heap: malloc and free, as heap_impl.h draws it.
 *
 * A small allocation takes the first free slot of its class's current span, a
 * free puts the slot back on its own span's list: a few dozen instructions each
 * with all checks, no loop. What happens when a span runs full or empty is in
 * heap_span.c, allocations of more than SMALL_MAX bytes in heap_large.c, the
 * walks over everything in heap_check.c.
 *
 * Checked at each free and resize: the address begins a used slot, and the
 * canary behind it is intact. Checked at each allocation: nobody wrote to the
 * first words of the slot since it was freed.
 */
#include <errno.h>
#include <string.h>

#include "core/assert.h"
#include "core/heap_impl.h"
#include "core/oom.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* An alignment above this takes whole pages. */
#define SLOT_ALIGN_MAX PAGE_SIZE

void heap_bad_canary(uintptr_t p, size_t size)
{
	fata_panic("heap: write past the end of %p (%zu bytes)", (void *)p,
		   size);
}

void heap_bad_poison(uintptr_t p)
{
	fata_panic("heap: %p was written after it was freed", (void *)p);
}

__attribute__((noreturn, cold)) static void bad_pointer(const char *what,
							const void *p)
{
	fata_panic("heap: %s of %p: no allocation, or freed already", what, p);
}

static void *refused(void)
{
	fata_heap.n.failures++;
	oom_refused();
	return NULL;
}

static void count_alloc(struct heap *h, size_t size)
{
	h->n.allocs++;
	h->n.live += size;
	if (unlikely(h->n.live > h->n.peak))
		h->n.peak = h->n.live;
}

static void count_free(struct heap *h, size_t size)
{
	h->n.frees++;
	h->n.live -= size;
}

static void *alloc_large(size_t size, size_t align)
{
	void *p = heap_large_alloc(size, align);

	if (!p)
		return refused();
	canary_set((uintptr_t)p, size);
	count_alloc(&fata_heap, size);
	return p;
}

/* --- slots ------------------------------------------------------------- */

static void poison_check(uintptr_t p)
{
	const uint64_t *w = (const uint64_t *)p;

	if (unlikely((w[0] ^ POISON) | (w[1] ^ POISON)))
		heap_bad_poison(p);
}

static void poison_set(uintptr_t p)
{
	uint64_t *w = (uint64_t *)p;

	w[0] = w[1] = POISON;
}

/* Take the first free slot of s, which has one. */
static inline void *slot_take(struct heap *h, struct span *s, size_t size)
{
	unsigned i = s->free, cell = s->cell[i];
	uintptr_t p = s->base + (size_t)i * s->slot;

	if (cell & CELL_POISONED)
		poison_check(p);
	s->free = cell & CELL_NONE;
	s->cell[i] = s->slot - CANARY - size;
	s->used++;
	canary_set(p, size);
	h->n.slots_used += s->slot;
	count_alloc(h, size);
	return (void *)p;
}

/* Out of line, so that the usual case saves no registers. */
__attribute__((noinline)) static void *slot_refill(unsigned class, size_t size,
						   size_t align)
{
	struct span *s = heap_span_refill(class);

	if (!s)
		return alloc_large(size, align);
	return slot_take(&fata_heap, s, size);
}

static inline void *slot_alloc(unsigned class, size_t size, size_t align)
{
	struct span *s = fata_heap.current[class];

	if (unlikely(s->free == CELL_NONE))
		return slot_refill(class, size, align);
	return slot_take(&fata_heap, s, size);
}

/* The number of the used slot that begins at p; panics if there is none. */
static inline unsigned slot_at(const struct span *s, const void *p,
			       const char *what)
{
	size_t offset = (uintptr_t)p - s->base;
	size_t i = offset * s->recip >> 32;

	if (unlikely(i * s->slot != offset || i >= s->nslots ||
		     s->cell[i] & CELL_FREE))
		bad_pointer(what, p);
	return i;
}

static size_t slot_size(const struct span *s, unsigned i)
{
	return s->slot - CANARY - s->cell[i];
}

static inline void slot_free(struct heap *h, struct span *s, void *p)
{
	unsigned i = slot_at(s, p, "free"), next = s->free;
	size_t size = slot_size(s, i);

	if (unlikely(!canary_good((uintptr_t)p, size)))
		heap_bad_canary((uintptr_t)p, size);
	poison_set((uintptr_t)p);
	s->cell[i] = CELL_FREE | CELL_POISONED | next;
	s->free = i;
	count_free(h, size);
	h->n.slots_used -= s->slot;
	if (unlikely(--s->used == 0 || next == CELL_NONE))
		heap_span_settle(s);
}

/* The record of the allocation that begins at p; panics if there is none. */
static struct span *large_at(struct span *s, const void *p, const char *what)
{
	if (!s)
		s = heap_large_mapped(p);
	if (!s || s->base != (uintptr_t)p)
		bad_pointer(what, p);
	return s;
}

static void free_large(struct span *s)
{
	size_t size = s->size;

	if (!canary_good(s->base, size))
		heap_bad_canary(s->base, size);
	count_free(&fata_heap, size);
	heap_large_free(s);
}

/* --- the interface ----------------------------------------------------- */

void *heap_alloc(size_t size)
{
	if (unlikely(size > SMALL_MAX))
		return alloc_large(size, 1);
	return slot_alloc(class_of(size + CANARY), size, 1);
}

/* What is not a small allocation in the usual section of memory. */
__attribute__((noinline)) static void free_unusual(void *p)
{
	struct span *s;

	if (!p)
		return;
	s = page_owner(p);
	if (s && s->kind == SPAN_SMALL)
		slot_free(&fata_heap, s, p);
	else
		free_large(large_at(s, p, "free"));
}

void heap_free(void *p)
{
	struct span *s = page_owner_hot(p);

	if (likely(s && s->kind == SPAN_SMALL))
		slot_free(&fata_heap, s, p);
	else
		free_unusual(p);
}

void *heap_calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return refused();
	p = heap_alloc(bytes);
	return p ? memset(p, 0, bytes) : NULL;
}

void *heap_alloc_aligned(size_t align, size_t size)
{
	size_t slot = size + CANARY;
	unsigned c;

	if (!align || align & (align - 1))
		return refused();
	if (slot < align)
		slot = align;
	if (size > SMALL_MAX || align > SLOT_ALIGN_MAX)
		return alloc_large(size,
				   align < PAGE_SIZE ? 1 : align >> PAGE_SHIFT);
	for (c = class_of(slot); class_slot(c) & (align - 1); c++)
		;
	return slot_alloc(c, size, 1);
}

size_t heap_usable(const void *p)
{
	struct span *s;

	if (!p)
		return 0;
	s = page_owner(p);
	if (s && s->kind == SPAN_SMALL)
		return slot_size(s, slot_at(s, p, "usable"));
	return large_at(s, p, "usable")->size;
}

/*
 * Resize p from `old` bytes without moving it. A slot is kept while at least
 * half of it is used; with `force`, as long as it is large enough.
 */
static bool resize_here(struct span *s, void *p, size_t size, bool force)
{
	size_t need = size + CANARY;

	if (s->kind != SPAN_SMALL)
		return (force || size > SMALL_MAX) &&
		       heap_large_resize(s, size);
	if (size > SMALL_MAX || need > s->slot)
		return false;
	if (!force && need < s->slot / 2)
		return false;
	s->cell[slot_at(s, p, "realloc")] = s->slot - need;
	return true;
}

/* p, of `old` bytes, stayed where it is. */
static void *resized(void *p, size_t old, size_t size)
{
	struct heap_counts *n = &fata_heap.n;

	canary_set((uintptr_t)p, size);
	n->live += size - old;
	if (n->live > n->peak)
		n->peak = n->live;
	return p;
}

void *heap_realloc(void *p, size_t size)
{
	struct span *s;
	size_t old;
	void *q;

	if (!p)
		return heap_alloc(size);
	s = page_owner(p);
	if (!s || s->kind != SPAN_SMALL)
		s = large_at(s, p, "realloc");
	old = s->kind == SPAN_SMALL ? slot_size(s, slot_at(s, p, "realloc"))
				    : s->size;
	if (!canary_good((uintptr_t)p, old))
		heap_bad_canary((uintptr_t)p, old);
	if (resize_here(s, p, size, false))
		return resized(p, old, size);
	q = heap_alloc(size);
	if (!q) {
		if (size > old || !resize_here(s, p, size, true))
			return NULL;
		fata_heap.n.failures--;
		return resized(p, old, size);
	}
	memcpy(q, p, old < size ? old : size);
	heap_free(p);
	return q;
}
