/* SPDX-License-Identifier: ISC */
/*
 * Event channels: one-bit signals between domains, and from Xen.
 *
 * A channel is a struct evtchn in the caller's memory. It is bound by one of
 * the evtchn_bind_* calls, masked at first (set the handler, then unmask), and
 * released by evtchn_close. Each event that arrives counts up an event
 * (event.h) and then calls the handler, if there is one, from the loop:
 *
 *     evtchn_bind_interdomain(&e, domid, their_port);
 *     evtchn_handle(&e, handler, arg);        or wait: evtchn_wait(&e, ...)
 *     evtchn_unmask(&e);
 *
 * Several signals before a delivery are one event. Every call on a channel
 * that is not bound, or no longer, returns -EBADF; on one that was bound
 * before the guest was suspended, -ESTALE until it is closed and bound again.
 *
 * Source: xen/include/public/event_channel.h. Errors of Xen pass through:
 * -ENOSPC (no port free), -EPERM, -EINVAL, -ESRCH (no such domain).
 */
#ifndef FATA_XEN_EVTCHN_H
#define FATA_XEN_EVTCHN_H

#include <fata/base.h>
#include <fata/event.h>
#include <fata/timer.h>

FATA_BEGIN

/* The own domain, as the other end. */
#define EVTCHN_SELF 0x7ff0

/*
 * All fields are private. Zero-initialised memory is a closed channel. It must
 * stay in place while it is bound.
 */
struct evtchn {
	struct event event;
	void (*fn)(void *arg);
	void *arg;
	uint32_t port, generation;
	bool masked;        /* as the owner wants it */
	bool throttled;     /* masked because of a storm, till the timer */
	unsigned int empty; /* events in succession that had no work */
	struct timer timer;
};

/*
 * Bind *e, which must be closed, to a new port that domain `peer` may connect
 * to, by its number (evtchn_port). 0; -EBUSY: e is bound; -ENOMEM, or an error
 * of Xen. Does not block. Source: EVTCHNOP_alloc_unbound.
 */
int evtchn_bind_unbound(struct evtchn *e, uint16_t peer);

/*
 * Bind *e to port `port` of domain `peer`, which must have been made for us
 * (-EINVAL). Signals that were sent before this moment raise one event. Errors
 * as of evtchn_bind_unbound. Does not block. Source: EVTCHNOP_bind_interdomain.
 */
int evtchn_bind_interdomain(struct evtchn *e, uint16_t peer, uint32_t port);

/*
 * Bind *e to a signal of Xen's (xen.h, VIRQ_*). -EEXIST when that is bound
 * already; errors as of evtchn_bind_unbound. Does not block. Source:
 * EVTCHNOP_bind_virq.
 */
int evtchn_bind_virq(struct evtchn *e, unsigned int virq);

/*
 * Make *e a channel to oneself, raised by evtchn_notify. Errors as of
 * evtchn_bind_unbound. Does not block. Source: EVTCHNOP_bind_ipi.
 */
int evtchn_bind_ipi(struct evtchn *e);

/*
 * Take a port that the toolstack made for us (xenstore, console), to be given
 * back by evtchn_release. 0; -EBUSY: e is bound; -EEXIST: another channel has
 * the port; -EINVAL: there is none of that number; -ENOMEM, or an error of Xen.
 * Does not block.
 */
int evtchn_bind_port(struct evtchn *e, uint32_t port);

/*
 * Mask, close the port, forget the handler. Who waits gets -EBADF. Also for a
 * stale channel. Returns 0, or -EBADF. Does not block.
 */
int evtchn_close(struct evtchn *e);

/* The same for a port that the toolstack owns: it stays open in Xen. */
int evtchn_release(struct evtchn *e);

/* The port's number (> 0), to be told to the peer. */
int evtchn_port(const struct evtchn *e);

/*
 * Call fn(arg) from the loop at each event; NULL for nobody. fn must not
 * block; it may close the channel and free it. Returns 0.
 */
int evtchn_handle(struct evtchn *e, void (*fn)(void *arg), void *arg);

/*
 * Signal the other end. When the peer has closed its end the signal is lost
 * and the call still succeeds. Returns 0. Does not block.
 */
int evtchn_notify(struct evtchn *e);

/* Hold events back until evtchn_unmask. Returns 0. Does not block. */
int evtchn_mask(struct evtchn *e);

/*
 * Let events come. What arrived while masked is one event now; a channel that
 * is slowed down (evtchn_served) first waits for its time. Returns 0. Does not
 * block.
 */
int evtchn_unmask(struct evtchn *e);

/*
 * Wait for an event later than *seen, which starts as event_count() of the
 * channel's event when it is bound (0 in fresh memory); on success *seen is the
 * new count. Never loses one. Returns 0, -ETIMEDOUT, -ECANCELED. Can block.
 */
int evtchn_wait(struct evtchn *e, uint64_t *seen, uint64_t deadline);

/* The channel's event, for event_wait_any. */
struct event *evtchn_event(struct evtchn *e);

/*
 * Tell how an event ended: had it work to do? A peer that sends events without
 * work is slowed down: from the third in succession on the channel is masked
 * for 1 ms, 2 ms, ... up to 256 ms each time. One with work resets this.
 * Returns 0. Does not block.
 */
int evtchn_served(struct evtchn *e, bool useful);

/* Priorities: 0 is the highest. */
#define EVTCHN_PRIORITY_HIGH    0
#define EVTCHN_PRIORITY_DEFAULT 7
#define EVTCHN_PRIORITY_LOW     15

/*
 * Set the priority. Returns 0, -EINVAL, or -EOPNOTSUPP where Xen offers only
 * the old 2-level interface (4096 ports, no priorities). Does not block.
 */
int evtchn_set_priority(struct evtchn *e, unsigned int priority);

/* How many ports there can be: 4096, or 131072. */
unsigned int evtchn_ports(void);

/* Figures since the start. */
struct evtchn_stat {
	uint64_t delivered; /* events given to a channel */
	uint64_t stray;     /* for ports that nobody had bound */
	uint64_t throttled; /* times that a channel was slowed down */
	uint64_t sent;      /* signals sent */
	unsigned int bound; /* channels bound now */
	bool fifo;          /* the interface in use */
};

/* Fill *s with them. Does not block. */
void evtchn_stat(struct evtchn_stat *s);

/* Write all bound ports with their state and counts to the log. */
void evtchn_dump(void);

FATA_END
#endif
