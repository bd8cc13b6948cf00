/* SPDX-License-Identifier: ISC */
/* The FIFO shape of event channels in the simulated Xen (sim_fifo.c). */
#ifndef SIM_FIFO_H
#define SIM_FIFO_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/event_channel.h>

#include "lib/sim.h"

/* Does this Xen have it? Looked at when a guest starts. */
extern bool sim_fifo_offered;

long sim_fifo_init(struct sim_domain *d, struct evtchn_init_control *op);
long sim_fifo_expand(struct sim_domain *d, struct evtchn_expand_array *op);
void sim_fifo_raise(struct sim_domain *d, uint32_t port);
void sim_fifo_unmask(struct sim_domain *d, uint32_t port);
void sim_fifo_reset(struct sim_domain *d);
void sim_fifo_close(struct sim_domain *d, uint32_t port);

#endif
