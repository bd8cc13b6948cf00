/* SPDX-License-Identifier: ISC */
/*
 * One disk for tests of blkfront: its backend, what it holds, and what it
 * should hold.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <fata/block.h>
#include <fata/clock.h>

#include "lib/sim_blkback.h"

#define MS	FATA_NS_PER_MS
#define SOON	clock_deadline(FATA_NS_PER_S)
#define SECTORS 4096u /* of 512 bytes */

extern struct sim_blkback back;
extern unsigned char disk[SECTORS * 512], model[SECTORS * 512];
extern struct block *block;

void fill(unsigned char *p, size_t n);

/* A backend that offers everything; a chance selection. Zeroes `back`. */
void offer(void);
void offer_some(void);

/* Plug it in and open it; unplug it, and see that it is gone. */
void open_disk(void);
void close_disk(void);

#endif
