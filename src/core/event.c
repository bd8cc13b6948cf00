/* SPDX-License-Identifier: ISC */
/*
 * Events: counters with a list of waiters each.
 *
 * A waiter is on the stack of the task that waits (on the heap for a wait on
 * many). A signal takes all waiters out and wakes their tasks; the task then
 * compares counts again, so what woke it first does not matter:
 *
 *     1. the task finds no newer count, links its waiters, parks
 *     2. signal: count + 1, task ready       or  2. its deadline passes
 *     3. the deadline passes: no effect      or  3. signal: count + 1
 *     4. the task finds the count: success   and 4. likewise
 *
 * Only a cancellation is reported even when a count is newer; the count stays
 * newer for the next wait.
 *
 * Interface: fata/event.h.
 */
#include "core/event.h"
#include "core/task.h"

#include <errno.h>
#include <fata/event.h>
#include <fata/heap.h>

struct event_waiter {
	struct event_waiter *next, *prev;
	struct event *event; /* NULL: in no list */
	struct task *task;
};

/* Waits on up to this many events need no memory. */
#define FEW 8

static void link_waiter(struct event_waiter *w, struct event *e)
{
	w->event = e;
	w->task = task_self();
	w->next = NULL;
	w->prev = e->last;
	if (e->last)
		e->last->next = w;
	else
		e->first = w;
	e->last = w;
}

static void unlink_waiter(struct event_waiter *w)
{
	struct event *e = w->event;

	if (!e)
		return;
	if (w->prev)
		w->prev->next = w->next;
	else
		e->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		e->last = w->prev;
	w->event = NULL;
}

void event_signal(struct event *e)
{
	e->count++;
	while (e->first) {
		struct event_waiter *w = e->first;

		unlink_waiter(w);
		task_wake(w->task, 0);
	}
	for (struct event_watch *w = e->watches; w; w = w->next)
		w->fn(w);
}

void event_watch(struct event_watch *w, struct event *e,
		 void (*fn)(struct event_watch *w))
{
	*w = (struct event_watch){.event = e, .next = e->watches, .fn = fn};
	if (e->watches)
		e->watches->prev = w;
	e->watches = w;
}

void event_unwatch(struct event_watch *w)
{
	if (!w->event)
		return;
	if (w->prev)
		w->prev->next = w->next;
	else
		w->event->watches = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->event = NULL;
}

/* The first entry with a newer count, or -1. */
static int find_signalled(struct event_wait *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (w[i].event->count > w[i].seen) {
			w[i].seen = w[i].event->count;
			return (int)i;
		}
	}
	return -1;
}

static int wait_with(struct event_wait *w, struct event_waiter *waiters,
		     unsigned n, uint64_t deadline)
{
	int found, err;

	for (unsigned i = 0; i < n; i++)
		link_waiter(&waiters[i], w[i].event);
	err = task_park("event", deadline, true);
	for (unsigned i = 0; i < n; i++)
		unlink_waiter(&waiters[i]);
	if (err == -ECANCELED)
		return err;
	found = find_signalled(w, n);
	return found >= 0 ? found : err;
}

int event_wait_any(struct event_wait *w, unsigned n, uint64_t deadline)
{
	struct event_waiter few[FEW], *waiters = few;
	int result = task_check_cancel();

	if (result)
		return result;
	if (!n && deadline == FATA_FOREVER)
		return -EINVAL;
	result = find_signalled(w, n);
	if (result >= 0)
		return result;
	if (n > FEW) {
		waiters = heap_calloc(n, sizeof(*waiters));
		if (!waiters)
			return -ENOMEM;
	}
	result = wait_with(w, waiters, n, deadline);
	if (waiters != few)
		heap_free(waiters);
	return result;
}

int event_wait(struct event *e, uint64_t *seen, uint64_t deadline)
{
	struct event_waiter waiter;
	int err = task_check_cancel();

	if (err)
		return err;
	if (e->count <= *seen) {
		link_waiter(&waiter, e);
		err = task_park("event", deadline, true);
		unlink_waiter(&waiter);
		if (e->count <= *seen || err == -ECANCELED)
			return err;
	}
	*seen = e->count;
	return 0;
}
