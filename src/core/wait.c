/* SPDX-License-Identifier: ISC */
/* Queues of waiting tasks; see wait.h. */
#include "core/wait.h"

static void add(struct sync_queue *q, struct sync_waiter *w)
{
	w->queue = q;
	w->next = NULL;
	w->prev = q->last;
	if (q->last)
		q->last->next = w;
	else
		q->first = w;
	q->last = w;
}

static void take_out(struct sync_waiter *w)
{
	struct sync_queue *q = w->queue;

	if (!q)
		return;
	if (w->prev)
		w->prev->next = w->next;
	else
		q->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		q->last = w->prev;
	w->queue = NULL;
}

int wait_in(struct sync_queue *q, void *message, const char *what,
	    uint64_t deadline, bool cancellable)
{
	struct sync_waiter w = {.task = task_self(), .message = message};
	int result;

	add(q, &w);
	result = task_park(what, deadline, cancellable);
	take_out(&w);
	return result;
}

struct sync_waiter *wait_wake_first(struct sync_queue *q, int result)
{
	while (q->first) {
		struct sync_waiter *w = q->first;

		take_out(w);
		if (task_wake(w->task, result))
			return w;
	}
	return NULL;
}
