/* SPDX-License-Identifier: ISC */
/*
 * The heap against a model that knows each allocation and its contents: random
 * histories with exact figures after each call, with memory of every size down
 * to almost none.
 */
#include "unit/heap.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
