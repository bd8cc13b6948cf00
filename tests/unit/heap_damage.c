/* SPDX-License-Identifier: ISC */
/*
 * Damage of every kind to the heap ends in a panic that says which.
 */
#include "unit/heap.h"

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
	case WRONG_LAST:
		break;
	}
}

/* Found by the next who gets it, or by a walk. */
static void written_after_free(void *arg)
{
	bool walk = *(bool *)arg;
	char *p;

	memory(1 << 20);
	p = heap_alloc(48);
	heap_free(p);
	p[walk ? 0 : 9] = 1;
	if (walk)
		heap_check();
	else
		heap_alloc(48);
}

static void test_wrong(void **state)
{
	enum wrong w;

	(void)state;
	for (w = TWICE; w < WRONG_LAST; w++)
		assert_true(dies(wrong, &w, "no allocation, or freed already"));
	for (int walk = 0; walk <= 1; walk++)
		assert_true(dies(written_after_free, &(bool){walk},
				 "was written after it was freed"));
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
		cmocka_unit_test(test_canary),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
