/* SPDX-License-Identifier: ISC */
/*
 * Event channels of the simulated Xen, for guests (shared page, 2-level or
 * FIFO) and for peers (callbacks).
 *
 * What a guest sees follows xen/common/event_2l.c and event_fifo.c step by
 * step: the pending bit first, then the selector (the queue), then the upcall.
 */
#include <errno.h>
#include <string.h>

#include <fata/base.h>
#include <xen/event_channel.h>

#include "lib/sim.h"
#include "lib/sim_fifo.h"

static struct sim_port *port_of(struct sim_domain *d, uint32_t port)
{
	if (!port || port >= d->ports_used ||
	    d->ports[port].state == SIM_PORT_FREE)
		return NULL;
	return &d->ports[port];
}

static int new_port(struct sim_domain *d)
{
	uint32_t limit = d->guest && !d->fifo ? 4096 : SIM_PORTS;

	for (uint32_t port = 1; port < d->ports_used; port++)
		if (d->ports[port].state == SIM_PORT_FREE)
			return (int)port;
	if (d->ports_used == limit)
		return -ENOSPC;
	return (int)d->ports_used++;
}

/* --- raising -------------------------------------------------------------- */

static void raise_2l(struct sim_domain *d, uint32_t port)
{
	struct shared_info *s = sim_shared(d);
	struct vcpu_info *v = &s->vcpu_info[0];
	xen_ulong_t bit = 1ul << port % 64, word = 1ul << port / 64;

	if (s->evtchn_pending[port / 64] & bit)
		return;
	s->evtchn_pending[port / 64] |= bit;
	if (s->evtchn_mask[port / 64] & bit || v->evtchn_pending_sel & word)
		return;
	v->evtchn_pending_sel |= word;
	v->evtchn_upcall_pending = 1;
}

/* A peer's turn, some time after the signal. */
static void deliver_to_peer(void *arg)
{
	struct sim_port *p = arg;

	p->pending = false;
	if (p->state != SIM_PORT_FREE && p->fn)
		p->fn(p->arg);
}

void sim_evtchn_raise(struct sim_domain *d, uint32_t port)
{
	struct sim_port *p = &d->ports[port];

	sim.events++;
	if (d->guest && d->fifo)
		sim_fifo_raise(d, port);
	else if (d->guest)
		raise_2l(d, port);
	else if (!p->pending) {
		p->pending = true;
		sim_after(FATA_NS_PER_US + sim_below(20 * FATA_NS_PER_US),
			  deliver_to_peer, p);
	}
}

int sim_evtchn_send(struct sim_domain *d, uint32_t port)
{
	struct sim_port *p = port_of(d, port);

	if (!p)
		return -EINVAL;
	switch (p->state) {
	case SIM_PORT_BOUND:
		sim_evtchn_raise(p->remote, p->remote_port);
		return 0;
	case SIM_PORT_IPI:
		sim_evtchn_raise(d, port);
		return 0;
	case SIM_PORT_UNBOUND:
		return 0; /* silently dropped */
	default:
		return -EINVAL;
	}
}

void sim_virq(struct sim_domain *d, unsigned int virq)
{
	for (uint32_t port = 1; port < d->ports_used; port++)
		if (d->ports[port].state == SIM_PORT_VIRQ &&
		    d->ports[port].virq == virq)
			sim_evtchn_raise(d, port);
}

/* --- binding -------------------------------------------------------------- */

static struct sim_port *open_port(struct sim_domain *d, uint32_t port,
				  enum sim_port_state state)
{
	struct sim_port *p = &d->ports[port];

	p->state = state;
	p->domain = d;
	p->priority = 7;
	p->fn = NULL;
	return p;
}

int sim_evtchn_unbound(struct sim_domain *d, uint16_t remote)
{
	int port = new_port(d);

	if (remote == DOMID_SELF)
		remote = d->id;
	if (port < 0)
		return port;
	if (!sim_domain(remote))
		return -ESRCH;
	open_port(d, port, SIM_PORT_UNBOUND)->remote = sim_domain(remote);
	return port;
}

int sim_evtchn_bind(struct sim_domain *d, uint16_t remote, uint32_t port)
{
	struct sim_domain *other =
		sim_domain(remote == DOMID_SELF ? d->id : remote);
	struct sim_port *p, *q;
	int local;

	if (!other)
		return -ESRCH;
	q = port_of(other, port);
	if (!q || q->state != SIM_PORT_UNBOUND || q->remote != d)
		return -EINVAL;
	local = new_port(d);
	if (local < 0)
		return local;
	p = open_port(d, local, SIM_PORT_BOUND);
	p->remote = other;
	p->remote_port = port;
	q->state = SIM_PORT_BOUND;
	q->remote_port = local;
	/* What was sent before was lost: raise once to be safe. */
	sim_evtchn_raise(d, local);
	return local;
}

int sim_evtchn_close(struct sim_domain *d, uint32_t port)
{
	struct sim_port *p = port_of(d, port);

	if (!p)
		return -EINVAL;
	if (p->state == SIM_PORT_BOUND) {
		struct sim_port *q = &p->remote->ports[p->remote_port];

		q->state = SIM_PORT_UNBOUND;
		q->remote = d;
	}
	if (!d->guest)
		sim_forget(p);
	else if (d->fifo)
		sim_fifo_close(d, port);
	else
		sim_shared(d)->evtchn_pending[port / 64] &= ~(1ul << port % 64);
	p->pending = false;
	p->state = SIM_PORT_FREE;
	return 0;
}

void sim_evtchn_on(struct sim_domain *d, uint32_t port, void (*fn)(void *arg),
		   void *arg)
{
	d->ports[port].fn = fn;
	d->ports[port].arg = arg;
}

unsigned int sim_evtchn_open(struct sim_domain *d)
{
	unsigned int n = 0;

	for (uint32_t port = 1; port < d->ports_used; port++)
		n += d->ports[port].state != SIM_PORT_FREE;
	return n;
}

static long bind_virq(struct evtchn_bind_virq *op)
{
	struct sim_domain *d = sim_guest;
	int port;

	if (op->virq >= NR_VIRQS || op->vcpu)
		return -EINVAL;
	for (uint32_t i = 1; i < d->ports_used; i++)
		if (d->ports[i].state == SIM_PORT_VIRQ &&
		    d->ports[i].virq == op->virq)
			return -EEXIST;
	port = new_port(d);
	if (port < 0)
		return port;
	open_port(d, port, SIM_PORT_VIRQ)->virq = op->virq;
	op->port = port;
	return 0;
}

static long bind_ipi(struct evtchn_bind_ipi *op)
{
	int port = new_port(sim_guest);

	if (port < 0 || op->vcpu)
		return port < 0 ? port : -EINVAL;
	open_port(sim_guest, port, SIM_PORT_IPI);
	op->port = port;
	return 0;
}

static long alloc_unbound(struct evtchn_alloc_unbound *op)
{
	int port;

	if (op->dom != DOMID_SELF)
		return -EPERM;
	port = sim_evtchn_unbound(sim_guest, op->remote_dom);
	op->port = port;
	return port < 0 ? port : 0;
}

static long bind_interdomain(struct evtchn_bind_interdomain *op)
{
	int port = sim_evtchn_bind(sim_guest, op->remote_dom, op->remote_port);

	op->local_port = port;
	return port < 0 ? port : 0;
}

static long set_priority(struct evtchn_set_priority *op)
{
	struct sim_port *p = port_of(sim_guest, op->port);

	if (!sim_guest->fifo)
		return -EOPNOTSUPP;
	if (!p || op->priority > 15)
		return -EINVAL;
	p->priority = op->priority;
	return 0;
}

static long unmask(struct evtchn_unmask *op)
{
	if (!port_of(sim_guest, op->port))
		return -EINVAL;
	if (sim_guest->fifo)
		sim_fifo_unmask(sim_guest, op->port);
	return 0;
}

long sim_event_channel_op(int cmd, void *arg)
{
	switch (cmd) {
	case EVTCHNOP_alloc_unbound:
		return alloc_unbound(arg);
	case EVTCHNOP_bind_interdomain:
		return bind_interdomain(arg);
	case EVTCHNOP_bind_virq:
		return bind_virq(arg);
	case EVTCHNOP_bind_ipi:
		return bind_ipi(arg);
	case EVTCHNOP_send:
		return sim_evtchn_send(sim_guest,
				       ((struct evtchn_send *)arg)->port);
	case EVTCHNOP_close:
		return sim_evtchn_close(sim_guest,
					((struct evtchn_close *)arg)->port);
	case EVTCHNOP_unmask:
		return unmask(arg);
	case EVTCHNOP_set_priority:
		return set_priority(arg);
	case EVTCHNOP_init_control:
		return sim_fifo_init(sim_guest, arg);
	case EVTCHNOP_expand_array:
		return sim_fifo_expand(sim_guest, arg);
	}
	return -ENOSYS;
}
