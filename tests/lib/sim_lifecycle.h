/* SPDX-License-Identifier: ISC */
/*
 * What the toolstack does to a simulated guest with real requests: a group's
 * setup, asking for a suspend, and waking up in a new domain.
 */
#ifndef SIM_LIFECYCLE_H
#define SIM_LIFECYCLE_H

#include "lib/sim.h"

#define HOME "/local/domain/5"
#define MS   FATA_NS_PER_MS

/* For group setups: sim_setup, and the guest follows requests. */
int sim_lifecycle_setup(void **state);

/* control/shutdown, written and read by the toolstack. */
void sim_ask(const char *what);
const char *sim_asked(void);

/* Ask for a suspend; it is acknowledged and over when this returns. */
void sim_suspend(void);

/*
 * For sim_domain.suspend: a new domain, without ports and grants, of a
 * xenstored that knows only what a toolstack writes.
 */
int sim_into_new_domain(struct sim_domain *d);

#endif
