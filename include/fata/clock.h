/* SPDX-License-Identifier: ISC */
/*
 * The two clocks. Both are read from memory that Xen shares with the guest
 * (xen/include/public/xen.h: vcpu_time_info, wallclock), without a hypercall.
 */
#ifndef FATA_CLOCK_H
#define FATA_CLOCK_H

#include <fata/base.h>

FATA_BEGIN

/*
 * Nanoseconds since an arbitrary point before the program started. Never goes
 * back, not even over suspend, migration or a faulty time-stamp counter. Does
 * not block.
 */
uint64_t clock_mono_ns(void);

/*
 * Nanoseconds since 1970-01-01 00:00 UTC, leap seconds not counted. Follows
 * the host's clock: it is re-read at each call and may step. Valid past 2038.
 * Does not block.
 */
uint64_t clock_wall_ns(void);

/* The deadline that lies ns from now; FATA_FOREVER stays FATA_FOREVER. */
uint64_t clock_deadline(uint64_t ns);

FATA_END
#endif
