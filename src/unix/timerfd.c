/* SPDX-License-Identifier: ISC */
/*
 * Libc's timers in a simulation, where the kernel's would tick in real time:
 *
 *     timerfd             an eventfd, counted up by one of our timers
 *     alarm, setitimer    one of our timers, which raises SIGALRM
 *
 * Elsewhere they are the host's. An eventfd reads and polls as a timerfd does.
 */
#include "core/timer.h"
#include "unix/host.h"
#include "unix/io.h"
#include "unix/world.h"

#include <errno.h>
#include <fata/clock.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A timer that repeats. */
struct ticker {
	struct timer timer;
	uint64_t interval; /* 0: once */
};

struct timerfd {
	struct ticker ticker;
	struct timerfd *next;
	int fd, clock;
};

static struct timerfd *timerfds;

/* --- what all have in common -------------------------------------------- */

static void begin(struct ticker *t, uint64_t first, uint64_t interval,
		  void (*fn)(void *arg))
{
	t->interval = interval;
	if (first)
		timer_set(&t->timer, clock_deadline(first), fn, t);
	else
		timer_cancel(&t->timer);
}

/* From a callback: the next moment follows the last one, not now. */
static void again(struct ticker *t, void (*fn)(void *arg))
{
	if (t->interval)
		timer_set(&t->timer, t->timer.deadline + t->interval, fn, t);
}

static uint64_t left(const struct ticker *t)
{
	uint64_t now = clock_mono_ns();

	if (!t->timer.link.next)
		return 0;
	return t->timer.deadline > now ? t->timer.deadline - now : 1;
}

/* --- timerfd ------------------------------------------------------------ */

static uint64_t to_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * FATA_NS_PER_S + (uint64_t)t->tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / FATA_NS_PER_S),
				 .tv_nsec = (long)(ns % FATA_NS_PER_S)};
}

static struct timerfd *find(int fd)
{
	struct timerfd *t = timerfds;

	while (t && t->fd != fd)
		t = t->next;
	return t;
}

static void forget(int fd)
{
	struct timerfd **at = &timerfds, *t = find(fd);

	if (!t)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	timer_cancel(&t->ticker.timer);
	free(t);
}

static void tick(void *arg)
{
	struct timerfd *t = arg;
	const uint64_t one = 1;

	if (REAL(write)(t->fd, &one, sizeof(one)) < 0)
		return; /* it is gone: dup'ed away, perhaps */
	again(&t->ticker, tick);
}

INSTEAD int timerfd_create(int clock, int flags)
{
	struct timerfd *t;

	if (!unix_world->virtual_time)
		return REAL(timerfd_create)(clock, flags);
	t = calloc(1, sizeof(*t));
	if (!t)
		return -1;
	/* the flags of both have the same values */
	t->fd = eventfd(0, flags);
	t->clock = clock;
	if (t->fd < 0) {
		free(t);
		return -1;
	}
	unix_closed = forget;
	t->next = timerfds;
	timerfds = t;
	return t->fd;
}

INSTEAD int timerfd_gettime(int fd, struct itimerspec *now)
{
	struct timerfd *t = find(fd);

	if (!unix_world->virtual_time)
		return REAL(timerfd_gettime)(fd, now);
	if (!t) {
		errno = EINVAL;
		return -1;
	}
	now->it_value = to_timespec(left(&t->ticker));
	now->it_interval = to_timespec(t->ticker.interval);
	return 0;
}

INSTEAD int timerfd_settime(int fd, int flags, const struct itimerspec *new,
			    struct itimerspec *old)
{
	struct timerfd *t = find(fd);
	uint64_t first, now, count;
	int status;

	if (!unix_world->virtual_time)
		return REAL(timerfd_settime)(fd, flags, new, old);
	if (old && timerfd_gettime(fd, old))
		return -1;
	if (!t) {
		errno = EINVAL;
		return -1;
	}
	first = to_ns(&new->it_value);
	now = t->clock == CLOCK_REALTIME ? clock_wall_ns() : clock_mono_ns();
	if (first && flags & TFD_TIMER_ABSTIME)
		first = first > now ? first - now : 1;
	/* ticks that were not read are of the old setting */
	status = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, status | O_NONBLOCK);
	if (REAL(read)(fd, &count, sizeof(count)) < 0)
		count = 0;
	fcntl(fd, F_SETFL, status);
	begin(&t->ticker, first, to_ns(&new->it_interval), tick);
	return 0;
}

/* --- SIGALRM ------------------------------------------------------------ */

static struct ticker alarm_clock;

static void ring(void *arg)
{
	(void)arg;
	again(&alarm_clock, ring);
	raise(SIGALRM);
}

static struct timeval to_timeval(uint64_t ns)
{
	return (struct timeval){
		.tv_sec = (time_t)(ns / FATA_NS_PER_S),
		.tv_usec = (suseconds_t)(ns % FATA_NS_PER_S / FATA_NS_PER_US)};
}

static uint64_t from_timeval(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * FATA_NS_PER_S +
	       (uint64_t)t->tv_usec * FATA_NS_PER_US;
}

INSTEAD int getitimer(__itimer_which_t which, struct itimerval *now)
{
	if (!unix_world->virtual_time || which != ITIMER_REAL)
		return REAL(getitimer)(which, now);
	now->it_value = to_timeval(left(&alarm_clock));
	now->it_interval = to_timeval(alarm_clock.interval);
	return 0;
}

INSTEAD int setitimer(__itimer_which_t which,
		      const struct itimerval *restrict new,
		      struct itimerval *restrict old)
{
	if (!unix_world->virtual_time || which != ITIMER_REAL)
		return REAL(setitimer)(which, new, old);
	if (old)
		getitimer(which, old);
	begin(&alarm_clock, from_timeval(&new->it_value),
	      from_timeval(&new->it_interval), ring);
	return 0;
}

INSTEAD unsigned alarm(unsigned seconds)
{
	uint64_t before;

	if (!unix_world->virtual_time)
		return REAL(alarm)(seconds);
	before = left(&alarm_clock);
	begin(&alarm_clock, seconds * FATA_NS_PER_S, 0, ring);
	return (unsigned)((before + FATA_NS_PER_S - 1) / FATA_NS_PER_S);
}
