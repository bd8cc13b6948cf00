/* SPDX-License-Identifier: ISC */
/*
 * The window: guest-physical addresses above all memory, mapped one to one,
 * for pages that are not ours (foreign pages, the grant table itself).
 *
 * Ordinary memory must not be used for that: when a foreign page is unmapped
 * the address is a hole, not memory again. One bit per page tells what is in
 * use. The lowest free addresses are taken first, because Xen makes page tables
 * for each stretch of the window that is used for the first time.
 *
 * Interface: gnttab_window_alloc, gnttab_window_free (gnttab.h). The window is
 * taken from the platform at the first use.
 */
#include <fata/heap.h>

#include "core/assert.h"
#include "platform.h"
#include "xen/gnttab.h"

/* As many as Xen's default limit of mappings: 1024 pages of 256 each. */
#define PAGES (1024 * 256)
#define BITS  64

static unsigned char *window;
static uint64_t *used;
static size_t total = PAGES;
static size_t first; /* no page below this one is free */

static bool start(void)
{
	if (!used)
		used = heap_calloc(PAGES / BITS, sizeof(*used));
	if (used && !window)
		window = platform_window(&total);
	return window;
}

static bool is_used(size_t page)
{
	return used[page / BITS] >> (page % BITS) & 1;
}

/* The first run of n free pages in [from, to), or `to`. */
static size_t find(size_t from, size_t to, size_t n)
{
	size_t run = 0;

	for (size_t page = from; page < to; page++) {
		if (page % BITS == 0 && used[page / BITS] == UINT64_MAX) {
			page += BITS - 1;
			run = 0;
		} else if (is_used(page)) {
			run = 0;
		} else if (++run == n) {
			return page + 1 - n;
		}
	}
	return to;
}

void *gnttab_window_alloc(size_t n)
{
	size_t page;

	if (n == 0 || n > total || !start())
		return NULL;
	page = find(first, total, n);
	if (page == total)
		return NULL;
	if (page == first)
		first = page + n;
	for (size_t i = page; i < page + n; i++)
		used[i / BITS] |= 1ull << (i % BITS);
	return window + page * PAGE_SIZE;
}

void gnttab_window_free(void *p, size_t n)
{
	size_t page = ((unsigned char *)p - window) / PAGE_SIZE;

	ASSERT(window && page + n <= total);
	for (size_t i = page; i < page + n; i++) {
		ASSERT(is_used(i));
		used[i / BITS] &= ~(1ull << (i % BITS));
	}
	if (page < first)
		first = page;
}
