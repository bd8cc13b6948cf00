/* SPDX-License-Identifier: ISC */
/*
 * The host as the world: its clocks, its sleep, its random numbers.
 *
 * Interface: world.h. Sleeping is ppoll on the epoll set, which returns at once
 * when a descriptor is ready already, so no event is lost between the loop's
 * check and the sleep.
 */
#include "unix/world.h"

#include "unix/host.h"

#include <fata/clock.h>
#include <poll.h>
#include <sys/random.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	REAL(clock_gettime)(id, &t);
	return (uint64_t)t.tv_sec * FATA_NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t host_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static uint64_t host_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

static size_t host_entropy(void *buffer, size_t n)
{
	ssize_t got = getrandom(buffer, n, 0);

	return got < 0 ? 0 : (size_t)got;
}

static uint64_t host_cycles(void)
{
	return __builtin_ia32_rdtsc();
}

static void host_wait(int fd, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now = host_mono();
	struct timespec t;

	if (deadline <= now)
		return;
	t.tv_sec = (time_t)((deadline - now) / FATA_NS_PER_S);
	t.tv_nsec = (long)((deadline - now) % FATA_NS_PER_S);
	/* may be cut short by a signal: the loop asks again */
	REAL(ppoll)(&p, 1, &t, NULL);
}

const struct world unix_host = {
	.mono = host_mono,
	.wall = host_wall,
	.entropy = host_entropy,
	.cycles = host_cycles,
	.wait = host_wait,
};

const struct world *unix_world = &unix_host;
