/* SPDX-License-Identifier: ISC */
/* What the loop and the end ask of the hooks; see fata/hook.h. */
#ifndef FATA_CORE_HOOK_H
#define FATA_CORE_HOOK_H

#include <fata/hook.h>

void hook_run_enter(void);
void hook_run_leave(void);

/*
 * Take out and run the exit hooks, the latest first, also those that are
 * registered meanwhile. A hook that itself ends the program continues with
 * the rest. On a task; can block.
 */
void hook_run_exit(void);

#endif
