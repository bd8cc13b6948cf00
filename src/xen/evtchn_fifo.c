/* SPDX-License-Identifier: ISC */
/*
 * The FIFO event interface: up to 131072 ports, 16 priorities.
 *
 * Each port has a word, in pages that we add as ports are bound:
 *
 *     31 PENDING  30 MASKED  29 LINKED  28 BUSY     16..0 LINK (next port)
 *
 * and each priority a queue of linked words. The control block holds a bit per
 * queue that became non-empty (ready), and where each queue begins (head):
 *
 *     upcall_pending --> ready (16 bits) --> head[q] --> word --> word --> 0
 *
 * Xen appends, we take from the front. Taking means clearing LINKED and LINK
 * of a word in one atomic step: its old LINK is the next of the queue. When
 * that is 0 the queue was empty at that moment; Xen sees LINKED gone from its
 * tail, and then begins anew by writing head[q] and ready.
 *
 * Invariant: `more` and `first` describe queues that were begun and not ended
 * yet; they survive from one dispatch to the next when the budget ends.
 */
#include <errno.h>
#include <string.h>

#include <fata/page.h>
#include <xen/event_channel.h>

#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/shared.h"

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED  (1u << EVTCHN_FIFO_MASKED)
#define LINKED  (1u << EVTCHN_FIFO_LINKED)

#define PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define PAGES    (EVTCHN_FIFO_NR_CHANNELS / PER_PAGE)

static struct evtchn_fifo_control_block *control;
static struct vcpu_info *vcpu;
static event_word_t *array[PAGES];
static unsigned int pages;
static uint32_t more;                          /* queues that hold something */
static uint32_t first[EVTCHN_FIFO_MAX_QUEUES]; /* 0: read head[q] */

static event_word_t *word_of(uint32_t port)
{
	return &array[port / PER_PAGE][port % PER_PAGE];
}

static event_word_t load(const event_word_t *w)
{
	SHARED_STEP();
	return __atomic_load_n(w, __ATOMIC_SEQ_CST);
}

static bool exchange(event_word_t *w, event_word_t *old, event_word_t new)
{
	SHARED_STEP();
	return __atomic_compare_exchange_n(w, old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Tell Xen of array[n], all of whose ports are masked. */
static int add_page(unsigned int n)
{
	struct evtchn_expand_array op = {
		.array_gfn = (uintptr_t)array[n] >> PAGE_SHIFT,
	};

	return hypercall_event_channel_op(EVTCHNOP_expand_array, &op);
}

static int prepare(uint32_t port)
{
	while (port / PER_PAGE >= pages) {
		int rc;

		if (!array[pages])
			array[pages] = page_alloc(0);
		if (!array[pages])
			return -ENOMEM;
		for (unsigned int i = 0; i < PER_PAGE; i++)
			array[pages][i] = MASKED;
		rc = add_page(pages);
		if (rc)
			return rc;
		pages++;
	}
	return 0;
}

static void mask(uint32_t port)
{
	SHARED_STEP();
	if (port / PER_PAGE < pages)
		__atomic_fetch_or(word_of(port), MASKED, __ATOMIC_SEQ_CST);
}

/*
 * What is pending needs to be linked again, which is Xen's to do; so the mask
 * goes here only while nothing is pending.
 */
static void unmask(uint32_t port)
{
	struct evtchn_unmask op = {.port = port};
	event_word_t old = load(word_of(port));

	while (old & MASKED) {
		if (old & PENDING) {
			(void)hypercall_event_channel_op(EVTCHNOP_unmask, &op);
			return;
		}
		if (exchange(word_of(port), &old, old & ~MASKED))
			return;
	}
}

static bool is_pending(uint32_t port)
{
	return load(word_of(port)) & PENDING;
}

/* Take the word out of its queue; returns the next of the queue, or 0. */
static uint32_t unlink_word(event_word_t *w)
{
	event_word_t old = load(w);

	while (!exchange(w, &old, old & ~(LINKED | EVTCHN_FIFO_LINK_MASK)))
		;
	return old & EVTCHN_FIFO_LINK_MASK;
}

/* Take the first of queue q; true when an event was delivered. */
static bool take(unsigned int q)
{
	uint32_t port = first[q];
	event_word_t *w;

	SHARED_STEP();
	if (!port)
		port = __atomic_load_n(&control->head[q], __ATOMIC_ACQUIRE);
	if (port == 0 || port / PER_PAGE >= pages) {
		more &= ~(1u << q);
		first[q] = 0;
		return false;
	}
	w = word_of(port);
	first[q] = unlink_word(w);
	if (!first[q])
		more &= ~(1u << q);
	if ((load(w) & (PENDING | MASKED)) != PENDING)
		return false;
	SHARED_STEP();
	__atomic_fetch_and(w, ~PENDING, __ATOMIC_SEQ_CST);
	evtchn_deliver(port);
	return true;
}

static uint32_t take_ready(void)
{
	SHARED_STEP();
	return __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
}

/*
 * Xen puts a port into one queue at a time, so each step ends one link; words
 * that are taken but masked count against the budget too.
 */
static unsigned int dispatch(unsigned int budget)
{
	unsigned int n = 0;

	SHARED_STEP();
	__atomic_store_n(&vcpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	more |= take_ready();
	while (more && budget-- > 0) {
		n += take(__builtin_ctz(more));
		more |= take_ready();
	}
	if (more)
		__atomic_store_n(&vcpu->evtchn_upcall_pending, 1,
				 __ATOMIC_SEQ_CST);
	return n;
}

const struct evtchn_abi evtchn_fifo = {
	.ports = EVTCHN_FIFO_NR_CHANNELS,
	.prepare = prepare,
	.mask = mask,
	.unmask = unmask,
	.is_pending = is_pending,
	.dispatch = dispatch,
};

int evtchn_fifo_init(struct shared_info *shared)
{
	struct evtchn_init_control op = {.vcpu = 0};

	if (!control)
		control = page_alloc(0);
	if (!control)
		return -ENOMEM;
	memset(control, 0, sizeof(*control));
	memset(first, 0, sizeof(first));
	more = 0;
	pages = 0;
	vcpu = &shared->vcpu_info[0];
	op.control_gfn = (uintptr_t)control >> PAGE_SHIFT;
	return hypercall_event_channel_op(EVTCHNOP_init_control, &op);
}
