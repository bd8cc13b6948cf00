/* SPDX-License-Identifier: ISC */
/* The balloon's part in the boot; see fata/xen/balloon.h. */
#ifndef FATA_DRIVERS_BALLOON_H
#define FATA_DRIVERS_BALLOON_H

#include <fata/xen/balloon.h>

/*
 * Called once, on a task, before the program runs: gives back what a guest
 * populated on demand must not touch, then follows memory/target on a task of
 * its own. 0 or -ENOMEM. Can block only by letting other tasks run.
 */
int balloon_start(void);

#endif
