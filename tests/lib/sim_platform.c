/* SPDX-License-Identifier: ISC */
/*
 * src/platform.h and the clock for the guest under test: virtual time, and an
 * end that returns to the test. Stacks and switches are src/unix/context.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/task.h>
#include <xen/hvm/params.h>

#include "core/task.h"
#include "lib/sim.h"
#include "lib/sim_xenstore.h"
#include "platform.h"
#include "xen/evtchn.h"

/* --- time ----------------------------------------------------------------- */

/* Looking at the clock takes time, so that no loop waits for ever. */
uint64_t clock_mono_ns(void)
{
	return sim.now += 20;
}

uint64_t clock_wall_ns(void)
{
	return 1700000000 * FATA_NS_PER_S + clock_mono_ns();
}

uint64_t clock_deadline(uint64_t ns)
{
	uint64_t now = clock_mono_ns();

	return ns > FATA_FOREVER - now ? FATA_FOREVER : now + ns;
}

uint64_t platform_cycles(void)
{
	return clock_mono_ns();
}

/* --- events --------------------------------------------------------------- */

bool platform_pending(void)
{
	sim_run_due();
	return evtchn_pending();
}

unsigned platform_dispatch(void)
{
	return evtchn_dispatch();
}

/* Core's loop sleeps for an hour when there is no timer: nobody is coming. */
#define HOPELESS 8

void platform_block(uint64_t deadline)
{
	while (!evtchn_pending() && sim.n_actions &&
	       sim.actions[0].time <= deadline) {
		sim.now = sim.actions[0].time > sim.now ? sim.actions[0].time
							: sim.now;
		sim_run_due();
		sim.idle = 0;
	}
	if (evtchn_pending()) {
		sim.idle = 0;
		return;
	}
	if (sim.now < deadline) {
		sim.idle = deadline - sim.now > 3599 * FATA_NS_PER_S
				   ? sim.idle + 1
				   : 0;
		sim.now = deadline;
	}
	if (sim.idle > HOPELESS) {
		task_dump(platform_emergency);
		sim_die("everybody waits for ever");
	}
}

/* --- output and the end --------------------------------------------------- */

/* The log is shown with VERBOSE=1 only. */
void platform_log(const char *text, size_t n)
{
	static int verbose = -1;

	if (verbose < 0)
		verbose = getenv("VERBOSE") != NULL;
	if (verbose)
		fwrite(text, 1, n, stderr);
}

void platform_emergency(const char *text, size_t n)
{
	fwrite(text, 1, n, stderr);
}

void platform_flush(void) {}

void platform_dump(void) {}

void platform_end(enum end_reason reason, int status)
{
	sim_guest->ended = reason;
	sim_guest->end_status = status;
	if (!sim_guest->end_jump)
		sim_die("the guest ended, reason %d, status %d", reason,
			status);
	longjmp(*sim_guest->end_jump, 1);
}

int sim_until_end(void (*fn)(void))
{
	jmp_buf jump;

	sim_guest->ended = -1;
	sim_guest->end_jump = &jump;
	if (!setjmp(jump))
		fn();
	sim_guest->end_jump = NULL;
	return sim_guest->ended;
}

size_t platform_entropy(void *buffer, size_t n)
{
	unsigned char *p = buffer;

	for (size_t i = 0; i < n; i++)
		p[i] = sim_random();
	return n;
}

void sim_sleep(uint64_t ns)
{
	fata_task_uncancel();
	if (fata_sleep(ns))
		sim_die("sleep was cancelled");
}

/* --- the boot ------------------------------------------------------------- */

void sim_boot(uint16_t id)
{
	sim_guest = sim_domain_new(id, true);
	sim_xs_populate(sim_guest);
	sim_xs_introduce(sim_guest);
	if (task_init_main("main"))
		sim_die("no memory for the first task");
	evtchn_init(sim_shared(sim_guest));
}
