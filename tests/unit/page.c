/* SPDX-License-Identifier: ISC */
/*
 * The page allocator: memory of every shape and size, orders, owners, and what
 * must end in a panic.
 */
#include "unit/page.h"

/* A range of every length and misalignment: all of it is used, none beyond. */
static void shapes(void *arg)
{
	uintptr_t at = arena(HUGE), start, end, p;
	size_t n, head, tail, whole, before;

	(void)arg;
	for (n = 0; n < 40; n++)
		for (head = 0; head < 3; head++)
			for (tail = 0; tail < 3; tail++) {
				start = at + head * 2047;
				end = at + n * PAGE_SIZE + tail * 2047;
				at += 64 * PAGE_SIZE;
				before = stat_now().total;
				page_add(start, end);
				start = (start + 4095) & -4096ul;
				end &= -4096ul;
				whole = end > start ? (end - start) / 4096 : 0;
				if (whole)
					whole--; /* for the records */
				CHECK(stat_now().total - before == whole);
				while ((p = (uintptr_t)page_alloc(0)))
					CHECK(p > start && p < end);
			}
	CHECK(!stat_now().free && !stat_now().largest);
}

/* Ranges that are unsorted, touch each other, and are of very unlike sizes. */
static void many_ranges(void *arg)
{
	uintptr_t at = arena(HUGE);
	size_t i, n = 0;
	void **list = NULL, *p;

	(void)arg;
	for (i = 0; i < 64; i++)
		page_add(at + (i * 37 % 64) * 0x100000,
			 at + (i * 37 % 64) * 0x100000 +
				 (i % 7 ? 0x100000 : 0x3000));
	CHECK(stat_now().free == 54 * 255 + 10 * 2);
	CHECK(page_memory() == 54 * 0x100000ul + 10 * 0x3000ul);
	page_note_other(5);
	CHECK(page_memory() == 54 * 0x100000ul + 10 * 0x3000ul + 5);
	CHECK(!page_alloc(8));
	while ((p = page_alloc(n % 3)) || (p = page_alloc(0))) {
		*(void **)p = list;
		list = p;
		n++;
	}
	CHECK(!stat_now().free);
}

/* 64 GiB: the largest orders, runs beyond them, and the cost of the records. */
static void large(void *arg)
{
	uintptr_t at = arena(64 * HUGE);
	size_t total;
	void *p, *q;

	(void)arg;
	page_add(at, at + 64 * HUGE);
	total = stat_now().total;
	CHECK(64 * (HUGE >> 12) - total <= (64 * HUGE >> 12) * 8 / 4096 + 1);
	CHECK(stat_now().largest == HUGE >> 12);
	p = page_alloc_raw(PAGE_ORDER_MAX);
	CHECK(p && (uintptr_t)p % HUGE == 0);
	q = page_alloc_range_raw(20 * (HUGE >> 12) + 5, 1);
	CHECK(q && stat_now().free == total - 21 * (HUGE >> 12) - 5);
	CHECK(!page_alloc_range_raw(50 * (HUGE >> 12), 1));
	CHECK(!page_alloc_raw(PAGE_ORDER_MAX + 1));
	page_free(p, PAGE_ORDER_MAX);
	page_free_range(q, 20 * (HUGE >> 12) + 5);
	CHECK(stat_now().free == total);
	CHECK(page_alloc_range_raw(63 * (HUGE >> 12), HUGE >> 12));
}

/* A guest of 1 MiB: what is left after the image is nearly all usable. */
static void small(void *arg)
{
	uintptr_t at = arena(HUGE);
	size_t n = 0;

	(void)arg;
	page_add(0, 4096);
	CHECK(!stat_now().total);
	page_add(at + 76 * 4096, at + 256 * 4096);
	CHECK(stat_now().total == 179);
	CHECK(page_alloc_range(179));
	while (page_alloc(0))
		n++;
	CHECK(n == 0);
}

static void *hoard;

static size_t give_back(void)
{
	if (!hoard)
		return 0;
	page_free(hoard, 3);
	hoard = NULL;
	return 8 * PAGE_SIZE;
}

static void reclaims(void *arg)
{
	uintptr_t at = arena(HUGE);

	(void)arg;
	page_add(at, at + 16 * PAGE_SIZE);
	page_add_reclaim(give_back);
	hoard = page_alloc(3);
	CHECK(hoard && page_alloc(2) && page_alloc(1) && page_alloc(0));
	CHECK(page_alloc(3) && !hoard);
	CHECK(!page_alloc(3) && !page_alloc_range(8));
}

static void owners(void *arg)
{
	uintptr_t at = arena(HUGE);
	char *p;
	int me;

	(void)arg;
	page_add(at, at + 64 * PAGE_SIZE);
	p = page_alloc_range_raw(5, 1);
	CHECK(p && !page_owner(p));
	page_own(p, 5, &me);
	CHECK(page_owner(p) == &me && page_owner(p + 5 * 4096 - 1) == &me);
	CHECK(!page_owner(p + 5 * 4096) && !page_owner(&me) &&
	      !page_owner(NULL));
	page_disown(p, 5, 5);
	CHECK(!page_owner(p) && !page_owner(p + 4096));
	page_free_range(p, 5);
	CHECK(stat_now().free == stat_now().total);
}

static void test_memory(void **state)
{
	(void)state;
	assert_true(passes(shapes, NULL));
	assert_true(passes(many_ranges, NULL));
	assert_true(passes(large, NULL));
	assert_true(passes(small, NULL));
	assert_true(passes(reclaims, NULL));
	assert_true(passes(owners, NULL));
}

static void test_order(void **state)
{
	size_t n;

	(void)state;
	assert_int_equal(page_order(0), 0);
	assert_int_equal(page_order(1ul << 40), 28);
	for (n = 1; n < 3000000; n += 1021) {
		assert_true(4096ul << page_order(n) >= n);
		if (page_order(n))
			assert_true(4096ul << (page_order(n) - 1) < n);
	}
}

/* --- misuse -------------------------------------------------------------- */

enum misuse { TWICE, ORDER, INSIDE, OUTSIDE, ODD, RANGE, LENGTH, HEAP, HUGE_ };

static void misuse(void *arg)
{
	uintptr_t at = arena(HUGE);
	char *p, *r;

	page_add(at, at + 64 * PAGE_SIZE);
	p = page_alloc(2);
	r = page_alloc_range(3);
	switch (*(enum misuse *)arg) {
	case TWICE:
		page_free(p, 2);
		page_free(p, 2);
		break;
	case ORDER:
		page_free(p, 1);
		break;
	case INSIDE:
		page_free(p + 4096, 0);
		break;
	case OUTSIDE:
		page_free((char *)at, 0);
		break;
	case ODD:
		page_free(p + 8, 2);
		break;
	case RANGE:
		page_free(r, 0);
		break;
	case LENGTH:
		page_free_range(r, 4);
		break;
	case HEAP:
		page_own(r, 3, &hoard);
		page_free_range(r, 3);
		break;
	case HUGE_:
		page_free(p, 31);
		break;
	}
}

static void test_misuse(void **state)
{
	static const char *const words[] = {
		[TWICE] = "not allocated or freed twice",
		[ORDER] = "it is of order 2",
		[INSIDE] = "not allocated or freed twice",
		[OUTSIDE] = "not an address of a page",
		[ODD] = "not an address of a page",
		[RANGE] = "it is a range of 3 pages",
		[LENGTH] = "it is a range of 3 pages",
		[HEAP] = "the page is the heap's",
		[HUGE_] = "no such order",
	};
	enum misuse m;

	(void)state;
	for (m = TWICE; m <= HUGE_; m++)
		assert_true(dies(misuse, &m, words[m]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
