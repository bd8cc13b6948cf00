/* SPDX-License-Identifier: ISC */
/*
 * The clocks of a Linux process: the world's. And the world of tests, whose
 * clock stands still until the loop would sleep (unix.h).
 *
 * Interface: fata/clock.h.
 */
#include "unix/unix.h"

#include "core/timer.h"
#include "unix/world.h"

#include <fata/clock.h>
#include <fata/end.h>

static uint64_t manual_now;

uint64_t clock_mono_ns(void)
{
	return unix_world->mono();
}

uint64_t clock_wall_ns(void)
{
	return unix_world->wall();
}

uint64_t clock_deadline(uint64_t ns)
{
	uint64_t now = clock_mono_ns();

	return ns < FATA_FOREVER - now ? now + ns : FATA_FOREVER;
}

/* --- the manual clock --------------------------------------------------- */

static uint64_t manual_mono(void)
{
	return manual_now;
}

static void manual_wait(int fd, uint64_t deadline)
{
	(void)fd;
	if (deadline > manual_now)
		manual_now = deadline;
	if (!unix_watches() && timer_next() == FATA_FOREVER)
		fata_panic("all tasks wait, and nothing can wake them");
}

void unix_clock_manual(uint64_t now)
{
	static struct world manual;

	manual = unix_host;
	manual.mono = manual_mono;
	manual.wait = manual_wait;
	manual_now = now;
	unix_world = &manual;
}

void unix_clock_real(void)
{
	unix_world = &unix_host;
}

void unix_clock_set(uint64_t now)
{
	manual_now = now;
}
