/* SPDX-License-Identifier: ISC */
/*
 * The 2-level event interface: 4096 ports as two bitmaps in the shared page,
 * and a selector word with one bit for each of their 64 words.
 *
 *     upcall_pending --> selector (64 bits) --> pending[64] & ~mask[64]
 *
 * Xen sets from right to left, we clear from left to right, so an event that
 * comes in between sets the left side again and is seen by the next call:
 *
 *     Xen                               we
 *     1 pending[w] |= bit               1 upcall_pending = 0
 *     2 selector |= 1 << w              2 s = exchange(selector, 0)
 *     3 upcall_pending = 1, interrupt   3 read pending[w], clear the bit
 *                                       4 call the handler
 *
 * The bit is cleared before the handler runs: a signal that arrives while the
 * handler works is a new event.
 *
 * Invariant: a bit that is pending and not masked is reachable from
 * upcall_pending, or is being served. Only bits that are set cost anything.
 */
#include "xen/evtchn.h"
#include "xen/shared.h"

#define WORDS 64
#define BITS  64

static struct shared_info *shared;
static struct vcpu_info *vcpu;
static unsigned int next; /* the word that comes first, for fairness */

static bool test(const xen_ulong_t *map, uint32_t port)
{
	xen_ulong_t w;

	SHARED_STEP();
	w = __atomic_load_n(&map[port / BITS], __ATOMIC_SEQ_CST);
	return w >> (port % BITS) & 1;
}

static void set(xen_ulong_t *map, uint32_t port)
{
	SHARED_STEP();
	__atomic_fetch_or(&map[port / BITS], 1ul << (port % BITS),
			  __ATOMIC_SEQ_CST);
}

static void clear(xen_ulong_t *map, uint32_t port)
{
	SHARED_STEP();
	__atomic_fetch_and(&map[port / BITS], ~(1ul << (port % BITS)),
			   __ATOMIC_SEQ_CST);
}

/* Have the words in `words` looked at by the next dispatch. */
static void raise(xen_ulong_t words)
{
	SHARED_STEP();
	__atomic_fetch_or(&vcpu->evtchn_pending_sel, words, __ATOMIC_SEQ_CST);
	SHARED_STEP();
	__atomic_store_n(&vcpu->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
}

static int prepare(uint32_t port)
{
	(void)port;
	return 0;
}

static void mask(uint32_t port)
{
	set(shared->evtchn_mask, port);
}

/*
 * Xen does not raise a masked port; what came while it was masked we raise
 * ourselves. No hypercall: before it sleeps the loop looks at upcall_pending.
 */
static void unmask(uint32_t port)
{
	clear(shared->evtchn_mask, port);
	if (test(shared->evtchn_pending, port))
		raise(1ul << (port / BITS));
}

static bool is_pending(uint32_t port)
{
	return test(shared->evtchn_pending, port);
}

/* Rotate x right by n (0..63). */
static xen_ulong_t rotate(xen_ulong_t x, unsigned int n)
{
	return x >> n | x << (-n & 63);
}

/* Deliver from one word; true when the budget ended with bits left. */
static bool dispatch_word(unsigned int w, unsigned int *n, unsigned int budget)
{
	xen_ulong_t bits;

	SHARED_STEP();
	bits = __atomic_load_n(&shared->evtchn_pending[w], __ATOMIC_SEQ_CST) &
	       ~__atomic_load_n(&shared->evtchn_mask[w], __ATOMIC_SEQ_CST);
	for (; bits; bits &= bits - 1) {
		uint32_t port = w * BITS + __builtin_ctzl(bits);

		if (*n == budget)
			return true;
		/* a handler before us may have masked it */
		if (test(shared->evtchn_mask, port))
			continue;
		clear(shared->evtchn_pending, port);
		evtchn_deliver(port);
		++*n;
	}
	return false;
}

static unsigned int dispatch(unsigned int budget)
{
	xen_ulong_t sel;
	unsigned int n = 0;

	SHARED_STEP();
	__atomic_store_n(&vcpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	SHARED_STEP();
	sel = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0,
				  __ATOMIC_SEQ_CST);
	for (sel = rotate(sel, next); sel;) {
		unsigned int skip = __builtin_ctzl(sel);

		sel = rotate(sel, skip);
		next = (next + skip) % WORDS;
		if (dispatch_word(next, &n, budget)) {
			raise(rotate(sel, -next & 63));
			break;
		}
		sel >>= 1;
		next = (next + 1) % WORDS;
	}
	return n;
}

const struct evtchn_abi evtchn_2l = {
	.ports = WORDS * BITS,
	.prepare = prepare,
	.mask = mask,
	.unmask = unmask,
	.is_pending = is_pending,
	.dispatch = dispatch,
};

void evtchn_2l_init(struct shared_info *s)
{
	shared = s;
	vcpu = &s->vcpu_info[0];
	next = 0;
	for (unsigned int i = 0; i < WORDS; i++)
		__atomic_store_n(&s->evtchn_mask[i], ~0ul, __ATOMIC_SEQ_CST);
}
