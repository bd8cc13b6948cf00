/* SPDX-License-Identifier: ISC */
/*
 * Timers in a pairing heap: arming is O(1), taking one out O(log n) amortised,
 * with all links inside the caller's struct timer.
 *
 *     root              `child` is the first child, `next` the right sibling,
 *      |                `prev` the left sibling, or for a first child its
 *      a - b - c        parent.
 *          |
 *          d - e        A parent is never later than its children.
 *
 * Interface: equal deadlines are told apart by `order`, a counter of armings,
 * so the heap's order is total and first armed is first called. Nothing here
 * recurses: a heap of a million timers can be a list a million deep.
 */
#include "core/timer.h"

static struct timer *root;
static uint64_t armings; /* the next `order` */
static uint64_t running; /* the `now` of the run that is on, else 0 */

static bool earlier(const struct timer *a, const struct timer *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	return a->order < b->order;
}

/* Both are roots without siblings; the later becomes the other's child. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *swap;

	if (!a || !b)
		return a ? a : b;
	if (earlier(b, a)) {
		swap = a;
		a = b;
		b = swap;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	return a;
}

/* Take a node that has no siblings any more out of its list. */
static struct timer *detach(struct timer *t)
{
	t->next = t->prev = NULL;
	return t;
}

/*
 * One heap out of a list of siblings: meld them two by two from the left,
 * keeping the pairs on a stack linked by `next`, then meld the stack.
 */
static struct timer *meld_all(struct timer *list)
{
	struct timer *pairs = NULL, *heap = NULL;

	while (list) {
		struct timer *a = list, *b = a->next;

		list = b ? b->next : NULL;
		a = detach(a);
		if (b)
			a = meld(a, detach(b));
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct timer *pair = pairs;

		pairs = pair->next;
		heap = meld(heap, detach(pair));
	}
	return heap;
}

static void take_out(struct timer *t)
{
	struct timer *below = meld_all(t->child);

	t->child = NULL;
	t->armed = false;
	if (t == root) {
		root = below;
		return;
	}
	if (t->prev->child == t)
		t->prev->child = t->next;
	else
		t->prev->next = t->next;
	if (t->next)
		t->next->prev = t->prev;
	detach(t);
	root = meld(root, below);
}

void timer_set(struct timer *t, uint64_t deadline, void (*fn)(void *arg),
	       void *arg)
{
	if (t->armed)
		take_out(t);
	/* Behind all that this run has still to call; see timer_run. */
	if (deadline < running)
		deadline = running;
	t->deadline = deadline;
	t->order = armings++;
	t->fn = fn;
	t->arg = arg;
	t->child = NULL;
	t->armed = true;
	root = meld(root, detach(t));
}

bool timer_cancel(struct timer *t)
{
	if (!t->armed)
		return false;
	take_out(t);
	return true;
}

uint64_t timer_next(void)
{
	return root ? root->deadline : FATA_FOREVER;
}

unsigned timer_run(uint64_t now)
{
	uint64_t end = armings;
	unsigned calls = 0;

	running = now;
	while (root && root->deadline <= now && root->order < end) {
		struct timer *t = root;

		take_out(t);
		t->fn(t->arg);
		calls++;
	}
	running = 0;
	return calls;
}
