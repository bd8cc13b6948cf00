/* SPDX-License-Identifier: ISC */
/*
 * Exported grants: references, from the first to the last that the host
 * allows, and what they grant. The table's memory is gnttab_table.c, what
 * peers do not let go of is in gnttab_quarantine.c.
 *
 * Invariants: a free reference grants nothing. While anybody waits for
 * references, those that come free go to the first who waits, so nobody is
 * overtaken; a large request is not starved by small ones.
 */
#include <errno.h>

#include <fata/clock.h>
#include <fata/event.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/task.h>
#include <fata/trace.h>
#include <xen/grant_table.h>

#include "core/assert.h"
#include "xen/gnttab.h"

FATA_LOG_SOURCE("gnttab");

/* One who waits; on the stack of its task. */
struct waiter {
	struct waiter *next;
	uint32_t *refs;
	unsigned int n;
	struct event event; /* signalled when refs[] is filled */
};

static const struct gnttab_format *format;
static unsigned int frames, max_frames;

/*
 * The free references: a stack. It has room for all that the table holds, so
 * that freeing never allocates.
 */
static uint32_t *stack;
static unsigned int stacked;

static struct waiter *first, **last = &first;
static unsigned int waiting;

int gnttab_start(void)
{
	int error;

	if (format)
		return 0;
	format = gnttab_table_init(&max_frames, &error);
	return format ? 0 : error;
}

static unsigned int total(void)
{
	return frames * format->per_frame;
}

static unsigned int limit(void)
{
	return max_frames * format->per_frame - GNTTAB_NR_RESERVED_ENTRIES;
}

/* Add one frame of references, the lowest to be used first. */
static int grow(void)
{
	unsigned int per = format->per_frame, ref = total() + per;
	uint32_t *s;
	int rc;

	if (frames == max_frames)
		return -ENOSPC;
	s = heap_realloc(stack, (size_t)ref * sizeof(*s));
	if (!s)
		return -ENOMEM;
	stack = s;
	rc = gnttab_table_grow(frames);
	if (rc)
		return rc;
	frames++;
	while (ref-- > total() - per && ref >= GNTTAB_NR_RESERVED_ENTRIES)
		stack[stacked++] = ref;
	return 0;
}

static void take(uint32_t *refs, unsigned int n)
{
	while (n-- > 0)
		*refs++ = stack[--stacked];
}

/* Remove w from the queue; false when it is not in it. */
static bool unqueue(struct waiter *w)
{
	struct waiter **p;

	for (p = &first; *p; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (!*p)
			last = p;
		waiting--;
		return true;
	}
	return false;
}

/* Serve from the front of the queue for as long as there is enough. */
static void serve(void)
{
	while (first && first->n <= stacked) {
		struct waiter *w = first;

		unqueue(w);
		take(w->refs, w->n);
		event_signal(&w->event);
	}
}

static int wait_for(uint32_t *refs, unsigned int n, uint64_t deadline)
{
	struct waiter w = {.refs = refs, .n = n};
	uint64_t seen = 0;
	int rc;

	*last = &w;
	last = &w.next;
	waiting++;
	gnttab_quarantine_kick();
	rc = event_wait(&w.event, &seen, deadline);
	if (unqueue(&w)) {
		/* Those behind may want fewer. */
		serve();
		return rc;
	}
	/* Filled; but a cancellation is told only once. */
	if (rc == -ECANCELED)
		while (n-- > 0)
			gnttab_free(refs[n]);
	return rc == -ECANCELED ? rc : 0;
}

int gnttab_alloc(uint32_t *refs, unsigned int n, uint64_t deadline)
{
	int rc = gnttab_start();

	if (rc)
		return rc;
	if (n > limit())
		return -ENOSPC;
	while (stacked < n && !first && rc == 0)
		rc = grow();
	if (stacked >= n && !first) {
		take(refs, n);
		return 0;
	}
	if (rc && rc != -ENOSPC)
		return rc;
	return deadline ? wait_for(refs, n, deadline) : -ENOSPC;
}

static bool valid(uint32_t ref)
{
	return format && ref >= GNTTAB_NR_RESERVED_ENTRIES && ref < total();
}

void gnttab_free(uint32_t ref)
{
	ASSERT(valid(ref) && stacked < total() && !format->active(ref));
	stack[stacked++] = ref;
	serve();
}

int gnttab_grant_access(uint32_t ref, uint16_t peer, const void *page,
			bool writable)
{
	uintptr_t address = (uintptr_t)page;

	if (!valid(ref) || address % PAGE_SIZE)
		return -EINVAL;
	if (format->active(ref))
		return -EBUSY;
	format->grant(ref, peer, address >> PAGE_SHIFT, writable);
	trace(TRACE_GRANT, ref, peer);
	return 0;
}

bool gnttab_try_end(uint32_t ref)
{
	ASSERT(valid(ref));
	if (!format->end(ref))
		return false;
	trace(TRACE_GRANT_END, ref, 0);
	return true;
}

int gnttab_end_access(uint32_t ref)
{
	return gnttab_try_end(ref) ? 0 : -EBUSY;
}

int gnttab_backoff(unsigned int attempt, uint64_t deadline)
{
	uint64_t now = clock_mono_ns();
	uint64_t pause = FATA_NS_PER_MS << (attempt < 8 ? attempt : 8);

	if (now >= deadline)
		return -EAGAIN;
	if (pause > deadline - now)
		pause = deadline - now;
	return fata_sleep_until(now + pause);
}

int gnttab_end_access_wait(uint32_t ref, uint64_t deadline)
{
	int rc = gnttab_end_access(ref);

	for (unsigned int i = 0; rc == -EBUSY; i++) {
		int slept = gnttab_backoff(i, deadline);

		if (slept)
			return slept == -EAGAIN ? -EBUSY : slept;
		rc = gnttab_end_access(ref);
	}
	return rc;
}

int gnttab_share(uint32_t *ref, uint16_t peer, const void *page, bool writable,
		 uint64_t deadline)
{
	int rc;

	if ((uintptr_t)page % PAGE_SIZE)
		return -EINVAL;
	rc = gnttab_alloc(ref, 1, deadline);
	return rc ? rc : gnttab_grant_access(*ref, peer, page, writable);
}

int gnttab_resume(void)
{
	int rc = format ? gnttab_table_resume(frames) : 0;

	if (rc)
		log_error("the grant table is not back: error %d", -rc);
	gntmap_resume();
	gnttab_quarantine_kick();
	return rc;
}

void gnttab_stat(struct gnttab_stat *s)
{
	*s = (struct gnttab_stat){.waiting = waiting};
	s->mapped = gnttab_mapped();
	gnttab_quarantine_stat(&s->quarantine, &s->pages);
	if (!format)
		return;
	s->version = format->version;
	s->max = limit();
	s->total = frames ? total() - GNTTAB_NR_RESERVED_ENTRIES : 0;
	s->free = stacked;
}
