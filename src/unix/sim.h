/* SPDX-License-Identifier: ISC */
/* The simulated world (sim.c), for the program's start. */
#ifndef FATA_UNIX_SIM_H
#define FATA_UNIX_SIM_H

/*
 * If `fata sim` has started this process: from now on the world is the
 * simulated one, at the moment of the node's start. Before unix_init.
 */
void unix_sim(void);

#endif
