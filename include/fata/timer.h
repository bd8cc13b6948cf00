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

/* All fields are private. Zero-initialised memory is an idle timer. */
struct timer {
	uint64_t deadline, order;
	void (*fn)(void *arg);
	void *arg;
	struct timer *child, *next, *prev;
	bool armed;
};

/*
 * Call fn(arg) from the loop once the deadline has passed: never early, timers
 * of equal deadlines in the order of arming. An armed timer is moved. fn may
 * arm and cancel any timer, must not block, and may free *t. Does not block.
 */
void timer_set(struct timer *t, uint64_t deadline, void (*fn)(void *arg),
	       void *arg);

/* Disarm. Returns true when it was armed, that is, fn will not be called. */
bool timer_cancel(struct timer *t);

FATA_END
#endif
