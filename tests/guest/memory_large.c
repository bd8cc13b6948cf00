/* SPDX-License-Identifier: ISC */
/*
 * 6 GiB, of which a part lies above 4 GiB, beyond the hole that PCs have below:
 * all of it is used and each page is a page of its own.
 * guest: memory 6144
 */
#include <fata/heap.h>
#include <fata/page.h>
#include <lib/guest.h>
#include <string.h>

#define GIB   (1ull << 30)
#define ORDER 18 /* 1 GiB */

/* A word in each MiB that tells where it is. */
static void mark(uint64_t *p)
{
	for (size_t i = 0; i < GIB / 8; i += 1 << 17)
		p[i] = (uintptr_t)&p[i];
}

static void look(const uint64_t *p)
{
	for (size_t i = 0; i < GIB / 8; i += 1 << 17)
		check_equal(p[i], (uintptr_t)&p[i]);
}

int main(void)
{
	unsigned n = 0, high = 0;
	struct heap_stat h;
	struct page_stat p;
	uint64_t *block[3], *big;

	page_stat(&p);
	heap_quick_stat(&h);
	printf("%zu MiB in all, %zu MiB of pages\n", h.total >> 20,
	       p.total >> 8);
	check(h.total > 6100ull << 20 && h.total <= 6 * GIB);
	check(p.total * 4096 > 6000ull << 20);

	/* Three of them cannot all lie below the hole. */
	for (; n < 3 && (block[n] = page_alloc(ORDER)); n++) {
		high += (uintptr_t)block[n] >= 4 * GIB;
		mark(block[n]);
	}
	printf("%u blocks of 1 GiB, %u above 4 GiB\n", n, high);
	check_equal(n, 3);
	check(high >= 1);
	big = malloc(GIB);
	check(big);
	mark(big);
	for (unsigned i = 0; i < n; i++) {
		look(block[i]);
		page_free(block[i], ORDER);
	}
	look(big);
	free(big);
	return 0;
}
