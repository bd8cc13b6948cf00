/* SPDX-License-Identifier: ISC */
/*
 * Hooks of the main loop and of the program's end.
 *
 * Enter hooks run when an iteration of the loop has found events pending, just
 * before they are dispatched; leave hooks run just after; both in the order of
 * registration, neither in iterations without events. Exit hooks run in the
 * reverse order of registration, on a task (they may block), at a clean end
 * (exit, return from main, shutdown request), never after a panic.
 */
#ifndef FATA_HOOK_H
#define FATA_HOOK_H

#include <fata/base.h>

FATA_BEGIN

/* The caller's memory; it must stay in place until the program ends. */
struct hook {
	void (*fn)(void *arg);
	void *arg;
	struct hook *next; /* private */
};

/*
 * Call h when events were found and before any is dispatched, from now on and
 * after the hooks that are there already. It runs on the loop and must not
 * block. A hook is registered once and for one moment. Never fails.
 */
void fata_at_enter(struct hook *h);

/* The same, for the moment after they have been dispatched. */
void fata_at_leave(struct hook *h);

/*
 * Call h at a clean end, before the hooks that are there already; it may block.
 * As for the others it is registered once, and that never fails.
 */
void fata_at_exit(struct hook *h);

FATA_END
#endif
