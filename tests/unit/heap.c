/* SPDX-License-Identifier: ISC */
/*
 * What the heap promises, one by one: edges, growing in place, memory that is
 * mapped when none lies in a row, what it gives back, what a small guest gets.
 */
#include "unit/heap.h"

/* Unknown to the compiler, which knows that these cannot be had. */
static volatile size_t max = SIZE_MAX;

static void edges(void *arg)
{
	struct heap_stat s;
	char *p, *q;

	(void)arg;
	memory(2 * GIB);
	p = heap_alloc(0);
	q = heap_alloc(0);
	CHECK(p && q && p != q && heap_usable(p) == 0);
	heap_free(p);
	heap_free(q);
	heap_free(NULL);
	CHECK(heap_usable(NULL) == 0);
	CHECK(!heap_alloc(max) && !heap_alloc(max / 2));
	CHECK(!heap_alloc(max - 7) && !heap_alloc(3 * GIB));
	CHECK(!heap_calloc(max / 2, 3) && !heap_calloc(1ul << 32, 1ul << 32));
	CHECK(!heap_alloc_aligned(3, 1) && !heap_alloc_aligned(0, 1));
	CHECK(!heap_alloc_aligned(1ul << 63, 1));
	CHECK(!heap_alloc_aligned(16, max));
	heap_quick_stat(&s);
	CHECK(s.failures == 10);
	p = heap_alloc_aligned(GIB, 100);
	CHECK(p && (uintptr_t)p % GIB == 0);
	heap_free(p);
	p = heap_realloc(NULL, 5);
	q = heap_realloc(p, 0);
	CHECK(p && q);
	CHECK(!heap_realloc(q, max) && !heap_realloc(q, 3 * GIB));
	heap_free(q);
	heap_trim();
	heap_quick_stat(&s);
	CHECK(s.heap == 0 && s.stack == 0);
	heap_account_stack(65536);
	heap_account_stack(-4096);
	heap_quick_stat(&s);
	CHECK(s.stack == 61440);
}

/* A large allocation grows where it is while the pages behind are free. */
static void in_place(void *arg)
{
	char *p, *q;
	size_t n;

	(void)arg;
	memory(GIB);
	p = heap_alloc(100000);
	for (n = 100000; n < 100000000; n += n / 2) {
		q = heap_realloc(p, n);
		CHECK(q == p);
	}
	CHECK(heap_realloc(p, 50000) == p);
	q = heap_alloc(40000);
	p = heap_realloc(p, 100000000);
	CHECK(p);
	heap_free(p);
	heap_free(q);
}

static unsigned mapped;

static void *map_pages(size_t n)
{
	void *p = mmap(NULL, n * PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mapped += n;
	return p == MAP_FAILED ? NULL : p;
}

static void unmap_pages(void *p, size_t n)
{
	mapped -= n;
	munmap(p, n * PAGE_SIZE);
}

static void fallback(void *arg)
{
	char *p[100];
	struct heap_stat s;
	unsigned i;

	(void)arg;
	memory(64 * PAGE_SIZE);
	heap_set_fallback(map_pages, unmap_pages);
	for (i = 0; i < 100; i++) {
		p[i] = heap_alloc(50000 + i);
		CHECK(p[i] && heap_usable(p[i]) == 50000 + i);
		memset(p[i], i, 50000 + i);
	}
	CHECK(mapped >= 95 * 13);
	for (i = 0; i < 100; i++) {
		p[i] = heap_realloc(p[i], 52000 + 30 * i);
		CHECK(p[i] && p[i][0] == (char)i && p[i][49999] == (char)i);
	}
	heap_stat(&s);
	for (i = 0; i < 100; i++)
		heap_free(p[i]);
	CHECK(!mapped);
	heap_trim();
	heap_stat(&s);
	CHECK(s.heap == 0 && s.live == 0);
}

/* The page allocator gets what the heap keeps for reuse. */
static void reclaimed(void *arg)
{
	void *p[8];
	unsigned i;

	(void)arg;
	memory(64 * PAGE_SIZE);
	for (i = 0; i < 8; i++)
		p[i] = heap_alloc(100 << i);
	for (i = 0; i < 8; i++)
		heap_free(p[i]);
	CHECK(pages_free() < 60);
	CHECK(page_alloc_range(63));
}

/* What a guest of 1 MiB can use of 180 pages, in one size or in many. */
struct fill {
	size_t size; /* 0: many */
	size_t percent;
};

static void small_guest(void *arg)
{
	const struct fill *f = arg;
	size_t live = 0, size;

	memory(180 * PAGE_SIZE);
	for (;;) {
		size = f->size ? f->size : 8 + rnd(rnd(1000) + 1);
		if (!heap_alloc(size))
			break;
		live += size;
	}
	CHECK(live >= 180 * PAGE_SIZE * f->percent / 100);
}

static void test_promises(void **state)
{
	static struct fill fills[] = {{0, 75},    {16, 43},   {40, 75},
				      {100, 85},  {1000, 94}, {4000, 94},
				      {40000, 86}};
	unsigned i;

	(void)state;
	assert_true(passes(edges, NULL));
	assert_true(passes(in_place, NULL));
	assert_true(passes(fallback, NULL));
	assert_true(passes(reclaimed, NULL));
	for (i = 0; i < sizeof(fills) / sizeof(*fills); i++)
		assert_true(passes(small_guest, &fills[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
