/* SPDX-License-Identifier: ISC */
/*
 * What the toolstack asks of a running guest: power off, reboot, suspend
 * (`xl save`, `migrate`, `snapshot`), and what a program does about it.
 *
 * Without the program's help a power-off is a clean end with status 0 (exit
 * hooks run, see hook.h), a reboot the same with END_REBOOT. A program that
 * wants to decide for itself takes over with lifecycle_await or
 * lifecycle_on_request; it then ends with exit() or fata_end, when it likes.
 * end.h ends the guest for all other reasons.
 *
 * A suspend happens to the program: it stops in the middle of a blocking call
 * and goes on, perhaps on another host, hours later by the wall clock. In a new
 * domain the monotonic clock counts on where it stopped; in the same one (a
 * checkpoint) the time that this took is counted. Connections of the network
 * may be gone by then, as after a long outage.
 */
#ifndef FATA_LIFECYCLE_H
#define FATA_LIFECYCLE_H

#include <fata/base.h>

FATA_BEGIN

/* What the toolstack asks for (xen/docs/misc/xenstore-paths.pandoc). */
enum lifecycle_request {
	LIFECYCLE_POWEROFF, /* also "halt" */
	LIFECYCLE_REBOOT,
};

/*
 * Take over, and wait for the next request. The first call, and each until the
 * program ends, must come from a task. 0 with *request, -ETIMEDOUT or
 * -ECANCELED. Can block.
 */
int lifecycle_await(enum lifecycle_request *request, uint64_t deadline);

/*
 * Take over: fn is called, on a task of its own kind, for each request and may
 * block; if it returns false the default follows. One program, one fn; NULL
 * gives the default back. Requests that are awaited do not reach fn.
 */
void lifecycle_on_request(bool (*fn)(void *arg, enum lifecycle_request r),
			  void *arg);

/* --- suspend ----------------------------------------------------------- */

/* How the guest went on. */
enum lifecycle_resume {
	/*
	 * Nothing has changed: the suspend was cancelled, or this was a
	 * checkpoint (`xl save -c`).
	 */
	LIFECYCLE_SAME,
	/*
	 * In a new domain: event channels, grants and foreign mappings are
	 * void; the domain's number may be another; memory is as it was.
	 */
	LIFECYCLE_RENEWED,
};

/* The usual orders; others may lie between. */
enum lifecycle_order {
	LIFECYCLE_PROGRAM = 0,    /* all works */
	LIFECYCLE_DEVICES = 100,  /* devices stop */
	LIFECYCLE_STORE = 200,    /* then xenstore */
	LIFECYCLE_PLATFORM = 300, /* only memory and CPU are left */
};

/*
 * Somebody who must know. The caller's memory, in place for ever; the private
 * field is set by lifecycle_register.
 *
 *     before   in ascending order, and in order of registration; may block
 *              until the deadline; an error cancels the suspend. NULL: nothing
 *     after    in the opposite order, for each whose `before` succeeded; may
 *              block from LIFECYCLE_STORE downwards. NULL: nothing
 */
struct lifecycle_client {
	const char *name; /* for the log */
	int order;
	int (*before)(void *arg, uint64_t deadline);
	void (*after)(void *arg, enum lifecycle_resume how);
	void *arg;
	struct lifecycle_client *next; /* private */
};

/* Call c at each suspend from now on. Registering twice does nothing. */
void lifecycle_register(struct lifecycle_client *c);

/*
 * How often the guest has been resumed in a new domain. A value kept with
 * something that is valid in one domain only tells whether it still is.
 */
uint32_t lifecycle_generation(void);

/* --- watchdog ---------------------------------------------------------- */

/*
 * Have Xen end the guest (END_WATCHDOG, xl's on_watchdog) when the main loop
 * has not come round for `ns`, rounded up to seconds: a task that never blocks
 * starves all others. Boot parameter `watchdog` starts it. 0 stops it; started
 * again, it has the new time. Returns 0, or Xen's error (-ENOSPC: both of the
 * domain's watchdogs are in use). Does not block.
 */
int lifecycle_watchdog(uint64_t ns);

FATA_END
#endif
