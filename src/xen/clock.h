/* SPDX-License-Identifier: ISC */
/*
 * The clocks on Xen (fata/clock.h), read from shared pages.
 */
#ifndef FATA_XEN_CLOCK_H
#define FATA_XEN_CLOCK_H

#include <stdint.h>
#include <xen/xen.h>

/* Use this page from now on: at boot, and after a resume. */
void clock_init(struct shared_info *s);

/* The monotonic time of a time-stamp counter value taken since boot. */
uint64_t clock_from_tsc(uint64_t tsc);

/*
 * Xen's system time for a deadline of clock_mono_ns, for hypercalls that take
 * one: the two differ after a migration.
 */
uint64_t clock_to_system_time(uint64_t mono);

#endif
