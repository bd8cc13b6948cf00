/* SPDX-License-Identifier: ISC */
/*
 * What a process of the unix twin takes from the world outside, in one place,
 * so that the world can be another one: the host's (world.c), one whose clock
 * stands still except in sleep (tests, clock.c), or a simulated one.
 *
 *     clocks        mono, wall, cycles
 *     waiting       wait: the only place where the process sleeps
 *     frames        wire_open: an interface's other side (wire.h)
 *     randomness    entropy
 *
 * Interface: unix_world is chosen before unix_init and, but for tests, not
 * changed afterwards. All functions are called on the loop's thread.
 */
#ifndef FATA_UNIX_WORLD_H
#define FATA_UNIX_WORLD_H

#include <fata/base.h>
#include <fata/end.h>

struct wire;

struct world {
	/* As clock_mono_ns and clock_wall_ns. */
	uint64_t (*mono)(void);
	uint64_t (*wall)(void);

	/* As platform_entropy and platform_cycles. */
	size_t (*entropy)(void *buffer, size_t n);
	uint64_t (*cycles)(void);

	/*
	 * Sleep until descriptor `fd` (the epoll set) polls readable or the
	 * clock has passed the deadline; may return early. May signal events
	 * (event.h): whoever waits for them runs next.
	 */
	void (*wait)(int fd, uint64_t deadline);

	/*
	 * The other side of the program's interface `number`, called `name`:
	 * 0, -ENOENT (this world has none of that name), -ENOMEM ... NULL: what
	 * boot parameter --net says.
	 */
	int (*wire_open)(unsigned number, const char *name, struct wire **w);

	/* The process is about to end so. NULL: nobody wants to know. */
	void (*end)(enum end_reason reason, int status);

	/*
	 * Time is not the host's: what takes time on the host (a disk's helper
	 * thread) is done at once instead, so that a run can be repeated.
	 */
	bool virtual_time;
};

/* The host's. */
extern const struct world unix_host;

/* The one in use; the host's at first. */
extern const struct world *unix_world;

#endif
