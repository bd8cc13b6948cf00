/* SPDX-License-Identifier: ISC */
/*
 * The vCPU's one-shot timer, which ends a sleep.
 *
 * A hypercall sets it, and a program that answers packets sleeps thousands of
 * times a second, each time with a deadline that is later or the same. So the
 * timer is let stand when it comes early enough, and never stopped: at worst it
 * ends one sleep too early, which the loop takes for a wake-up without work.
 *
 *     sleep until      20       35       60       60     70
 *     the timer    set 20 .............. 20 ends one: set 70
 */
#ifndef FATA_XEN_VTIMER_H
#define FATA_XEN_VTIMER_H

#include <stdint.h>

/* Bind its event: at boot, and after a resume. 0 or a negative errno. */
int vtimer_init(void);

/*
 * Have an event by `deadline` of clock_mono_ns, or before. A deadline that has
 * passed raises it at once.
 */
void vtimer_wake_by(uint64_t deadline);

#endif
