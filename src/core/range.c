/* SPDX-License-Identifier: ISC */
/*
 * The treap of range.h. Recursion is as deep as the tree: about 2 log2(n).
 */
#include <core/range.h>
#include <stddef.h>

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Recompute what r knows of its subtree. */
static void update(struct range *r)
{
	r->low = r->start;
	r->high = r->end;
	r->gap = 0;
	if (r->left) {
		r->low = r->left->low;
		r->gap = max(r->left->gap, r->start - r->left->high);
	}
	if (r->right) {
		r->high = r->right->high;
		r->gap = max(r->gap, max(r->right->gap,
					 r->right->low - r->end));
	}
}

/* Ranges that start below `at` to *a, the others to *b. */
static void split(struct range *t, uint64_t at, struct range **a,
		  struct range **b)
{
	if (!t) {
		*a = *b = NULL;
	} else if (t->start < at) {
		split(t->right, at, &t->right, b);
		*a = t;
		update(t);
	} else {
		split(t->left, at, a, &t->left);
		*b = t;
		update(t);
	}
}

/* One tree out of two, all of a lying below all of b. */
static struct range *merge(struct range *a, struct range *b)
{
	if (!a || !b)
		return a ? a : b;
	if (a->priority > b->priority) {
		a->right = merge(a->right, b);
		update(a);
		return a;
	}
	b->left = merge(a, b->left);
	update(b);
	return b;
}

struct range *range_after(const struct range_tree *t, uint64_t address)
{
	struct range *best = NULL;

	for (struct range *r = t->root; r;) {
		if (r->end > address) {
			best = r;
			r = r->left;
		} else {
			r = r->right;
		}
	}
	return best;
}

struct range *range_find(const struct range_tree *t, uint64_t address)
{
	struct range *r = range_after(t, address);

	return r && r->start <= address ? r : NULL;
}

/* Where an aligned block would start in the gap [from, to); 0: no room. */
static uint64_t fit(uint64_t from, uint64_t to, uint64_t size, uint64_t align)
{
	uint64_t at = (from + align - 1) & ~(align - 1);

	return at >= from && at <= to && to - at >= size ? at : 0;
}

/* The lowest fit inside r's extent. */
static uint64_t gap_in(const struct range *r, uint64_t size, uint64_t align)
{
	uint64_t at = 0;

	if (!r || r->gap < size)
		return 0;
	at = gap_in(r->left, size, align);
	if (!at && r->left)
		at = fit(r->left->high, r->start, size, align);
	if (!at && r->right)
		at = fit(r->end, r->right->low, size, align);
	if (!at)
		at = gap_in(r->right, size, align);
	return at;
}

uint64_t range_gap(const struct range_tree *t, uint64_t size, uint64_t align)
{
	uint64_t at;

	if (!t->root)
		return fit(t->start, t->end, size, align);
	at = fit(t->start, t->root->low, size, align);
	if (!at)
		at = gap_in(t->root, size, align);
	if (!at)
		at = fit(t->root->high, t->end, size, align);
	return at;
}

void range_insert(struct range_tree *t, struct range *r)
{
	struct range *a, *b;

	/* Knuth's 64-bit linear congruential generator. */
	t->seed = t->seed * 6364136223846793005u + 1442695040888963407u;
	r->priority = (uint32_t)(t->seed >> 32);
	r->left = r->right = NULL;
	update(r);
	split(t->root, r->start, &a, &b);
	t->root = merge(merge(a, r), b);
}

void range_remove(struct range_tree *t, struct range *r)
{
	struct range *a, *b, *c;

	split(t->root, r->start, &a, &b);
	split(b, r->start + 1, &b, &c); /* b: r alone */
	t->root = merge(a, c);
}

void range_cut(struct range_tree *t, struct range *r, struct range *upper,
	       uint64_t at)
{
	range_remove(t, r);
	*upper = (struct range){.start = at, .end = r->end, .prot = r->prot};
	r->end = at;
	range_insert(t, r);
	range_insert(t, upper);
}
