/* SPDX-License-Identifier: ISC */
/*
 * Clocks and sleeping. Everything rests on the two clocks of fata/clock.h; a
 * wait for a point of the wall clock is turned into one of the monotonic clock
 * when it begins, and looked at again when it ends, in case the host's clock
 * was set meanwhile.
 */
#include <errno.h>
#include <fata/boot.h>
#include <fata/task.h>
#include <libc/clock.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <sys/resource.h>
#include <sys/times.h>

#define NS FATA_NS_PER_S
#define TICKS 100 /* of times(), a second: AT_CLKTCK */

struct timespec clock_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NS),
				 .tv_nsec = (long)(ns % NS)};
}

struct timeval clock_timeval(uint64_t ns)
{
	return (struct timeval){.tv_sec = (time_t)(ns / NS),
				.tv_usec = (suseconds_t)(ns % NS / 1000)};
}

int clock_ns(const struct timespec *time, uint64_t *ns)
{
	if (time->tv_sec < 0 || time->tv_nsec < 0 ||
	    time->tv_nsec >= (long)NS)
		return -EINVAL;
	if ((uint64_t)time->tv_sec >= FATA_FOREVER / NS)
		*ns = FATA_FOREVER - 1;
	else
		*ns = (uint64_t)time->tv_sec * NS + (uint64_t)time->tv_nsec;
	return 0;
}

/* A guest is one process, and it is alone: it has all the time there is. */
static uint64_t cpu_time(void)
{
	return clock_mono_ns() - boot_entry_ns();
}

int clock_read(int clock, uint64_t *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = clock_wall_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = clock_mono_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = cpu_time();
		return 0;
	default:
		/* a process's or thread's clock by its number */
		if (clock >= 0)
			return -EINVAL;
		*ns = cpu_time();
		return 0;
	}
}

static bool is_wall(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_TAI ||
	       clock == CLOCK_REALTIME_COARSE;
}

int clock_deadline_of(int clock, bool absolute, const struct timespec *time,
		      uint64_t *deadline)
{
	uint64_t ns, now;
	int err;

	if (!user_readable(time, sizeof(*time)))
		return -EFAULT;
	err = clock_ns(time, &ns);
	if (!err)
		err = clock_read(clock, &now);
	if (err)
		return err;
	if (absolute && !is_wall(clock))
		*deadline = ns;
	else if (absolute)
		*deadline = ns <= now ? 0 : clock_deadline(ns - now);
	else
		*deadline = clock_deadline(ns);
	return 0;
}

long sys_clock_gettime(int clock, struct timespec *time)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	if (err)
		return err;
	if (!user_writable(time, sizeof(*time)))
		return -EFAULT;
	*time = clock_timespec(ns);
	return 0;
}

long sys_clock_getres(int clock, struct timespec *time)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	if (err)
		return err;
	if (!time)
		return 0;
	if (!user_writable(time, sizeof(*time)))
		return -EFAULT;
	*time = (struct timespec){.tv_nsec = 1};
	return 0;
}

static void give_rest(struct timespec *rest, uint64_t deadline)
{
	uint64_t now = clock_mono_ns();

	if (rest && user_writable(rest, sizeof(*rest)))
		*rest = clock_timespec(deadline > now ? deadline - now : 0);
}

long sys_clock_nanosleep(int clock, int flags, const struct timespec *time,
			 struct timespec *rest)
{
	bool absolute = flags & TIMER_ABSTIME;
	uint64_t deadline;

	if (clock == CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	for (;;) {
		int err = clock_deadline_of(clock, absolute, time, &deadline);

		if (err)
			return err;
		if (fata_sleep_until(deadline)) {
			if (!absolute)
				give_rest(rest, deadline);
			return -EINTR;
		}
		if (!absolute || !is_wall(clock) || deadline == 0)
			return 0;
	}
}

long sys_nanosleep(const struct timespec *time, struct timespec *rest)
{
	return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, time, rest);
}

long sys_gettimeofday(struct timeval *time, void *zone)
{
	if (time) {
		if (!user_writable(time, sizeof(*time)))
			return -EFAULT;
		*time = clock_timeval(clock_wall_ns());
	}
	if (zone) { /* two ints: minutes west of Greenwich, kind of summer */
		if (!user_writable(zone, 8))
			return -EFAULT;
		*(uint64_t *)zone = 0;
	}
	return 0;
}

long sys_time(time_t *t)
{
	time_t now = (time_t)(clock_wall_ns() / NS);

	if (t) {
		if (!user_writable(t, sizeof(*t)))
			return -EFAULT;
		*t = now;
	}
	return now;
}

/* The host's clock is not ours to set. */
long sys_clock_settime(int clock, const struct timespec *time)
{
	uint64_t now;
	int err = clock_read(clock, &now);

	if (err)
		return err;
	return user_readable(time, sizeof(*time)) ? -EPERM : -EFAULT;
}

long sys_settimeofday(const struct timeval *time, const void *zone)
{
	(void)zone;
	return user_readable(time, time ? sizeof(*time) : 0) ? -EPERM : -EFAULT;
}

long sys_times(struct tms *t)
{
	if (t) {
		if (!user_writable(t, sizeof(*t)))
			return -EFAULT;
		*t = (struct tms){
			.tms_utime = (clock_t)(cpu_time() / (NS / TICKS))};
	}
	return (long)(clock_mono_ns() / (NS / TICKS));
}

/* Only the time is known; the rest of it describes processes and swapping. */
long sys_getrusage(int who, struct rusage *usage)
{
	/* without musl's reserved words behind, which Linux does not write */
	size_t size = offsetof(struct rusage, ru_nivcsw) + sizeof(long);

	if (who < RUSAGE_CHILDREN || who > 1 /* RUSAGE_THREAD */)
		return -EINVAL;
	if (!user_writable(usage, size))
		return -EFAULT;
	for (size_t i = 0; i < size / sizeof(long); i++)
		((long *)usage)[i] = 0;
	if (who != RUSAGE_CHILDREN)
		usage->ru_utime = clock_timeval(cpu_time());
	return 0;
}
