/* SPDX-License-Identifier: ISC */
/*
 * The clocks of a Linux process, and the manual clock of tests (unix.h).
 *
 * Interface: fata/clock.h.
 */
#include "unix/unix.h"

#include <fata/clock.h>
#include <time.h>

static bool manual;
static uint64_t manual_now;

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * FATA_NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
	return manual ? manual_now : read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_deadline(uint64_t ns)
{
	uint64_t now = clock_mono_ns();

	return ns < FATA_FOREVER - now ? now + ns : FATA_FOREVER;
}

void unix_clock_manual(uint64_t now)
{
	manual = true;
	manual_now = now;
}

void unix_clock_real(void)
{
	manual = false;
}

void unix_clock_set(uint64_t now)
{
	manual_now = now;
}

bool unix_clock_jump(uint64_t deadline)
{
	if (manual && deadline > manual_now)
		manual_now = deadline;
	return manual;
}
