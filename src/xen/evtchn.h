/* SPDX-License-Identifier: ISC */
/*
 * Event channels inside src/xen: starting, dispatching, and the interface
 * between the handles (evtchn.c) and the two shapes of shared memory that
 * carry the events (evtchn_2l.c, evtchn_fifo.c).
 *
 * Interface: setup calls evtchn_init once, with the shared page mapped; the
 * platform's pending/dispatch are evtchn_pending and evtchn_dispatch. Xen may
 * change the shared words at any moment, so they are only touched by atomic
 * operations. The upcall interrupt itself does nothing: it wakes the vCPU.
 */
#ifndef FATA_XEN_EVTCHN_PRIV_H
#define FATA_XEN_EVTCHN_PRIV_H

#include <fata/xen/evtchn.h>
#include <xen/xen.h>

/* Start with everything masked and no port bound. Cannot fail. */
void evtchn_init(struct shared_info *shared);

/*
 * After a resume in a new domain: all ports are gone, every handle is stale,
 * who waits on one is woken.
 */
void evtchn_resume(struct shared_info *shared);

/* May evtchn_dispatch have something to do? Two loads. */
bool evtchn_pending(void);

/*
 * What the upcall sets when it takes Xen's flag back (traps.h): evtchn_dispatch
 * has something to do all the same.
 */
extern uint8_t evtchn_noted;

/*
 * Deliver what is pending: each port at most once, and no more than
 * EVTCHN_BUDGET in all; what is left keeps evtchn_pending true. Returns how
 * many were delivered.
 */
unsigned int evtchn_dispatch(void);

#define EVTCHN_BUDGET 256

/* One shape of the shared memory. */
struct evtchn_abi {
	unsigned int ports;
	/* make room for a port that was just bound; 0 or -ENOMEM */
	int (*prepare)(uint32_t port);
	void (*mask)(uint32_t port);
	void (*unmask)(uint32_t port);
	bool (*is_pending)(uint32_t port);
	/* deliver(port) for what is pending, at most `budget` times */
	unsigned int (*dispatch)(unsigned int budget);
};

extern const struct evtchn_abi evtchn_2l, evtchn_fifo;

/* Start the 2-level interface; it is what a domain begins with. */
void evtchn_2l_init(struct shared_info *shared);

/* Change to the FIFO interface. 0, or an error and nothing has changed. */
int evtchn_fifo_init(struct shared_info *shared);

/* Called by the shapes, with the port's pending bit already cleared. */
void evtchn_deliver(uint32_t port);

#endif
