/* SPDX-License-Identifier: ISC */
/*
 * What a backend does in each phase, given the frontend's present state; see
 * fata/xen/xenbus.h. The values returned are those of xenbus_front.c.
 */
#include <fata/clock.h>
#include "xen/xenbus.h"

static uint64_t say(struct xenbus_device *d, enum xenbus_state state)
{
	int err = xenbus_set_state(d, NULL, state);

	if (err)
		return xenbus_retry(d, "writing the state", err);
	xenbus_fine(d);
	return FATA_FOREVER;
}

/* Our features are out, and the frontend has taken them up. */
static uint64_t negotiate(struct xenbus_device *d)
{
	int err = d->driver->setup(d);

	if (err)
		return xenbus_retry(d, "setting up", err);
	d->priv->set_up = true;
	xenbus_fine(d);
	xenbus_set_phase(d, XENBUS_CONNECTING);
	return 0;
}

static uint64_t offer(struct xenbus_device *d)
{
	int err;

	if (d->priv->own_state == XENBUS_INIT_WAIT)
		return FATA_FOREVER;
	err = xenbus_publish(d, XENBUS_INIT_WAIT);
	if (err)
		return xenbus_retry(d, "publishing", err);
	xenbus_fine(d);
	return 0;
}

/*
 * The frontend is connected to what we were before a restart: its ring is half
 * used. It is led through the close, and makes another.
 */
static bool inherited(const struct xenbus_device *d)
{
	return d->priv->own_state == XENBUS_CONNECTED ||
	       d->priv->own_state == XENBUS_CLOSING;
}

static uint64_t waiting(struct xenbus_device *d)
{
	switch (d->peer_state) {
	case XENBUS_INITIALISED:
	case XENBUS_CONNECTED:
		if (d->priv->own_state == XENBUS_INIT_WAIT)
			return negotiate(d);
		return inherited(d) ? say(d, XENBUS_CLOSING) : offer(d);
	case XENBUS_CLOSING:
		return say(d, XENBUS_CLOSING);
	case XENBUS_CLOSED:
		return say(d, XENBUS_CLOSED);
	default:
		return offer(d);
	}
}

static uint64_t offline(struct xenbus_device *d)
{
	xenbus_disconnect(d, XENBUS_WHY_CLOSED);
	xenbus_set_phase(d, XENBUS_OFFLINE);
	return 0;
}

static uint64_t running(struct xenbus_device *d)
{
	bool connecting = d->phase == XENBUS_CONNECTING;

	switch (d->peer_state) {
	case XENBUS_INITIALISED:
	case XENBUS_CONNECTED:
	case XENBUS_RECONFIGURING:
	case XENBUS_RECONFIGURED:
		if (connecting)
			return xenbus_connect(d);
		if (!d->priv->peer_changed)
			return FATA_FOREVER;
		d->priv->peer_changed = false;
		return xenbus_update(d);
	default:
		return offline(d);
	}
}

static uint64_t closed(struct xenbus_device *d)
{
	if (d->peer_state == XENBUS_CLOSING)
		return say(d, XENBUS_CLOSING);
	if (d->peer_state == XENBUS_CLOSED || d->peer_state == XENBUS_UNKNOWN)
		return say(d, XENBUS_CLOSED);
	if (clock_mono_ns() < d->priv->reopen)
		return d->priv->reopen;
	xenbus_set_phase(d, XENBUS_LOOKING);
	return 0;
}

uint64_t xenbus_back_step(struct xenbus_device *d)
{
	switch (d->phase) {
	case XENBUS_WAITING:
		return waiting(d);
	case XENBUS_CONNECTING:
	case XENBUS_RUNNING:
		return running(d);
	case XENBUS_OFFLINE:
		return closed(d);
	default:
		return FATA_FOREVER;
	}
}
