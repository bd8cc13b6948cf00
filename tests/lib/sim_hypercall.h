/* SPDX-License-Identifier: ISC */
/* Parts of the simulated Xen for each other. */
#ifndef SIM_HYPERCALL_H
#define SIM_HYPERCALL_H

#include <stdint.h>

#include <xen/sched.h>

#include "lib/sim.h"

long sim_event_channel_op(int cmd, void *arg);
long sim_grant_table_op(unsigned int cmd, void *args, unsigned int count);
long sim_memory_op(unsigned int cmd, void *arg);
long sim_watchdog(struct sched_watchdog *op);

/* The guest goes on in a new domain: no ports, no grants, no mappings. */
void sim_new_domain(struct sim_domain *d);
void sim_gnttab_reset(struct sim_domain *d);

#endif
