/* SPDX-License-Identifier: ISC */
/*
 * Events: counters that tasks wait on without ever losing a signal.
 *
 * An event only counts up. A waiter names the count that it has already seen
 * and returns at once when there has been a later signal:
 *
 *     uint64_t seen = event_count(&e);
 *     while (!condition())
 *             event_wait(&e, &seen, FATA_FOREVER);
 *
 * A signal between the check and the wait makes the wait return at once. This
 * is the origin's `activations.after`; it is also the one thing that all other
 * objects (channels, consoles, sockets, ports) expose to be waited on, so that
 * event_wait_any can wait on many of any kind.
 */
#ifndef FATA_EVENT_H
#define FATA_EVENT_H

#include <fata/base.h>

FATA_BEGIN

/* Private: a task that waits, and a function that is told. */
struct event_waiter;
struct event_watch;

/* All fields are private. Zero-initialised memory is a valid event. */
struct event {
	uint64_t count;
	struct event_waiter *first, *last;
	struct event_watch *watches;
};

/* How many times the event has been signalled. */
static inline uint64_t event_count(const struct event *e)
{
	return e->count;
}

/*
 * Count one signal and make every waiter ready. May be called from tasks,
 * hooks and callbacks. Does not switch tasks.
 */
void event_signal(struct event *e);

/*
 * Wait for a signal later than *seen; on success *seen is the new count.
 * Returns 0, -ETIMEDOUT, or -ECANCELED when the task is cancelled. Can block.
 * The event must stay in place while tasks wait on it.
 */
int event_wait(struct event *e, uint64_t *seen, uint64_t deadline);

/* One of several events to wait for. */
struct event_wait {
	struct event *event;
	uint64_t seen; /* in: count seen so far; out: the new count */
};

/*
 * Wait until at least one of n events has a signal later than its `seen`.
 * Returns the index of the first such entry, whose `seen` is updated (the
 * others are left, so that their signals are reported by the next call),
 * -ETIMEDOUT, -ECANCELED, -EINVAL for n == 0 with FATA_FOREVER, or -ENOMEM
 * for a large n. Can block.
 */
int event_wait_any(struct event_wait *w, unsigned n, uint64_t deadline);

FATA_END
#endif
