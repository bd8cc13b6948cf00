/* SPDX-License-Identifier: ISC */
/*
 * The heap against a model that knows each allocation and its contents: random
 * histories with exact figures after each call, memory of every size down to
 * almost none, every kind of damage, and trim.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>

#include <fata/heap.h>

#include "core/heap.h"
#include "core/page.h"
#include "lib/death.h"

#define GIB (1ul << 30)

static uint64_t seed = 1;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

static size_t pages_free(void)
{
	struct page_stat s;

	page_stat(&s);
	return s.free;
}

/* All the memory that this process has: so many bytes. */
static void memory(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	page_add((uintptr_t)p, (uintptr_t)p + bytes);
}

/* --- the model --------------------------------------------------------- */

#define SLOTS 4000

static struct {
	unsigned char *p;
	size_t size;
	unsigned char tag;
} slot[SLOTS];

static struct heap_stat want; /* live, peak, allocs, frees, failures */

static void fill(unsigned i, unsigned char *p, size_t size)
{
	slot[i].p = p;
	slot[i].size = size;
	slot[i].tag = rnd(256);
	memset(p, slot[i].tag, size);
}

static void verify(unsigned i, size_t size)
{
	unsigned char *p = slot[i].p;

	CHECK(!size || p[0] == slot[i].tag);
	CHECK(size < 2 || !memcmp(p, p + 1, size - 1));
}

static void compare(void)
{
	struct heap_stat s;

	heap_quick_stat(&s);
	if (want.peak < want.live)
		want.peak = want.live;
	CHECK(s.live == want.live && s.peak == want.peak);
	CHECK(s.allocs == want.allocs && s.frees == want.frees);
	CHECK(s.failures == want.failures);
	CHECK(s.heap + pages_free() * PAGE_SIZE <= s.total);
	CHECK(s.free <= s.total && s.live <= s.heap);
}

/* Most are small, some large, a few huge. */
static size_t any_size(size_t most)
{
	size_t kind = rnd(100), n;

	if (kind < 70)
		n = rnd(300);
	else if (kind < 90)
		n = rnd(5000);
	else if (kind < 99)
		n = rnd(80000);
	else
		n = rnd(3000000);
	return n < most ? n : most;
}

static void do_alloc(unsigned i, size_t size)
{
	size_t align = 1, k;
	unsigned char *p;
	unsigned how = rnd(10);

	if (how == 0) {
		p = heap_calloc(size, 1);
		for (k = 0; p && k < size; k++)
			CHECK(!p[k]);
	} else if (how == 1) {
		align = 1ul << rnd(18);
		p = heap_alloc_aligned(align, size);
	} else {
		p = heap_alloc(size);
		align = 16;
	}
	if (!p) {
		want.failures++;
		return;
	}
	CHECK((uintptr_t)p % align == 0 && (uintptr_t)p % 16 == 0);
	CHECK(heap_usable(p) == size);
	fill(i, p, size);
	want.allocs++;
	want.live += size;
}

static void do_free(unsigned i)
{
	verify(i, slot[i].size);
	heap_free(slot[i].p);
	want.frees++;
	want.live -= slot[i].size;
	slot[i].p = NULL;
}

static void do_realloc(unsigned i, size_t size)
{
	unsigned char *p;
	size_t old = slot[i].size;

	p = heap_realloc(slot[i].p, size);
	if (!p) {
		CHECK(size > old);
		want.failures++;
		verify(i, old);
		return;
	}
	if (p != slot[i].p) {
		/* While it was copied both were live. */
		want.allocs++;
		want.frees++;
		if (want.peak < want.live + size)
			want.peak = want.live + size;
	}
	slot[i].p = p;
	verify(i, old < size ? old : size);
	fill(i, p, size);
	want.live += size - old;
}

/* A history of `steps` calls, and at its end nothing is left. */
static void history(unsigned steps, unsigned slots, size_t most, unsigned walk)
{
	size_t before = pages_free();
	struct heap_stat s;
	unsigned n, i;

	for (n = 0; n < steps; n++) {
		/* Phases of growth and of shrinking. */
		unsigned grow = n / 20000 % 2 ? 30 : 70;

		i = rnd(slots);
		if (!slot[i].p && rnd(100) < grow)
			do_alloc(i, any_size(most));
		else if (slot[i].p && rnd(4) == 0)
			do_realloc(i, rnd(2) ? any_size(most)
					     : slot[i].size * rnd(300) / 100);
		else if (slot[i].p && rnd(100) >= grow)
			do_free(i);
		compare();
		if (n % walk == 0)
			heap_stat(&s);
		if (n % 50000 == 49999)
			heap_trim();
	}
	for (i = 0; i < slots; i++)
		if (slot[i].p)
			do_free(i);
	heap_stat(&s);
	CHECK(s.live == 0);
	CHECK(heap_trim() == s.heap);
	heap_stat(&s);
	CHECK(s.heap == 0 && pages_free() == before);
}

static void long_history(void *arg)
{
	(void)arg;
	memory(GIB);
	history(1000000, SLOTS, SIZE_MAX, 10000);
}

/* Several ranges of memory, and large allocations that rarely find a run. */
static void scattered(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < 50; i++)
		memory((20 + i) * PAGE_SIZE);
	history(100000, 500, SIZE_MAX, 1000);
}

/* So little memory that calls are refused at every point there is. */
static void starved(void *arg)
{
	seed = *(unsigned *)arg;
	memory(*(unsigned *)arg * PAGE_SIZE);
	history(2000, 100, *(unsigned *)arg * PAGE_SIZE, 10);
	CHECK(want.failures > 0);
}

static void test_history(void **state)
{
	unsigned pages;

	(void)state;
	assert_true(passes(long_history, NULL));
	assert_true(passes(scattered, NULL));
	for (pages = 2; pages < 150; pages++)
		assert_true(passes(starved, &pages));
}

/* --- single promises --------------------------------------------------- */

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

/* --- damage ------------------------------------------------------------ */

struct damage {
	size_t size;
	enum { FREE, REALLOC, WALK, STAT } found_by;
};

/* One byte behind the end, whatever the size. */
static void one_byte(void *arg)
{
	const struct damage *d = arg;
	struct heap_stat s;
	char *p;

	memory(1 << 20);
	p = heap_alloc(d->size);
	p[d->size] ^= 1;
	switch (d->found_by) {
	case FREE:
		heap_free(p);
		break;
	case REALLOC:
		heap_realloc(p, d->size + 1);
		break;
	case WALK:
		heap_check();
		break;
	case STAT:
		heap_stat(&s);
		break;
	}
}

/* The most frequent one: the NUL behind a string. */
static void one_nul(void *arg)
{
	size_t n;
	char *p;

	(void)arg;
	memory(1 << 20);
	for (n = 0; n < 200; n++) {
		p = heap_alloc(n);
		CHECK(p[n] != 0);
	}
	p[n - 1] = 0;
	heap_free(p);
}

static void test_canary(void **state)
{
	static const size_t sizes[] = {0,    1,    7,     8,     9,     15,
				       16,   24,   25,    100,   1000,  1016,
				       4088, 4096, 32760, 32761, 65536, 100000};
	struct damage d;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		d.size = sizes[i];
		for (d.found_by = FREE; d.found_by <= STAT; d.found_by++)
			assert_true(dies(one_byte, &d, "write past the end"));
	}
	assert_true(dies(one_nul, NULL, "write past the end"));
}

enum wrong {
	TWICE,
	TWICE_LATER,
	TWICE_REALLOC,
	TWICE_LARGE,
	INSIDE,
	INSIDE_LARGE,
	INSIDE_PAGE,
	BEHIND,
	STACK,
	NOWHERE,
	PAGES,
	USABLE,
	AFTER_FREE,
	AFTER_FREE_WALK,
	WRONG_LAST,
};

static void wrong(void *arg)
{
	char *p, *q, *l, on_stack[32];

	memory(1 << 20);
	p = heap_alloc(48);
	q = heap_alloc(48);
	l = heap_alloc(50000);
	switch (*(enum wrong *)arg) {
	case TWICE:
		heap_free(p);
		heap_free(p);
		break;
	case TWICE_LATER:
		heap_free(p);
		heap_free(q);
		heap_free(p);
		break;
	case TWICE_REALLOC:
		heap_free(p);
		heap_realloc(p, 20);
		break;
	case TWICE_LARGE:
		heap_free(l);
		heap_free(l);
		break;
	case INSIDE:
		heap_free(p + 16);
		break;
	case INSIDE_LARGE:
		heap_free(l + 16);
		break;
	case INSIDE_PAGE:
		heap_free(l + 4096);
		break;
	case BEHIND: /* the end of a page that no slot fits */
		heap_free((char *)((uintptr_t)p | 4095) + 1 - 64 + 48);
		break;
	case STACK:
		heap_free(on_stack);
		break;
	case NOWHERE:
		heap_free((void *)16);
		break;
	case PAGES:
		heap_free(page_alloc(0));
		break;
	case USABLE:
		heap_usable(p + 8);
		break;
	case AFTER_FREE:
		heap_free(p);
		p[9] = 1;
		heap_alloc(48);
		break;
	case AFTER_FREE_WALK:
		heap_free(q);
		q[0] = 1;
		heap_check();
		break;
	case WRONG_LAST:
		break;
	}
}

static void test_wrong(void **state)
{
	enum wrong w;

	(void)state;
	for (w = TWICE; w < AFTER_FREE; w++)
		assert_true(dies(wrong, &w, "no allocation, or freed already"));
	for (; w < WRONG_LAST; w++)
		assert_true(dies(wrong, &w, "was written after it was freed"));
}

/* Two processes, two secrets; and no two allocations share a canary. */
static void show_canary(void *arg)
{
	uint64_t a, b;
	/* Unknown to the compiler, which would not let us look behind. */
	volatile size_t n = 24;
	char *p, *q;

	(void)arg;
	memory(1 << 20);
	p = heap_alloc(n);
	q = heap_alloc(n);
	memcpy(&a, p + n, sizeof(a));
	memcpy(&b, q + n, sizeof(b));
	CHECK(a != b);
	printf("%lx", a);
	fflush(stdout);
}

static void test_secret(void **state)
{
	char one[64], two[64];

	(void)state;
	assert_int_equal(child_run(show_canary, NULL, one, sizeof(one)), 0);
	assert_int_equal(child_run(show_canary, NULL, two, sizeof(two)), 0);
	assert_string_not_equal(one, two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promises), cmocka_unit_test(test_canary),
		cmocka_unit_test(test_wrong),    cmocka_unit_test(test_secret),
		cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
