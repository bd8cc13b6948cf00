/* SPDX-License-Identifier: ISC */
/*
 * Event channels: handles, their life, and what happens when one fires.
 *
 * A table maps each port to its handle, in chunks of one page that are made
 * when the first port of their range is bound. The shapes of shared memory
 * (evtchn_2l.c, evtchn_fifo.c) find the ports that are pending and call
 * evtchn_deliver for each.
 *
 * Invariants: table[port] == e exactly when e->port == port and e->generation
 * is the present one; a port that is not in the table is masked.
 */
#include <errno.h>
#include <inttypes.h>

#include <fata/clock.h>
#include <fata/log.h>
#include <fata/metrics.h>
#include <fata/page.h>
#include <fata/trace.h>
#include <xen/event_channel.h>

#include "xen/evtchn.h"
#include "xen/hypercall.h"

FATA_LOG_SOURCE("evtchn");

#define CHUNK  (PAGE_SIZE / sizeof(struct evtchn *))
#define CHUNKS (131072 / CHUNK)

/* Events without work that a peer may send before it is slowed down. */
#define EMPTY_FREE 2
#define EMPTY_MAX  10 /* 2^(10 - EMPTY_FREE) ms */

static const struct evtchn_abi *abi;
static struct evtchn **table[CHUNKS];
static uint32_t generation;
static struct evtchn_stat figures;
uint8_t evtchn_noted;

static struct evtchn *lookup(uint32_t port)
{
	struct evtchn **chunk;

	if (port >= abi->ports)
		return NULL;
	chunk = table[port / CHUNK];
	return chunk ? chunk[port % CHUNK] : NULL;
}

static int check(const struct evtchn *e)
{
	if (!e->port)
		return -EBADF;
	return e->generation == generation ? 0 : -ESTALE;
}

/* Put a port that is open in Xen into the table. */
static int enter(struct evtchn *e, uint32_t port)
{
	int rc;

	if (port == 0 || port >= abi->ports)
		return -EINVAL;
	if (!table[port / CHUNK]) {
		table[port / CHUNK] = page_alloc(0);
		if (!table[port / CHUNK])
			return -ENOMEM;
	}
	if (table[port / CHUNK][port % CHUNK])
		return -EEXIST;
	rc = abi->prepare(port);
	if (rc)
		return rc;
	abi->mask(port);
	e->port = port;
	e->generation = generation;
	e->masked = true;
	e->throttled = false;
	e->empty = 0;
	e->fn = NULL;
	table[port / CHUNK][port % CHUNK] = e;
	figures.bound++;
	return 0;
}

static void close_port(uint32_t port)
{
	struct evtchn_close op = {.port = port};

	/* Fails only for a port that is not open. */
	(void)hypercall_event_channel_op(EVTCHNOP_close, &op);
}

/* Enter a port that a hypercall has just made for us. */
static int enter_new(struct evtchn *e, long rc, const evtchn_port_t *port)
{
	if (rc)
		return rc;
	rc = enter(e, *port);
	if (rc)
		close_port(*port);
	return rc;
}

int evtchn_bind_unbound(struct evtchn *e, uint16_t peer)
{
	struct evtchn_alloc_unbound op = {.dom = DOMID_SELF,
					  .remote_dom = peer};

	if (e->port)
		return -EBUSY;
	return enter_new(
		e, hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &op),
		&op.port);
}

int evtchn_bind_interdomain(struct evtchn *e, uint16_t peer, uint32_t port)
{
	struct evtchn_bind_interdomain op = {.remote_dom = peer,
					     .remote_port = port};

	if (e->port)
		return -EBUSY;
	return enter_new(
		e, hypercall_event_channel_op(EVTCHNOP_bind_interdomain, &op),
		&op.local_port);
}

int evtchn_bind_virq(struct evtchn *e, unsigned int virq)
{
	struct evtchn_bind_virq op = {.virq = virq, .vcpu = 0};

	if (e->port)
		return -EBUSY;
	return enter_new(e, hypercall_event_channel_op(EVTCHNOP_bind_virq, &op),
			 &op.port);
}

int evtchn_bind_ipi(struct evtchn *e)
{
	struct evtchn_bind_ipi op = {.vcpu = 0};

	if (e->port)
		return -EBUSY;
	return enter_new(e, hypercall_event_channel_op(EVTCHNOP_bind_ipi, &op),
			 &op.port);
}

int evtchn_bind_port(struct evtchn *e, uint32_t port)
{
	return e->port ? -EBUSY : enter(e, port);
}

/* Forget the handle, and wake who waits on it. */
static void leave(struct evtchn *e)
{
	if (e->generation == generation) {
		abi->mask(e->port);
		table[e->port / CHUNK][e->port % CHUNK] = NULL;
		figures.bound--;
	}
	timer_cancel(&e->timer);
	e->port = 0;
	e->fn = NULL;
	event_signal(&e->event);
}

int evtchn_close(struct evtchn *e)
{
	uint32_t port = e->port;
	bool open = e->generation == generation;

	if (!port)
		return -EBADF;
	leave(e);
	if (open)
		close_port(port);
	return 0;
}

int evtchn_release(struct evtchn *e)
{
	if (!e->port)
		return -EBADF;
	leave(e);
	return 0;
}

int evtchn_port(const struct evtchn *e)
{
	int rc = check(e);

	return rc ? rc : (int)e->port;
}

int evtchn_handle(struct evtchn *e, void (*fn)(void *arg), void *arg)
{
	int rc = check(e);

	if (rc)
		return rc;
	e->fn = fn;
	e->arg = arg;
	return 0;
}

int evtchn_notify(struct evtchn *e)
{
	struct evtchn_send op = {.port = e->port};
	int rc = check(e);

	if (rc)
		return rc;
	figures.sent++;
	trace(TRACE_NOTIFY, e->port, 0);
	return hypercall_event_channel_op(EVTCHNOP_send, &op);
}

int evtchn_mask(struct evtchn *e)
{
	int rc = check(e);

	if (rc)
		return rc;
	e->masked = true;
	abi->mask(e->port);
	return 0;
}

int evtchn_unmask(struct evtchn *e)
{
	int rc = check(e);

	if (rc)
		return rc;
	e->masked = false;
	if (!e->throttled)
		abi->unmask(e->port);
	return 0;
}

int evtchn_wait(struct evtchn *e, uint64_t *seen, uint64_t deadline)
{
	int rc = check(e);

	if (rc)
		return rc;
	rc = event_wait(&e->event, seen, deadline);
	return rc ? rc : check(e);
}

struct event *evtchn_event(struct evtchn *e)
{
	return &e->event;
}

/* The storm's pause is over. */
static void resume_flow(void *arg)
{
	struct evtchn *e = arg;

	e->throttled = false;
	if (!e->masked)
		abi->unmask(e->port);
}

int evtchn_served(struct evtchn *e, bool useful)
{
	int rc = check(e);
	uint64_t pause;

	if (rc)
		return rc;
	if (useful) {
		e->empty = 0;
		return 0;
	}
	if (e->empty < EMPTY_MAX)
		e->empty++;
	if (e->empty <= EMPTY_FREE || e->throttled)
		return 0;
	pause = FATA_NS_PER_MS << (e->empty - EMPTY_FREE - 1);
	e->throttled = true;
	figures.throttled++;
	abi->mask(e->port);
	timer_set(&e->timer, clock_deadline(pause), resume_flow, e);
	return 0;
}

int evtchn_set_priority(struct evtchn *e, unsigned int priority)
{
	struct evtchn_set_priority op = {.port = e->port, .priority = priority};
	int rc = check(e);

	if (rc)
		return rc;
	if (priority > EVTCHN_PRIORITY_LOW)
		return -EINVAL;
	if (abi == &evtchn_2l)
		return -EOPNOTSUPP;
	return hypercall_event_channel_op(EVTCHNOP_set_priority, &op);
}

unsigned int evtchn_ports(void)
{
	return abi->ports;
}

void evtchn_stat(struct evtchn_stat *s)
{
	*s = figures;
	s->fifo = abi != &evtchn_2l;
}

void evtchn_deliver(uint32_t port)
{
	struct evtchn *e = lookup(port);

	if (!e) {
		/* Nobody's: it must not come again. */
		if (port < abi->ports)
			abi->mask(port);
		figures.stray++;
		return;
	}
	figures.delivered++;
	trace(TRACE_EVENT, port, 0);
	event_signal(&e->event);
	if (e->fn)
		e->fn(e->arg);
}

/* The handles with ports from `port` on, in order; NULL after the last. */
static struct evtchn *next_bound(uint32_t port)
{
	struct evtchn *e;

	for (; port < abi->ports; port++) {
		if (!table[port / CHUNK])
			port |= CHUNK - 1;
		else if ((e = lookup(port)))
			return e;
	}
	return NULL;
}

void evtchn_dump(void)
{
	log_info("%s, %u of %u ports bound, %" PRIu64 " events, %" PRIu64
		 " stray, %" PRIu64 " throttled, %" PRIu64 " sent",
		 abi == &evtchn_2l ? "2-level" : "fifo", figures.bound,
		 abi->ports, figures.delivered, figures.stray,
		 figures.throttled, figures.sent);
	for (struct evtchn *e = next_bound(0); e; e = next_bound(e->port + 1))
		log_info("port %u: %" PRIu64 " events%s%s%s", e->port,
			 event_count(&e->event), e->masked ? " masked" : "",
			 e->throttled ? " throttled" : "",
			 abi->is_pending(e->port) ? " pending" : "");
}

static struct shared_info *shared;

static void start(struct shared_info *s)
{
	shared = s;
	evtchn_2l_init(s);
	abi = evtchn_fifo_init(s) ? &evtchn_2l : &evtchn_fifo;
}

void evtchn_init(struct shared_info *s)
{
	generation = 1;
	start(s);
}

void evtchn_resume(struct shared_info *s)
{
	struct evtchn *e;

	generation++;
	for (e = next_bound(0); e; e = next_bound(e->port + 1)) {
		table[e->port / CHUNK][e->port % CHUNK] = NULL;
		figures.bound--;
		timer_cancel(&e->timer);
		event_signal(&e->event);
	}
	start(s);
}

bool evtchn_pending(void)
{
	return __atomic_load_n(&shared->vcpu_info[0].evtchn_upcall_pending,
			       __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&evtchn_noted, __ATOMIC_SEQ_CST);
}

unsigned int evtchn_dispatch(void)
{
	__atomic_store_n(&evtchn_noted, 0, __ATOMIC_SEQ_CST);
	return abi->dispatch(EVTCHN_BUDGET);
}

FATA_METRIC_COUNTER(figures.delivered, "evtchn.delivered");
FATA_METRIC_COUNTER(figures.sent, "evtchn.sent");
FATA_METRIC_COUNTER(figures.throttled, "evtchn.throttled");
