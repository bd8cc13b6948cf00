/* SPDX-License-Identifier: ISC */
/*
 * The heap's own structures, shared by the heap*.c files and nobody else.
 *
 * Small allocations (up to SMALL_MAX bytes) are slots of a span: a run of pages
 * cut into slots of one size. The record of a span is elsewhere, on record
 * pages; the page allocator leads from any page of the span to it.
 *
 *	  pages of the span                         record (heap_record.c)
 *	+------------+------------+------------+   +---------------------+
 *	| data |cn|..| data    |cn| (free)     |   | struct span         |
 *	+------------+------------+------------+   | cell[0] slack 2     |
 *	  slot 0       slot 1       slot 2         | cell[1] slack 0     |
 *	                                           | cell[2] FREE, next  |
 *	                                           +---------------------+
 *
 * cn is the canary: CANARY bytes right behind the bytes that were asked for. A
 * cell says of a used slot how much shorter than the slot the allocation is
 * (slot - CANARY - size), of a free slot which one is free next; so sizes are
 * exact, a slot that is free cannot be freed, and the list of free slots is not
 * within reach of a stray write.
 *
 * A large allocation has a run of pages of its own, a record without cells, and
 * its canary too. Its record is found from its first page; if the fallback
 * mapped it, through a table.
 *
 * Each span is in one place: the `current` one of its class (where allocations
 * come from; it counts one more in `used`, so that it never looks empty), the
 * list `partial` (free slots), `full` (none), or `empty` (no used slot, at most
 * one such per class; others are given back at once).
 */
#ifndef FATA_CORE_HEAP_IMPL_H
#define FATA_CORE_HEAP_IMPL_H

#include "core/heap.h"
#include "core/list.h"
#include "core/page.h"

#define CANARY 8u

/* Slots: 16 to 128 in steps of 16, then 4 per doubling, up to 32 KiB. */
#define SLOT_MAX  32768u
#define SMALL_MAX ((size_t)SLOT_MAX - CANARY)
#define CLASSES   40u

/* No span is longer, nor has more slots. */
#define SPAN_PAGES_MAX 16u
#define SPAN_SLOTS_MAX 1024u

/* Buckets of the table of mapped allocations. */
#define MAPPED 64u

#define CELL_FREE     0x8000u
#define CELL_POISONED 0x4000u
#define CELL_NONE     0x3fffu

/* No address: whoever follows it traps. */
#define POISON 0xdeadf4eedeadf4eeull

enum span_kind { SPAN_SMALL, SPAN_LARGE, SPAN_MAPPED };

struct span {
	uintptr_t base;
	uint32_t recip; /* ceil(2^32 / slot): offset to slot number */
	uint16_t slot;  /* bytes */
	uint16_t nslots;
	uint16_t used;
	uint16_t free; /* a slot number or CELL_NONE */
	uint8_t class;
	uint8_t kind;
	struct list link;
	size_t pages; /* of every kind */
	size_t size;  /* large: what was asked for */
	uint16_t cell[];
};

struct heap_class {
	struct list partial, full;
	struct span *empty;
	size_t pages; /* of all its spans */
};

/* Figures; see struct heap_stat. */
struct heap_counts {
	size_t live, peak;
	uint64_t allocs, frees, failures;
	size_t slots_used; /* bytes of the slots in use */
	size_t slots;      /* bytes of all slots */
	size_t pages;      /* taken, records included */
	size_t stack;
};

struct heap {
	struct span *current[CLASSES];
	uint64_t secret[2];
	struct heap_counts n;
	struct list large;          /* runs of pages */
	struct list mapped[MAPPED]; /* by address */
	struct heap_class class[CLASSES];
	bool ready;
};

extern struct heap fata_heap;

/* --- slots and classes ------------------------------------------------- */

/* The class for n bytes, 0 < n <= SLOT_MAX. */
static inline unsigned class_of(size_t n)
{
	/* By (n - 1) / 16; the search for the highest bit is slow on AMD. */
	static const uint8_t small[64] = {
		0,  1,  2,  3,  4,  5,  6,  7,  8,  8,  9,  9,  10, 10, 11, 11,
		12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15,
		16, 16, 16, 16, 16, 16, 16, 16, 17, 17, 17, 17, 17, 17, 17, 17,
		18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19};
	unsigned log;

	n--;
	if (n < 1024)
		return small[n / 16];
	log = 63 - __builtin_clzll(n);
	return 8 + (log - 7) * 4 + (n >> (log - 2) & 3);
}

static inline unsigned class_slot(unsigned c)
{
	if (c < 8)
		return (c + 1) * 16;
	return (5 + (c & 3)) << (5 + (c - 8) / 4);
}

/* --- canaries and poison ----------------------------------------------- */

/*
 * Whoever learns one canary knows neither the secret nor another canary. The
 * first byte is never 0, so that a string one byte too long shows; the second
 * is 0, so that no string function reads the rest.
 */
static inline uint64_t canary_of(uintptr_t p)
{
	unsigned __int128 m = (unsigned __int128)(p ^ fata_heap.secret[0]) *
			      fata_heap.secret[1];

	return (((uint64_t)(m >> 64) ^ (uint64_t)m) | 1) & ~0xff00ull;
}

static inline void canary_set(uintptr_t p, size_t size)
{
	uint64_t c = canary_of(p);

	__builtin_memcpy((void *)(p + size), &c, CANARY);
}

static inline bool canary_good(uintptr_t p, size_t size)
{
	uint64_t c;

	__builtin_memcpy(&c, (void *)(p + size), CANARY);
	return c == canary_of(p);
}

static inline struct span *span_of(struct list *l)
{
	return list_entry(l, struct span, link);
}

/* --- heap_record.c: where records live --------------------------------- */

/* A record with so many cells, unset; NULL when memory is short. */
struct span *heap_record_alloc(unsigned cells);
void heap_record_free(struct span *s, unsigned cells);

/* How many pages records take now. */
size_t heap_record_pages(void);

/* --- heap_span.c: spans of small slots --------------------------------- */

/* Make the heap usable; done before the first span or large allocation. */
void heap_prepare(void);

/* A current span of the class with a free slot, or NULL. */
struct span *heap_span_refill(unsigned class);

/* A slot of s was freed, and s was full before or is empty now. */
void heap_span_settle(struct span *s);

/* Give the pages of all spans without a used slot back. */
void heap_span_trim(void);

/* --- heap_large.c: runs of pages --------------------------------------- */

void *heap_large_alloc(size_t size, size_t align);
void heap_large_free(struct span *s);

/* The record of a mapped allocation that begins at p, or NULL. */
struct span *heap_large_mapped(const void *p);

/* Resize in place; false if that cannot be. The canary is the caller's. */
bool heap_large_resize(struct span *s, size_t size);

/* --- heap.c ------------------------------------------------------------ */

/* These end in a panic that names the address and what is wrong with it. */
__attribute__((noreturn, cold)) void heap_bad_canary(uintptr_t p, size_t size);
__attribute__((noreturn, cold)) void heap_bad_poison(uintptr_t p);

#endif
