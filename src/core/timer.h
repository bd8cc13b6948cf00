/* SPDX-License-Identifier: ISC */
/* What the loop asks of the timers; the public side is fata/timer.h. */
#ifndef FATA_CORE_TIMER_H
#define FATA_CORE_TIMER_H

#include <fata/timer.h>

/*
 * The earliest deadline, or FATA_FOREVER. Where very many timers are near each
 * other it may be a moment before that: a run then sorts them. O(1).
 */
uint64_t timer_next(void);

/*
 * Call what is due at `now`, which never goes back, and was armed before this
 * call; a callback that arms its timer for a moment that has passed is called
 * by the next run, so that one run always ends. Returns how many were called.
 */
unsigned timer_run(uint64_t now);

#endif
