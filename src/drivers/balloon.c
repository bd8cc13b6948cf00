/* SPDX-License-Identifier: ISC */
/*
 * The balloon; see fata/xen/balloon.h.
 *
 * What it holds is a stack of chunks, each a block of the page allocator of
 * 2^order pages, at most 2 MiB, since Xen backs whole 2 MiB best. The stack is
 * a chain of books, which are ordinary heap memory: nothing can be written
 * into a page that is not there.
 *
 *     books -> [chunk chunk chunk ... ] -> [ ... ]
 *                             ^ top: `done` of its pages are back already,
 *                               but it can only be freed as a whole
 *
 * wanted = static-max - target, as Linux counts it. What cannot be done now
 * (no free page, Xen has none) is tried again with growing pauses.
 *
 * Source: xen/include/public/memory.h: XENMEM_decrease_reservation and
 * XENMEM_populate_physmap return how many extents they have done.
 */
#include "drivers/balloon.h"

#include <errno.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/metrics.h>
#include <fata/page.h>
#include <fata/param.h>
#include <fata/task.h>
#include <fata/xen/xs.h>
#include <xen/xen.h>
#include <xen/memory.h>
#include "core/boot.h"
#include "core/page.h"
#include "xen/hypercall.h"

FATA_LOG_SOURCE("balloon");

#define ORDER_MAX    9 /* 2 MiB */
#define BATCH        512
#define BOOK         509
#define CALL_NS      (10 * FATA_NS_PER_S)
#define RETRY_MIN_NS FATA_NS_PER_S
#define RETRY_MAX_NS (32 * FATA_NS_PER_S)
/* Pages that are in current_reservation but not RAM: rings and the like. */
#define SPECIAL 64

static uint64_t reserve = 4 << 20;
FATA_PARAM_SIZE(reserve, "balloon-reserve", "4M",
		"free memory that the balloon leaves to the program");

struct book {
	struct book *below;
	unsigned int used;
	struct chunk {
		uint64_t frame : 58, order : 6;
	} chunk[BOOK];
};

static struct {
	struct book *top;
	size_t done;  /* pages of the top chunk that are populated */
	size_t slack; /* this many too many are right as well */
	struct balloon_stat stat;
	struct event changed;
} b;

/* Have Xen take or bring n extents from `frame` on: how many it did. */
static size_t ask(unsigned int cmd, uint64_t frame, unsigned int order,
		  size_t n)
{
	static xen_pfn_t frames[BATCH];
	struct xen_memory_reservation r = {
		.nr_extents = n,
		.extent_order = order,
		.domid = DOMID_SELF,
	};
	size_t i;
	long rc;

	for (i = 0; i < n; i++)
		frames[i] = frame + (i << order);
	set_xen_guest_handle(r.extent_start, frames);
	rc = hypercall_memory_op(cmd, &r);
	return rc < 0 ? 0 : rc;
}

/* The same for pages, in one extent if Xen likes that: pages done. */
static size_t ask_pages(unsigned int cmd, uint64_t frame, size_t n,
			unsigned int order)
{
	if (order && n == (size_t)1 << order && ask(cmd, frame, order, 1) == 1)
		return n;
	return ask(cmd, frame, 0, n);
}

static struct chunk *top(void)
{
	return &b.top->chunk[b.top->used - 1];
}

/* Room for one more chunk: 0 or -ENOMEM. */
static int make_room(void)
{
	struct book *book;

	if (b.top && b.top->used < BOOK)
		return 0;
	book = heap_calloc(1, sizeof(*book));
	if (!book)
		return -ENOMEM;
	book->below = b.top;
	b.top = book;
	return 0;
}

/* An empty book on top is not kept: top() relies on that. */
static void drop_empty(void)
{
	struct book *book = b.top;

	if (!book || book->used)
		return;
	b.top = book->below;
	heap_free(book);
}

static void account(ssize_t held)
{
	b.stat.held += held;
	if (held > 0)
		b.stat.taken += held;
	else
		b.stat.returned -= held;
	if (b.stat.held > b.stat.largest)
		b.stat.largest = b.stat.held;
	event_signal(&b.changed);
}

/* --- taking ------------------------------------------------------- */

/* A block of at most n pages that leaves the reserve alone; its order. */
static void *find_block(size_t n, unsigned int *order)
{
	struct page_stat s;
	size_t spare = reserve >> PAGE_SHIFT;
	void *p = NULL;

	page_stat(&s);
	spare = s.free > spare ? s.free - spare : 0;
	if (n > spare)
		n = spare;
	for (*order = ORDER_MAX + 1; !p && *order > 0;) {
		--*order;
		if ((size_t)1 << *order <= n)
			p = page_alloc_raw(*order);
	}
	return p;
}

/* Take back pages of a top chunk that is half returned. */
static size_t take_from_top(size_t n)
{
	if (n > b.done)
		n = b.done;
	n = ask(XENMEM_decrease_reservation, top()->frame + b.done - n, 0, n);
	b.done -= n;
	account(n);
	return n;
}

/* Give at most n pages to Xen: how many, 0 for none. */
static size_t take(size_t n)
{
	unsigned int order;
	size_t got;
	void *p;

	if (b.done)
		return take_from_top(n);
	p = make_room() ? NULL : find_block(n, &order);
	if (!p) {
		b.stat.short_of++;
		drop_empty();
		return 0;
	}
	n = (size_t)1 << order;
	got = ask_pages(XENMEM_decrease_reservation, (uintptr_t)p >> PAGE_SHIFT,
			n, order);
	if (got == 0) {
		page_free(p, order);
		drop_empty();
		return 0;
	}
	b.top->chunk[b.top->used++] = (struct chunk){
		.frame = (uintptr_t)p >> PAGE_SHIFT, .order = order};
	account(n);
	/* Xen has stopped in the middle: its last pages never left. */
	if (got < n)
		log_error("only %zu of %zu pages at %p could be given", got, n,
			  p);
	return n;
}

/* --- returning ---------------------------------------------------- */

/* Get at most n pages back: how many, 0 for none. */
static size_t give(size_t n)
{
	struct chunk *c = top();
	size_t size = (size_t)1 << c->order, got;

	if (n > size - b.done)
		n = size - b.done;
	got = ask_pages(XENMEM_populate_physmap, c->frame + b.done, n,
			b.done ? 0 : c->order);
	if (got == 0)
		b.stat.refused++;
	b.done += got;
	account(-(ssize_t)got);
	if (b.done == size) {
		page_free((void *)(uintptr_t)(c->frame << PAGE_SHIFT),
			  c->order);
		b.top->used--;
		b.done = 0;
		drop_empty();
	}
	return got;
}

/* --- following --------------------------------------------------------- */

/* Come as near as possible to what is wanted: are we there? */
static bool adjust(void)
{
	size_t n;

	do {
		if (b.stat.held >= b.stat.wanted &&
		    b.stat.held - b.stat.wanted <= b.slack)
			return true;
		n = b.stat.held < b.stat.wanted
			    ? take(b.stat.wanted - b.stat.held)
			    : give(b.stat.held - b.stat.wanted);
		fata_yield();
	} while (n);
	return false;
}

static int read_wanted(void)
{
	uint64_t most, target, deadline = clock_deadline(CALL_NS);
	int err = xs_read_u64(NULL, "memory/static-max", UINT32_MAX, &most,
			      deadline);

	if (err == 0)
		err = xs_read_u64(NULL, "memory/target", UINT64_MAX, &target,
				  deadline);
	if (err)
		return err;
	/* Both in KiB. More than there can ever be means all of it. */
	b.stat.wanted = target < most ? (most - target) / 4 : 0;
	event_signal(&b.changed);
	return 0;
}

/* What stands there may be right, only we could not read it. */
static bool passing(int err)
{
	return err && err != -ENOENT && err != -EINVAL && err != -ERANGE &&
	       err != -EIO;
}

static void touched(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

static int follow(void *arg)
{
	uint64_t seen, again, pause = RETRY_MIN_NS;
	struct xs_watch *w;
	int err;

	(void)arg;
	/* Without memory for it now there may be some later. */
	while ((err = xs_watch(&w, "memory/target", touched, NULL,
			       FATA_FOREVER)) &&
	       passing(err))
		fata_sleep(pause);
	if (err)
		return err;
	for (;;) {
		seen = event_count(xs_watch_event(w));
		err = read_wanted();
		if (err && err != -ENOENT)
			log_warn("memory/target: error %d", err);
		again = FATA_FOREVER;
		if (!adjust() || passing(err)) {
			again = clock_deadline(pause);
			pause = pause < RETRY_MAX_NS ? pause * 2 : pause;
		} else {
			pause = RETRY_MIN_NS;
		}
		event_wait(xs_watch_event(w), &seen, again);
	}
}

/*
 * Addresses without memory, which only the hypervisor knows of this early: RAM
 * by the map, less what the domain has.
 */
static size_t missing_pages(void)
{
	struct xen_memory_domain self = {.domid = DOMID_SELF};
	long has = hypercall_memory_op(XENMEM_current_reservation, &self);
	uint64_t ram = 0;
	unsigned int i;

	for (i = 0; i < boot_info.ram.n; i++)
		ram += boot_info.ram.r[i].end - boot_info.ram.r[i].start;
	ram >>= PAGE_SHIFT;
	if (has <= 0 || ram <= (uint64_t)has)
		return 0;
	return ram - has + SPECIAL;
}

int balloon_start(void)
{
	const struct task_attr attr = {.name = "balloon"};
	size_t missing = missing_pages();

	if (missing) {
		b.stat.wanted = missing;
		if (!adjust())
			log_error("%zu pages of memory are missing, only %zu "
				  "could be left out",
				  missing, b.stat.held);
		/* The toolstack counts without them. */
		b.slack = 2 * SPECIAL;
	}
	return fata_task_spawn(NULL, &attr, follow, NULL);
}

void balloon_stat(struct balloon_stat *s)
{
	*s = b.stat;
}

struct event *balloon_changed(void)
{
	return &b.changed;
}

FATA_METRIC_GAUGE(b.stat.held, "balloon.pages");
