/* SPDX-License-Identifier: ISC */
/*
 * Queues of tasks that wait to be handed something: a mutex, a message.
 *
 * The waiter lies on the stack of the waiting task. A task that was woken by
 * its deadline or a cancellation stays in the queue until it runs again; it is
 * passed over, so that nothing is handed to who no longer waits for it.
 */
#ifndef FATA_CORE_WAIT_H
#define FATA_CORE_WAIT_H

#include "core/task.h"

#include <fata/sync.h>

struct sync_waiter {
	struct sync_waiter *next, *prev;
	struct sync_queue *queue; /* NULL: in none */
	struct task *task;
	void *message; /* channels: where to copy it from or to */
};

/* Park the calling task in q; returns as task_park does, out of q again. */
int wait_in(struct sync_queue *q, void *message, const char *what,
	    uint64_t deadline, bool cancellable);

/* Wake the first that still waits; returns its waiter, or NULL. */
struct sync_waiter *wait_wake_first(struct sync_queue *q, int result);

#endif
