/* SPDX-License-Identifier: ISC */
/*
 * Timers: callbacks at a point on the monotonic clock. The timer is the
 * caller's memory, so arming one never allocates and never fails; a million
 * of them are fine.
 */
#ifndef FATA_TIMER_H
#define FATA_TIMER_H

#include <fata/base.h>

FATA_BEGIN

/* Private: a timer's place in its list. */
struct timer_link {
	struct timer_link *next, *prev;
};

/* All fields are private. Zero-initialised memory is an idle timer. */
struct timer {
	struct timer_link link; /* next is NULL while idle */
	uint64_t deadline;
	void (*fn)(void *arg);
	void *arg;
};

/*
 * Call fn(arg) from the loop once the deadline has passed: never early, timers
 * in the order of their deadlines, those of equal deadlines, and those armed
 * for a moment that has passed, in the order of arming. An armed timer is
 * moved. fn may arm and cancel any timer, must not block, and may free *t.
 * O(1). Does not block.
 */
void timer_set(struct timer *t, uint64_t deadline, void (*fn)(void *arg),
	       void *arg);

/* Disarm. Returns true when it was armed, that is, fn will not be called. */
bool timer_cancel(struct timer *t);

FATA_END
#endif
