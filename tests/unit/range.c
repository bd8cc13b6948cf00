/* SPDX-License-Identifier: ISC */
/* The tree of address ranges against a model: one byte per page. */
#include "unit/unit.h"

#include "core/range.h"

#include <stdlib.h>

#define PAGES 400
#define BASE 1000

static unsigned char model[PAGES]; /* 0: free, else the range's prot */
static struct range_tree tree;

static uint64_t at(unsigned page)
{
	return BASE + page;
}

static void compare(void)
{
	for (unsigned p = 0; p < PAGES; p++) {
		const struct range *r = range_find(&tree, at(p));

		assert_int_equal(r ? r->prot : 0, model[p]);
	}
}

/* The lowest fit, by looking at every page. */
static uint64_t model_gap(unsigned size, unsigned align)
{
	for (unsigned p = 0; p + size <= PAGES; p++) {
		unsigned n = 0;

		if (at(p) % align)
			continue;
		while (n < size && !model[p + n])
			n++;
		if (n == size)
			return at(p);
	}
	return 0;
}

static struct range *new_range(uint64_t start, uint64_t end, unsigned prot)
{
	struct range *r = calloc(1, sizeof(*r));

	*r = (struct range){.start = start, .end = end, .prot = prot};
	return r;
}

static void insert_one(void)
{
	unsigned size = 1 + (unsigned)rand() % 12, align = 1u << rand() % 4;
	uint64_t where = range_gap(&tree, size, align);
	unsigned prot = 1 + (unsigned)rand() % 200;

	assert_int_equal(where, model_gap(size, align));
	if (!where)
		return;
	range_insert(&tree, new_range(where, where + size, prot));
	memset(model + (where - BASE), (int)prot, size);
}

static void remove_one(void)
{
	struct range *r = range_after(&tree, at((unsigned)rand() % PAGES));

	if (!r)
		return;
	range_remove(&tree, r);
	memset(model + (r->start - BASE), 0, r->end - r->start);
	free(r);
}

static void cut_one(void)
{
	struct range *r = range_after(&tree, at((unsigned)rand() % PAGES));
	struct range *upper;

	if (!r || r->end - r->start < 2)
		return;
	upper = new_range(0, 0, 0);
	range_cut(&tree, r, upper, r->start + 1);
	assert_int_equal(upper->prot, r->prot);
	assert_int_equal(r->end, upper->start);
}

static void random_operations(void **state)
{
	(void)state;
	srand(2);
	tree = (struct range_tree){.start = BASE, .end = BASE + PAGES};
	for (unsigned i = 0; i < 60000; i++) {
		unsigned what = (unsigned)rand() % 8;

		if (what < 4)
			insert_one();
		else if (what < 7)
			remove_one();
		else
			cut_one();
		if (i % 50 == 0)
			compare();
	}
	while (tree.root)
		remove_one();
	assert_int_equal(range_gap(&tree, PAGES, 1), BASE);
	assert_int_equal(range_gap(&tree, PAGES + 1, 1), 0);
}

static unsigned depth(const struct range *r)
{
	unsigned l, h;

	if (!r)
		return 0;
	l = depth(r->left);
	h = depth(r->right);
	return 1 + (l > h ? l : h);
}

static void stays_shallow(void **state)
{
	static struct range many[20000];

	(void)state;
	tree = (struct range_tree){.start = 1, .end = 1 << 20};
	for (unsigned i = 0; i < 20000; i++) {
		many[i] = (struct range){.start = 2 * i + 1, .end = 2 * i + 2};
		range_insert(&tree, &many[i]);
	}
	assert_true(depth(tree.root) < 60);
	assert_int_equal(range_gap(&tree, 1, 1), 2);
	assert_int_equal(range_gap(&tree, 2, 1), 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(stays_shallow),
	};

	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
