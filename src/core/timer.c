/* SPDX-License-Identifier: ISC */
/*
 * Timers in wheels. A deadline is a number of 64 bits; taken six bits at a time
 * it has eleven digits, and there is a wheel of 64 slots for each digit. `base`
 * is the moment up to which everything has been called. A timer lies in the
 * wheel of the highest digit in which its deadline differs from base, in the
 * slot of its own digit there:
 *
 *     base      3 . 17 .  9 .  2
 *     deadline  3 . 17 . 40 .  5       -> wheel 1, slot 40
 *     deadline  3 . 17 .  9 . 60       -> wheel 0, slot 60
 *
 * All that is in wheel n is thus earlier than all in wheel n + 1, and the first
 * timer is in the lowest wheel that is not empty, in its first used slot. When
 * base comes to the beginning of a slot, the slot's timers are dealt out to the
 * wheels below. So arming and cancelling are O(1), and each timer is moved at
 * most ten times, in practice two or three times, before it is called. (A heap
 * needs some twenty steps to take one out of a million, each at another place
 * of memory.)
 *
 * Interface: core/timer.h. Lists are rings that begin at their slot, made when
 * the slot's bit in `used` is set. Timers of equal deadlines are always in the
 * same slot and lists are only appended to, so they stay in order of arming.
 */
#include "core/timer.h"

#define BITS   6
#define SLOTS  (1u << BITS)
#define WHEELS ((64 + BITS - 1) / BITS)
#define SCAN   16 /* timers looked at for the exact first deadline */

static struct timer_link wheel[WHEELS][SLOTS];
static uint64_t used[WHEELS]; /* a bit for each slot that is not empty */
static unsigned used_wheels;
static uint64_t base;

static bool running;
static uint64_t run_now; /* while running: its `now` */
/* Armed by a callback for a moment that has passed: for the next run. */
static struct timer_link late = {&late, &late};

static uint64_t first = FATA_FOREVER; /* what timer_next returns */
static bool first_unknown;

static struct timer *timer_of(struct timer_link *l)
{
	return (struct timer *)(void *)((char *)l -
					offsetof(struct timer, link));
}

static void append(struct timer_link *head, struct timer_link *l)
{
	l->next = head;
	l->prev = head->prev;
	head->prev->next = l;
	head->prev = l;
}

static void place(struct timer *t)
{
	uint64_t d = t->deadline > base ? t->deadline : base;
	unsigned n =
		d == base ? 0
			  : (63 - (unsigned)__builtin_clzll(d ^ base)) / BITS;
	unsigned slot = d >> (n * BITS) & (SLOTS - 1);
	struct timer_link *head = &wheel[n][slot];

	if (!(used[n] >> slot & 1)) {
		head->next = head->prev = head;
		used[n] |= 1ull << slot;
		used_wheels |= 1u << n;
	}
	append(head, &t->link);
}

static void mark_empty(unsigned n, unsigned slot)
{
	used[n] &= ~(1ull << slot);
	if (!used[n])
		used_wheels &= ~(1u << n);
}

static void take_out(struct timer *t)
{
	struct timer_link *next = t->link.next;
	size_t at = (size_t)(next - &wheel[0][0]);

	next->prev = t->link.prev;
	t->link.prev->next = next;
	t->link.next = NULL;
	/* the ring is the slot alone now (it may be `late` instead) */
	if (next->next == next && next != &late)
		mark_empty((unsigned)(at / SLOTS), at % SLOTS);
}

void timer_set(struct timer *t, uint64_t deadline, void (*fn)(void *arg),
	       void *arg)
{
	timer_cancel(t);
	t->deadline = deadline;
	t->fn = fn;
	t->arg = arg;
	if (running && deadline <= run_now)
		append(&late, &t->link);
	else
		place(t);
	if (deadline < first)
		first = deadline;
}

bool timer_cancel(struct timer *t)
{
	if (!t->link.next)
		return false;
	take_out(t);
	if (t->deadline <= first)
		first_unknown = true;
	return true;
}

/* The first slot that is used; false when there is none. */
static bool first_slot(unsigned *n, unsigned *slot, uint64_t *begin)
{
	unsigned shift;

	if (!used_wheels)
		return false;
	*n = (unsigned)__builtin_ctz(used_wheels);
	*slot = (unsigned)__builtin_ctzll(used[*n]);
	shift = (*n + 1) * BITS;
	*begin = shift < 64 ? base >> shift << shift : 0;
	*begin |= (uint64_t)*slot << (*n * BITS);
	return true;
}

static uint64_t find_first(void)
{
	uint64_t begin, best = FATA_FOREVER;
	struct timer_link *head, *l;
	unsigned n, slot, seen = 0;

	if (!first_slot(&n, &slot, &begin))
		return FATA_FOREVER;
	head = &wheel[n][slot];
	for (l = head->next; l != head; l = l->next) {
		if (++seen > SCAN)
			return begin;
		if (timer_of(l)->deadline < best)
			best = timer_of(l)->deadline;
	}
	return best;
}

uint64_t timer_next(void)
{
	if (first_unknown)
		first = find_first();
	first_unknown = false;
	return first;
}

static void call(struct timer *t)
{
	take_out(t);
	t->fn(t->arg);
}

/* Base has come to this slot: its timers belong into lower wheels now. */
static void deal_out(unsigned n, unsigned slot)
{
	struct timer_link *head = &wheel[n][slot], *l = head->next, *next;

	mark_empty(n, slot);
	for (; l != head; l = next) {
		next = l->next;
		place(timer_of(l));
	}
}

static void run_until(uint64_t now, unsigned *calls)
{
	unsigned n, slot;
	uint64_t begin;

	while (first_slot(&n, &slot, &begin) && begin <= now) {
		struct timer_link *head = &wheel[n][slot], *l = head->next;
		bool alone = l->next == head;

		if (begin > base)
			base = begin;
		if (n && !(alone && timer_of(l)->deadline <= now)) {
			deal_out(n, slot);
			continue;
		}
		call(timer_of(l));
		++*calls;
	}
}

unsigned timer_run(uint64_t now)
{
	struct timer_link *l;
	unsigned calls = 0;

	running = true;
	run_now = now;
	run_until(now, &calls);
	running = false;
	if (now > base)
		base = now;
	while ((l = late.next) != &late) {
		take_out(timer_of(l));
		place(timer_of(l));
	}
	first_unknown = true;
	return calls;
}
