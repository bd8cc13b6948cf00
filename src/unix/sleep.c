/* SPDX-License-Identifier: ISC */
/*
 * Sleeping and the clocks, as tasks use them: others run meanwhile, and in a
 * simulation all of libc's clocks are the simulated ones.
 */
#include "unix/io.h"

#include "unix/host.h"
#include "unix/signal.h"
#include "unix/world.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/task.h>
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static uint64_t to_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * FATA_NS_PER_S + (uint64_t)t->tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / FATA_NS_PER_S),
				 .tv_nsec = (long)(ns % FATA_NS_PER_S)};
}

static bool valid(const struct timespec *t)
{
	return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

/* Until the deadline: 0 or EINTR with the rest. */
static int sleep_until(uint64_t deadline, struct timespec *rest)
{
	uint64_t now;

	if (!unix_sleep_until(deadline))
		return 0;
	unix_testcancel();
	now = clock_mono_ns();
	if (rest)
		*rest = to_timespec(deadline > now ? deadline - now : 0);
	return EINTR;
}

INSTEAD int clock_nanosleep(clockid_t clock, int flags,
			    const struct timespec *t, struct timespec *rest)
{
	uint64_t ns;

	if (!unix_on_task() || !valid(t) ||
	    (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC))
		return REAL(clock_nanosleep)(clock, flags, t, rest);
	ns = to_ns(t);
	if (!(flags & TIMER_ABSTIME))
		return sleep_until(clock_deadline(ns), rest);
	if (clock == CLOCK_REALTIME) {
		uint64_t wall = clock_wall_ns();

		ns = clock_deadline(ns > wall ? ns - wall : 0);
	}
	return sleep_until(ns, NULL);
}

INSTEAD int nanosleep(const struct timespec *t, struct timespec *rest)
{
	int rc;

	if (!unix_on_task())
		return REAL(nanosleep)(t, rest);
	rc = clock_nanosleep(CLOCK_MONOTONIC, 0, t, rest);
	if (!rc)
		return 0;
	errno = rc;
	return -1;
}

INSTEAD int usleep(useconds_t us)
{
	struct timespec t = to_timespec(us * FATA_NS_PER_US);

	return nanosleep(&t, NULL);
}

INSTEAD unsigned sleep(unsigned s)
{
	struct timespec t = {.tv_sec = s}, rest;

	if (!nanosleep(&t, &rest))
		return 0;
	return (unsigned)rest.tv_sec + (rest.tv_nsec >= 500000000);
}

INSTEAD int sched_yield(void)
{
	if (!unix_on_task())
		return REAL(sched_yield)();
	fata_yield();
	return 0;
}

/* --- clocks ------------------------------------------------------------- */

INSTEAD int clock_gettime(clockid_t clock, struct timespec *t)
{
	if (!unix_world->virtual_time)
		return REAL(clock_gettime)(clock, t);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*t = to_timespec(unix_world->wall());
		return 0;
	default:
		*t = to_timespec(unix_world->mono());
		return 0;
	}
}

INSTEAD int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	uint64_t ns;

	if (!unix_world->virtual_time)
		return REAL(gettimeofday)(t, zone);
	ns = unix_world->wall();
	t->tv_sec = (time_t)(ns / FATA_NS_PER_S);
	t->tv_usec = (suseconds_t)(ns % FATA_NS_PER_S / FATA_NS_PER_US);
	return 0;
}

INSTEAD time_t time(time_t *out)
{
	time_t t;

	if (!unix_world->virtual_time)
		return REAL(time)(out);
	t = (time_t)(unix_world->wall() / FATA_NS_PER_S);
	if (out)
		*out = t;
	return t;
}
