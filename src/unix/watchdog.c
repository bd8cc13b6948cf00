/* SPDX-License-Identifier: ISC */
/*
 * The watchdog (fata/lifecycle.h): a POSIX timer whose signal ends the process
 * unless the main loop has set it anew in time, three times in each period.
 */
#include "platform.h"
#include "unix/host.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/lifecycle.h>
#include <fata/param.h>
#include <fata/timer.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static uint64_t watchdog;
FATA_PARAM_TIME(
	watchdog, "watchdog", "0s",
	"end the guest when the main loop hangs for so long (0: never)");

static struct timer feeding;
static timer_t timer;
static bool made;
static uint64_t period;

static void bite(int sig)
{
	static const char text[] = "fata: watchdog: the main loop hangs\n";

	(void)sig;
	platform_emergency(text, sizeof(text) - 1);
	platform_end(END_WATCHDOG, 255);
}

static void feed(void *arg)
{
	struct itimerspec t = {
		.it_value = {.tv_sec = (time_t)(period / FATA_NS_PER_S),
			     .tv_nsec = (long)(period % FATA_NS_PER_S)}};

	(void)arg;
	timer_settime(timer, 0, &t, NULL);
	if (period)
		timer_set(&feeding, clock_deadline(period / 3), feed, NULL);
}

int lifecycle_watchdog(uint64_t ns)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL,
			     .sigev_signo = SIGRTMIN + 7};

	if (ns && !made) {
		REAL(signal)(SIGRTMIN + 7, bite);
		if (timer_create(CLOCK_MONOTONIC, &e, &timer))
			return -errno;
		made = true;
	}
	timer_cancel(&feeding);
	period = (ns + FATA_NS_PER_S - 1) / FATA_NS_PER_S * FATA_NS_PER_S;
	if (made)
		feed(NULL);
	return 0;
}

/* In every program: the parameter is in every image, too. */
int unix_watchdog(void)
{
	return watchdog ? lifecycle_watchdog(watchdog) : 0;
}
