/* SPDX-License-Identifier: ISC */
/*
 * What a frontend does in each phase, given the backend's present state; see
 * fata/xen/xenbus.h. Each function returns when to come back at the latest; 0
 * means at once, since the phase has changed.
 */
#include <fata/clock.h>
#include "xen/xenbus.h"

#define LEAVE_NS (500 * FATA_NS_PER_MS)

/* The backend waits for us: make rings and publish them. */
static uint64_t negotiate(struct xenbus_device *d)
{
	int err = d->driver->setup(d);

	if (err)
		return xenbus_retry(d, "setting up", err);
	d->priv->set_up = true;
	err = xenbus_publish(d, d->driver->ready);
	if (err && xenbus_passing(err))
		xenbus_disconnect(d, XENBUS_WHY_CLOSED);
	if (err)
		return xenbus_retry(d, "publishing", err);
	xenbus_fine(d);
	xenbus_set_phase(d, XENBUS_CONNECTING);
	return 0;
}

static uint64_t say(struct xenbus_device *d, enum xenbus_state state)
{
	int err = xenbus_set_state(d, NULL, state);

	if (err)
		return xenbus_retry(d, "writing the state", err);
	xenbus_fine(d);
	return FATA_FOREVER;
}

/*
 * Bring the backend to InitWait. One that is still connected to what we were
 * before a restart is led through the close first.
 */
static uint64_t waiting(struct xenbus_device *d)
{
	switch (d->peer_state) {
	case XENBUS_INIT_WAIT:
	case XENBUS_INITIALISED:
		return negotiate(d);
	case XENBUS_CONNECTED:
	case XENBUS_RECONFIGURING:
	case XENBUS_RECONFIGURED:
		return say(d, XENBUS_CLOSING);
	case XENBUS_CLOSING:
		return say(d, XENBUS_CLOSED);
	case XENBUS_CLOSED:
		return xenbus_online(d) ? say(d, XENBUS_INITIALISING)
					: FATA_FOREVER;
	case XENBUS_INITIALISING:
		return say(d, XENBUS_INITIALISING);
	default:
		return FATA_FOREVER;
	}
}

/* The backend leaves: so do we, and perhaps come back. */
static uint64_t offline(struct xenbus_device *d)
{
	xenbus_disconnect(d, XENBUS_WHY_CLOSED);
	xenbus_set_phase(d, XENBUS_OFFLINE);
	return 0;
}

static uint64_t connecting(struct xenbus_device *d)
{
	switch (d->peer_state) {
	case XENBUS_CONNECTED:
		return xenbus_connect(d);
	case XENBUS_UNKNOWN:
	case XENBUS_CLOSING:
	case XENBUS_CLOSED:
		return offline(d);
	default:
		return FATA_FOREVER;
	}
}

/*
 * A backend begins anew without having closed. Linux's, when its driver is
 * unbound and bound again, takes up the rings that it finds published. If they
 * went away now it would be left with half of them, and would not look again
 * before we have closed. So it is led through the close, with the rings there.
 */
static uint64_t lead_out(struct xenbus_device *d)
{
	uint64_t retry = say(d, XENBUS_CLOSING);

	if (retry != FATA_FOREVER) {
		d->priv->peer_changed = true;
		return retry;
	}
	d->priv->leave = clock_deadline(LEAVE_NS);
	return d->priv->leave;
}

static uint64_t running(struct xenbus_device *d)
{
	bool leaving = d->priv->own_state == XENBUS_CLOSING;

	if (leaving && clock_mono_ns() >= d->priv->leave)
		return offline(d);
	if (!d->priv->peer_changed)
		return leaving ? d->priv->leave : FATA_FOREVER;
	d->priv->peer_changed = false;
	switch (d->peer_state) {
	case XENBUS_CONNECTED:
	case XENBUS_RECONFIGURING:
	case XENBUS_RECONFIGURED:
		return leaving ? d->priv->leave : xenbus_update(d);
	case XENBUS_INITIALISING:
	case XENBUS_INIT_WAIT:
	case XENBUS_INITIALISED:
		return leaving ? d->priv->leave : lead_out(d);
	default:
		return offline(d);
	}
}

/* Closed: look for the backend anew, unless it shall be unplugged. */
static uint64_t closed(struct xenbus_device *d)
{
	if (say(d, XENBUS_CLOSED) != FATA_FOREVER)
		return clock_deadline(FATA_NS_PER_S);
	if (clock_mono_ns() < d->priv->reopen)
		return d->priv->reopen;
	if (d->peer_state == XENBUS_CLOSING ||
	    (d->peer_state == XENBUS_CLOSED && !xenbus_online(d)))
		return FATA_FOREVER;
	xenbus_set_phase(d, XENBUS_LOOKING);
	return 0;
}

uint64_t xenbus_front_step(struct xenbus_device *d)
{
	switch (d->phase) {
	case XENBUS_WAITING:
		return waiting(d);
	case XENBUS_CONNECTING:
		return connecting(d);
	case XENBUS_RUNNING:
		return running(d);
	case XENBUS_OFFLINE:
		return closed(d);
	default:
		return FATA_FOREVER;
	}
}
