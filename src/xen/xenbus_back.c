/* SPDX-License-Identifier: ISC */
/*
 * What a backend does in each phase, given the frontend's present state; see
 * fata/xen/xenbus.h. The values returned are those of xenbus_front.c.
 */
#include <errno.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include "core/fmt.h"
#include "xen/xenbus.h"

/* So long can the toolstack read that we are closed. */
#define RETIRE_NS (500 * FATA_NS_PER_MS)

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

/* Our directory, and that of the frontend's domain if it was the last. */
static int remove_all(struct xs_transaction *t, void *arg)
{
	struct xenbus_device *d = arg;
	char path[XS_PATH_SIZE], **names;
	unsigned int n = 0;
	size_t end;
	int err = xs_rm(t, d->path, xenbus_deadline());

	if (err)
		return err;
	end = fmt(path, sizeof(path), "%s", d->path);
	while (end && path[end] != '/')
		end--;
	path[end] = '\0';
	/* it may not be ours to look at, or to remove */
	err = xs_directory(t, path, &names, &n, xenbus_deadline());
	if (!err)
		heap_free(names);
	if (!err && !n)
		xs_rm(t, path, xenbus_deadline());
	return 0;
}

/*
 * The toolstack has written its own word over our state, and waits for Closed.
 * In a driver domain it then waits until the directory is gone: nobody else
 * removes it there.
 */
uint64_t xenbus_back_retire(struct xenbus_device *d)
{
	struct xenbus_private *p = d->priv;
	uint64_t now = clock_mono_ns();
	int err;

	if (!p->retire) {
		d->priv->own_state = XENBUS_UNKNOWN;
		err = xenbus_set_state(d, NULL, XENBUS_CLOSED);
		p->retire = now + RETIRE_NS;
		if (err)
			return p->retire;
	}
	if (now < p->retire)
		return p->retire;
	err = xs_transaction(remove_all, d, xenbus_deadline());
	if (err && err != -ENOENT && err != -EACCES && xenbus_passing(err))
		return now + RETIRE_NS;
	if (err && err != -ENOENT)
		return FATA_FOREVER; /* not ours to remove */
	p->own_changed = true;
	return 0;
}

uint64_t xenbus_back_step(struct xenbus_device *d)
{
	if (d->priv->retired && (d->peer_state == XENBUS_UNKNOWN ||
				 d->peer_state == XENBUS_CLOSED)) {
		xenbus_disconnect(d, XENBUS_WHY_CLOSED);
		xenbus_set_phase(d, XENBUS_OFFLINE);
		return xenbus_back_retire(d);
	}
	d->priv->retire = 0;
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
