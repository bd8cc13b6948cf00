/* SPDX-License-Identifier: ISC */
/*
 * The clean end: exit hooks, the status on the console, consoles flushed, the
 * platform asked to end.
 *
 *     status 0      the reason that was given
 *     status n      "fata: exit status n", and a crash instead of a power-off,
 *                   so that xl's on_crash fires; not with --no-exit-crash
 *     63, 64        help or a bad parameter before main: always a power-off
 *
 * Interface: fata/end.h. The first call decides; a second one from an exit
 * hook runs the hooks that are left, one from another task waits for the end.
 */
#include "core/end.h"

#include "core/hook.h"
#include "core/task.h"
#include "platform.h"

#include <fata/log.h>
#include <fata/param.h>

FATA_LOG_SOURCE("fata");

static bool exit_crash = true;
FATA_PARAM_BOOL(exit_crash, "exit-crash", "yes",
		"end as a crash when the exit status is not 0");

static struct task *ending;
static enum end_reason end_reason;
static int end_status;

static void say_status(int status)
{
	/* `fata run` reads this line, whatever the log levels are. */
	if (status)
		log_write(&fata_log_source, LOG_LEVEL_QUIET, "exit status %d",
			  status);
	else
		log_info("exit status 0");
}

void fata_end(enum end_reason reason, int status)
{
	if (!ending) {
		ending = task_self();
		end_reason = reason;
		end_status = status;
	}
	while (ending != task_self())
		task_park("the end", FATA_FOREVER, false);
	hook_run_exit();
	say_status(end_status);
	if (end_status && end_reason == END_POWEROFF && exit_crash)
		end_reason = END_CRASH;
	platform_flush();
	platform_end(end_reason, end_status);
}

void end_early(int status)
{
	say_status(status);
	platform_flush();
	platform_end(END_POWEROFF, status);
}
