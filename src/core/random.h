/* SPDX-License-Identifier: ISC */
/* The inside of random.c: seeding; see fata/random.h. */
#ifndef FATA_CORE_RANDOM_H
#define FATA_CORE_RANDOM_H

#include <fata/random.h>

/*
 * Gather a first seed. Called by the boot, and at the latest by the first
 * request. Needs the clock.
 */
void random_init(void);

/*
 * Stir fresh entropy in: after a resume, when another copy of this guest may
 * have the same state.
 */
void random_reseed(void);

#endif
