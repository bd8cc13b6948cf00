/* SPDX-License-Identifier: ISC */
/*
 * What the boot, the heap and the address-space allocator need of the page
 * allocator beyond include/fata/page.h: adding memory, exact runs of pages, and
 * the owner that the heap writes on its pages.
 *
 * Each added range becomes a section. Its first pages hold the records, one
 * 64-bit word per page, so that nothing is ever written into a free page:
 *
 *	63 62 61     57 56        28 27         0
 *	[tag][ order  ][   prev    ][   next    ]  FREE  first page of a block
 *	[tag][ order  ][          0             ]  USED  given by page_alloc
 *	[tag][   31   ][     number of pages    ]  USED  given as a range
 *	[tag][   address of the owner's record  ]  OWNED page of the heap
 *	[              0                        ]  every other page
 *
 * Invariants: a page belongs to one section; two free blocks that are buddies
 * are merged; prev and next are page numbers within the section, LINK_NONE ends
 * a list.
 */
#ifndef FATA_CORE_PAGE_H
#define FATA_CORE_PAGE_H

#include <fata/page.h>

#define PAGE_TAG_OWNED (3ull << 62)

struct page_section {
	uintptr_t base;            /* address of page 0 */
	size_t bytes;              /* of its pages, the records not counted */
	struct page_section *next; /* by size, the smallest first */
	uint32_t orders;           /* bit n: list[n] is not empty */
	uint32_t list[PAGE_ORDER_MAX + 1];
	uint64_t word[];
};

/*
 * Hand over RAM that nobody uses, contents unknown; rounded inwards to whole
 * pages. Any number of ranges in any order, which may touch but not overlap.
 * Page 0 is left out. A range too small to hold its own records is dropped.
 */
void page_add(uintptr_t start, uintptr_t end);

/* Count memory of the guest that page_add never sees (image, modules). */
void page_note_other(size_t bytes);

/* All memory of the guest in bytes: added and noted. */
size_t page_memory(void);

/*
 * n contiguous pages, n > 0, zeroed; NULL if there is no such run. Freed with
 * page_free_range and the same n.
 */
void *page_alloc_range(size_t n);
void page_free_range(void *p, size_t n);

/*
 * The same, contents unknown, for memory that never leaves the guest. align is
 * in pages, a power of two.
 */
void *page_alloc_raw(unsigned order);
void *page_alloc_range_raw(size_t n, size_t align);

/*
 * Make a range of `from` pages `to` pages long, in place. Growing returns
 * -ENOMEM if the pages behind are in use; new pages have unknown contents.
 */
int page_resize_range(void *p, size_t from, size_t to);

/*
 * Called when no block is found; gives pages back if it can and returns how
 * many bytes. Twice the same is once; N_RECLAIM at most (page_impl.h).
 */
void page_add_reclaim(size_t (*fn)(void));

/*
 * Write `owner` on the first n pages of a range; page_owner finds it from any
 * address within them. page_disown makes it the plain range of `pages` pages
 * again, to be resized or freed.
 */
void page_own(void *p, size_t n, void *owner);
void page_disown(void *p, size_t n, size_t pages);

/* The section of an address, NULL if there is none. */
struct page_section *page_section_search(uintptr_t a);

/* The section that was found last, never NULL. */
extern struct page_section *page_section_hot;

/* The owner written on page i of the section, NULL if there is none. */
static inline void *page_word_owner(const struct page_section *s, size_t i)
{
	uint64_t owner;

	if (__builtin_sub_overflow(s->word[i], PAGE_TAG_OWNED, &owner))
		return NULL;
	return (void *)(uintptr_t)owner;
}

/*
 * The owner written on the page of p. page_owner_hot looks only into the
 * section that was found last: NULL does not mean that there is none.
 */
static inline void *page_owner_hot(const void *p)
{
	const struct page_section *s = page_section_hot;
	uintptr_t offset = (uintptr_t)p - s->base;

	if (offset >= s->bytes)
		return NULL;
	return page_word_owner(s, offset >> PAGE_SHIFT);
}

void *page_owner(const void *p);

#endif
