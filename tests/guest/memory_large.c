/* SPDX-License-Identifier: ISC */
/*
 * 6 GiB, of which a part lies above 4 GiB, beyond the hole that PCs have below:
 * all of it is used, each page is a page of its own, and Xen copies from and to
 * grants of those above 4 GiB. (It would map them too, but a page that its own
 * domain maps leaves the place where it was.)
 * guest: memory 6144
 */
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/xen/gnttab.h>
#include <lib/guest.h>
#include <string.h>

#define GIB   (1ull << 30)
#define ORDER 18 /* 1 GiB */
#define SELF  0  /* the guest is dom0 */

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

/* Two pages: the first, granted, is copied to the second, and back. */
static void grant(unsigned char *p, unsigned char *q)
{
	struct gnttab_copy_op op[2] = {
		{.from.domid = SELF, .to.local = q, .len = PAGE_SIZE},
		{.from.local = q, .to.domid = SELF, .len = PAGE_SIZE},
	};
	uint32_t ref;

	memset(p, 0x5a, PAGE_SIZE);
	check_equal(gnttab_share(&ref, SELF, p, true, 0), 0);
	op[0].from.ref = op[1].to.ref = ref;
	check_equal(gnttab_copy(&op[0], 1, 0), 0);
	check(q[0] == 0x5a && !memcmp(p, q, PAGE_SIZE));
	memset(q, 0xa5, PAGE_SIZE);
	check_equal(gnttab_copy(&op[1], 1, 0), 0);
	check(p[0] == 0xa5 && !memcmp(p, q, PAGE_SIZE));
	check_equal(gnttab_end_access(ref), 0);
	gnttab_free(ref);
}

int main(void)
{
	unsigned n = 0, high = 0;
	struct heap_stat h;
	struct page_stat p;
	uint64_t *block[3], *big;
	unsigned char *page;

	page_stat(&p);
	heap_quick_stat(&h);
	printf("%zu MiB in all, %zu MiB of pages\n", h.total >> 20,
	       p.total >> 8);
	check(h.total > 6100ull << 20 && h.total <= 6 * GIB);
	check(p.total * 4096 > 6000ull << 20);

	/* Three of them cannot all lie below the hole. */
	for (; n < 3 && (block[n] = page_alloc(ORDER)); n++) {
		mark(block[n]);
		if ((uintptr_t)block[n] < 4 * GIB)
			continue;
		high++;
		page = (unsigned char *)block[n] + GIB - PAGE_SIZE;
		grant(page, page - PAGE_SIZE);
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
