/* SPDX-License-Identifier: ISC */
/*
 * The page allocator against a model that knows the state of each page.
 *
 * The model is exact: a refusal is right only if the model finds no aligned
 * free block (page_alloc) or no run of free pages (page_alloc_range) either,
 * and the free count agrees after every call.
 */
#include "unit/page.h"

#define PAGES_MAX 1024

struct block {
	unsigned char *p;
	size_t n;  /* pages */
	int order; /* -1: a range */
	unsigned char tag;
};

static uintptr_t base;
static size_t npages;
static bool taken[PAGES_MAX]; /* records and allocated pages */
static size_t nfree;
static struct block block[PAGES_MAX];
static size_t nblocks;
static uint64_t seed;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

/* Are there n free pages in a row, from a page aligned to `align` pages? */
static bool model_has(size_t n, size_t align)
{
	size_t i, run;

	for (i = 0; i + n <= npages; i++) {
		if ((base / PAGE_SIZE + i) % align)
			continue;
		for (run = 0; run < n && !taken[i + run]; run++)
			;
		if (run == n)
			return true;
	}
	return false;
}

static void model_mark(void *p, size_t n, bool now)
{
	size_t i = ((uintptr_t)p - base) / PAGE_SIZE, k;

	CHECK((uintptr_t)p >= base && i + n <= npages);
	for (k = i; k < i + n; k++) {
		CHECK(taken[k] != now);
		taken[k] = now;
	}
	nfree += now ? -n : n;
}

static void check_contents(const struct block *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		CHECK(b->p[i * PAGE_SIZE] == b->tag &&
		      b->p[i * PAGE_SIZE + PAGE_SIZE - 1] == b->tag);
}

static void fill(struct block *b)
{
	b->tag = 1 + rnd(255);
	memset(b->p, b->tag, b->n * PAGE_SIZE);
}

static void do_alloc(void)
{
	struct block *b = &block[nblocks];
	size_t i, align = 1;
	bool zeroed = true;

	if (rnd(2)) {
		b->order = rnd(6);
		b->n = align = 1ul << b->order;
		b->p = page_alloc(b->order);
	} else {
		b->order = -1;
		b->n = 1 + rnd(rnd(8) ? 9 : npages);
		zeroed = rnd(2);
		if (!zeroed)
			align = 1ul << rnd(5);
		b->p = zeroed ? page_alloc_range(b->n)
			      : page_alloc_range_raw(b->n, align);
	}
	if (!b->p) {
		CHECK(!model_has(b->n, align));
		return;
	}
	CHECK((uintptr_t)b->p % (align * PAGE_SIZE) == 0);
	model_mark(b->p, b->n, true);
	for (i = 0; zeroed && i < b->n * PAGE_SIZE; i++)
		CHECK(!b->p[i]);
	fill(b);
	nblocks++;
}

static void do_free(size_t i)
{
	check_contents(&block[i]);
	if (block[i].order < 0)
		page_free_range(block[i].p, block[i].n);
	else
		page_free(block[i].p, block[i].order);
	model_mark(block[i].p, block[i].n, false);
	block[i] = block[--nblocks];
}

static void do_resize(size_t i)
{
	struct block *b = &block[i];
	size_t to = 1 + rnd(12), end, k;
	bool fits = true;

	if (b->order >= 0)
		return;
	check_contents(b);
	end = ((uintptr_t)b->p - base) / PAGE_SIZE;
	for (k = end + b->n; k < end + to; k++)
		fits = fits && k < npages && !taken[k];
	CHECK(!page_resize_range(b->p, b->n, to) == fits);
	if (!fits)
		return;
	if (to > b->n)
		model_mark(b->p + b->n * PAGE_SIZE, to - b->n, true);
	else
		model_mark(b->p + to * PAGE_SIZE, b->n - to, false);
	b->n = to;
	fill(b);
}

static void fuzz(void *arg)
{
	unsigned step, steps = 3000;
	size_t total, i;

	seed = *(uint64_t *)arg;
	npages = 2 + rnd(rnd(4) ? 60 : PAGES_MAX - 2);
	base = arena(HUGE) + rnd(64) * PAGE_SIZE;
	page_add(base, base + npages * PAGE_SIZE);
	total = stat_now().total;
	CHECK(total == stat_now().free && total < npages);
	for (i = 0; i < npages - total; i++)
		taken[i] = true;
	nfree = total;
	for (step = 0; step < steps; step++) {
		if (nblocks < PAGES_MAX / 2 && rnd(100) < 50)
			do_alloc();
		else if (nblocks && rnd(2))
			do_free(rnd(nblocks));
		else if (nblocks)
			do_resize(rnd(nblocks));
		CHECK(stat_now().free == nfree);
		CHECK(!nfree == !stat_now().largest);
		CHECK(!nfree ||
		      model_has(stat_now().largest, stat_now().largest));
	}
	while (nblocks)
		do_free(nblocks - 1);
	CHECK(stat_now().free == total);
}

static void test_fuzz(void **state)
{
	uint64_t n;

	(void)state;
	for (n = 0; n < 60; n++)
		assert_true(passes(fuzz, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
