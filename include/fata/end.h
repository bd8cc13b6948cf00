/* SPDX-License-Identifier: ISC */
/*
 * The end of a program. exit(0) or returning 0 from main powers off. Another
 * status ends in a crash, so that xl's on_crash fires, with the status on the
 * console. Reboot has a call of its own.
 */
#ifndef FATA_END_H
#define FATA_END_H

#include <fata/base.h>

FATA_BEGIN

/* Why the guest ends (xen/include/public/sched.h, SHUTDOWN_*). */
enum end_reason {
	END_POWEROFF = 0,
	END_REBOOT = 1,
	END_SUSPEND = 2,
	END_CRASH = 3,
	END_WATCHDOG = 4,
	END_SOFT_RESET = 5, /* on_soft_reset; Xen 4.17's xl does not start
			       a PVH guest again, it is then gone */
};

/*
 * Run the exit hooks, flush the consoles, end with this reason. From a task;
 * can block. Not END_SUSPEND, which is lifecycle's.
 */
__attribute__((noreturn)) void fata_end(enum end_reason reason, int status);

/*
 * The guest cannot go on: registers, backtrace, the message and the last log
 * lines go to the console, then SHUTDOWN_crash. From anywhere.
 */
__attribute__((noreturn)) void fata_panic(const char *format, ...)
	FATA_PRINTF(1, 2);

FATA_END
#endif
