/* SPDX-License-Identifier: ISC */
/*
 * Linux's ways to say a time, in terms of the monotonic clock.
 */
#ifndef FATA_LIBC_CLOCK_H
#define FATA_LIBC_CLOCK_H

#include <fata/clock.h>
#include <stdbool.h>
#include <sys/time.h>
#include <time.h>

/* The current time of a clock in ns. 0, or -EINVAL for a clock we lack. */
int clock_read(int clock, uint64_t *ns);

/*
 * The deadline of a time that is given from now, or as a point of this clock.
 * 0, -EFAULT or -EINVAL.
 */
int clock_deadline_of(int clock, bool absolute, const struct timespec *time,
		      uint64_t *deadline);

/* Nanoseconds of a valid timespec, at most FATA_FOREVER - 1; -EINVAL. */
int clock_ns(const struct timespec *time, uint64_t *ns);

struct timespec clock_timespec(uint64_t ns);
struct timeval clock_timeval(uint64_t ns);

#endif
