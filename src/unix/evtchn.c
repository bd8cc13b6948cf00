/* SPDX-License-Identifier: ISC */
/*
 * Event channels of a Linux process in dom0, or in any Linux guest of Xen, over
 * libxenevtchn.
 *
 *     its descriptor, in our loop, tells that a port fired; xenevtchn_pending
 *     names it, and it stays silent until xenevtchn_unmask
 *
 * A channel that its owner has masked is simply not unmasked; what has come is
 * delivered when it is. A channel to oneself (evtchn_bind_ipi) needs no Xen
 * and has none of its ports.
 *
 * Interface: fata/xen/evtchn.h. Without Xen every bind but an ipi's is -ENOSYS.
 */
#include "unix/unix.h"
#include "unix/xenlib.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/log.h>
#include <fata/xen/evtchn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <xenevtchn.h>

FATA_LOG_SOURCE("evtchn");

#define PORTS     131072
#define FIRST_IPI PORTS /* their numbers: beyond all of Xen's */
#define BATCH     64    /* ports taken in one go before others run */

/* struct evtchn's `generation`: what has come and is not delivered. */
#define PENDING 1u
#define SILENT  2u /* the kernel waits for us to write the port */

static struct evtchn *bound[PORTS];
static xenevtchn_handle *xen;
static struct unix_watch watch = {.fd = -1};
static struct evtchn_stat stat;
static uint32_t next_ipi = FIRST_IPI;

/* --- delivery ----------------------------------------------------------- */

static void rearm(struct evtchn *e)
{
	if (!(e->generation & SILENT))
		return;
	e->generation &= ~SILENT;
	if (xenevtchn_unmask(xen, e->port) < 0)
		log_error("port %u cannot be armed", e->port);
}

static void deliver(struct evtchn *e)
{
	e->generation &= ~PENDING;
	rearm(e); /* before the handler: it may find what comes meanwhile */
	stat.delivered++;
	event_signal(&e->event);
	if (e->fn)
		e->fn(e->arg); /* may close and free e */
}

static void deliver_later(void *arg)
{
	struct evtchn *e = arg;

	if (e->generation & PENDING && !e->masked && !e->throttled)
		deliver(e);
}

static void fired(struct evtchn *e)
{
	e->generation |= PENDING;
	if (!e->masked && !e->throttled)
		deliver(e);
}

static void on_port(uint32_t port)
{
	struct evtchn *e = port < PORTS ? bound[port] : NULL;

	if (!e) {
		stat.stray++;
		return;
	}
	e->generation |= SILENT;
	fired(e);
}

static void on_ready(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	for (unsigned i = 0; i < BATCH; i++) {
		int port = xenevtchn_pending(xen);

		if (port < 0)
			return; /* EAGAIN: no more */
		on_port((uint32_t)port);
	}
}

/* --- binding ------------------------------------------------------------ */

static int start(void)
{
	int rc;

	if (xen)
		return 0;
	xen = xenevtchn_open(&xenlib_logger, 0);
	if (!xen)
		return xenlib_absent("/dev/xen/evtchn", "xen-evtchn");
	watch.fd = xenevtchn_fd(xen);
	watch.fn = on_ready;
	rc = fcntl(watch.fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (!rc)
		rc = unix_watch(&watch, EPOLLIN);
	if (!rc)
		return 0;
	xenevtchn_close(xen);
	xen = NULL;
	return rc;
}

static int begin(struct evtchn *e, uint32_t port)
{
	*e = (struct evtchn){.event = e->event, .port = port, .masked = true};
	stat.bound++;
	return 0;
}

/* May e be bound, and is Xen there? */
static int ready(const struct evtchn *e)
{
	return e->port ? -EBUSY : start();
}

/* What the library's bind answered. */
static int bound_to(struct evtchn *e, xenevtchn_port_or_error_t port)
{
	if (port < 0)
		return -errno;
	if (!port || port >= PORTS)
		return -EIO;
	bound[port] = e;
	return begin(e, (uint32_t)port);
}

int evtchn_bind_unbound(struct evtchn *e, uint16_t peer)
{
	int rc = ready(e);

	return rc ? rc : bound_to(e, xenevtchn_bind_unbound_port(xen, peer));
}

int evtchn_bind_interdomain(struct evtchn *e, uint16_t peer, uint32_t port)
{
	int rc = ready(e);

	if (!rc)
		rc = bound_to(e, xenevtchn_bind_interdomain(xen, peer, port));
	/* what was sent before is one event; Linux may have dropped it */
	if (!rc)
		e->generation |= PENDING;
	return rc;
}

int evtchn_bind_virq(struct evtchn *e, unsigned int virq)
{
	int rc = ready(e);

	return rc ? rc : bound_to(e, xenevtchn_bind_virq(xen, virq));
}

int evtchn_bind_ipi(struct evtchn *e)
{
	if (e->port)
		return -EBUSY;
	return begin(e, next_ipi++);
}

int evtchn_bind_port(struct evtchn *e, uint32_t port)
{
	(void)e;
	(void)port;
	return -EPERM; /* the kernel has those for itself */
}

int evtchn_close(struct evtchn *e)
{
	uint32_t port = e->port;

	if (!port)
		return -EBADF;
	timer_cancel(&e->timer);
	if (port < PORTS) {
		bound[port] = NULL;
		xenevtchn_unbind(xen, port);
	}
	e->port = 0;
	e->fn = NULL;
	stat.bound--;
	event_signal(&e->event); /* who waits finds it closed */
	return 0;
}

int evtchn_release(struct evtchn *e)
{
	return evtchn_close(e);
}

/* --- use ---------------------------------------------------------------- */

int evtchn_port(const struct evtchn *e)
{
	return e->port ? (int)e->port : -EBADF;
}

int evtchn_handle(struct evtchn *e, void (*fn)(void *arg), void *arg)
{
	if (!e->port)
		return -EBADF;
	e->fn = fn;
	e->arg = arg;
	return 0;
}

int evtchn_notify(struct evtchn *e)
{
	uint32_t port = e->port;

	if (!port)
		return -EBADF;
	stat.sent++;
	if (port >= FIRST_IPI) {
		e->generation |= PENDING;
		timer_set(&e->timer, 0, deliver_later, e);
		return 0;
	}
	return xenevtchn_notify(xen, port) < 0 ? -errno : 0;
}

int evtchn_mask(struct evtchn *e)
{
	if (!e->port)
		return -EBADF;
	e->masked = true;
	return 0;
}

int evtchn_unmask(struct evtchn *e)
{
	if (!e->port)
		return -EBADF;
	e->masked = false;
	if (e->generation & PENDING && !e->throttled)
		timer_set(&e->timer, 0, deliver_later, e);
	return 0;
}

int evtchn_wait(struct evtchn *e, uint64_t *seen, uint64_t deadline)
{
	int rc;

	if (!e->port)
		return -EBADF;
	rc = event_wait(&e->event, seen, deadline);
	return !rc && !e->port ? -EBADF : rc;
}

struct event *evtchn_event(struct evtchn *e)
{
	return &e->event;
}

static void calm(void *arg)
{
	struct evtchn *e = arg;

	e->throttled = false;
	deliver_later(e);
}

int evtchn_served(struct evtchn *e, bool useful)
{
	unsigned over;

	if (!e->port)
		return -EBADF;
	if (useful) {
		e->empty = 0;
		return 0;
	}
	if (++e->empty < 3)
		return 0;
	over = e->empty - 3 < 8 ? e->empty - 3 : 8;
	e->throttled = true;
	stat.throttled++;
	timer_set(&e->timer, clock_deadline(FATA_NS_PER_MS << over), calm, e);
	return 0;
}

int evtchn_set_priority(struct evtchn *e, unsigned int priority)
{
	if (!e->port)
		return -EBADF;
	return priority > EVTCHN_PRIORITY_LOW ? -EINVAL : -EOPNOTSUPP;
}

unsigned int evtchn_ports(void)
{
	return PORTS;
}

void evtchn_stat(struct evtchn_stat *s)
{
	*s = stat;
}

void evtchn_dump(void)
{
	for (uint32_t i = 0; i < PORTS; i++)
		if (bound[i])
			log_info("port %u: %llu events%s", i,
				 (unsigned long long)bound[i]->event.count,
				 bound[i]->masked ? ", masked" : "");
}
