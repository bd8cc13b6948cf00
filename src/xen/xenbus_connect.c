/* SPDX-License-Identifier: ISC */
/*
 * Steps of a device's state machine that frontends and backends share: errors
 * that pass, publishing, connecting and disconnecting. They run on the
 * device's task (xenbus_device.c).
 */
#include <errno.h>

#include <fata/clock.h>
#include <fata/log.h>
#include "xen/xenbus.h"

FATA_LOG_SOURCE("xenbus");

#define PATIENCE_NS  (20 * FATA_NS_PER_S)
#define PAUSE_MIN_NS (20 * FATA_NS_PER_MS)
#define PAUSE_MAX_NS FATA_NS_PER_S
/* A peer that keeps closing at once is met ever more slowly. */
#define BACKOFF_MIN_NS (100 * FATA_NS_PER_MS)
#define BACKOFF_MAX_NS (10 * FATA_NS_PER_S)
#define STABLE_NS      (10 * FATA_NS_PER_S)

/* --- errors that pass ----------------------------------------------------- */

bool xenbus_passing(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EAGAIN ||
	       err == -ECONNRESET || err == -ETIMEDOUT || err == -ENOMEM;
}

void xenbus_fine(struct xenbus_device *d)
{
	d->priv->patience = 0;
	d->priv->pause = PAUSE_MIN_NS;
}

uint64_t xenbus_retry(struct xenbus_device *d, const char *doing, int err)
{
	struct xenbus_private *p = d->priv;
	uint64_t now = clock_mono_ns();

	if (!p->patience) {
		p->patience = now + PATIENCE_NS;
		p->pause = PAUSE_MIN_NS;
	}
	if (!xenbus_passing(err) || now >= p->patience) {
		xenbus_broken(d, "%s: error %d", doing, err);
		return 0;
	}
	now += p->pause;
	p->pause = p->pause * 2 < PAUSE_MAX_NS ? p->pause * 2 : PAUSE_MAX_NS;
	return now;
}

/* --- writing -------------------------------------------------------------- */

int xenbus_set_state(struct xenbus_device *d, const struct xs_transaction *t,
		     enum xenbus_state state)
{
	int err;

	if (!t && d->priv->own_state == state)
		return 0;
	err = xenbus_printf(d, t, "state", "%d", (int)state);
	if (err == 0 && !t)
		d->priv->own_state = state;
	return err;
}

struct publishing {
	struct xenbus_device *device;
	enum xenbus_state state;
};

static int publish(struct xs_transaction *t, void *arg)
{
	struct publishing *p = arg;
	const struct xenbus_driver *driver = p->device->driver;
	int err = xenbus_still_there(p->device, t);

	if (err == 0 && driver->publish)
		err = driver->publish(p->device, t);
	return err ? err : xenbus_set_state(p->device, t, p->state);
}

int xenbus_publish(struct xenbus_device *d, enum xenbus_state state)
{
	struct publishing p = {d, state};
	int err = xs_transaction(publish, &p, xenbus_deadline());

	if (err == 0)
		d->priv->own_state = state;
	return err;
}

/* --- connecting and disconnecting ----------------------------------------- */

void xenbus_disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	struct xenbus_private *p = d->priv;
	uint64_t now = clock_mono_ns();

	p->broken = false;
	if (p->connected) {
		if (now - p->up_since >= STABLE_NS || !p->backoff)
			p->backoff = BACKOFF_MIN_NS;
		else if (p->backoff < BACKOFF_MAX_NS)
			p->backoff *= 2;
		p->reopen = now + p->backoff;
	}
	p->connected = false;
	if (!p->set_up)
		return;
	p->set_up = false;
	d->driver->disconnect(d, why);
}

/* May be called again when only the state could not be written. */
uint64_t xenbus_connect(struct xenbus_device *d)
{
	struct xenbus_private *p = d->priv;
	int err = 0;

	if (!p->connected && d->driver->connect)
		err = d->driver->connect(d);
	if (err == 0) {
		p->connected = true;
		p->up_since = clock_mono_ns();
		err = xenbus_set_state(d, NULL, XENBUS_CONNECTED);
	}
	if (err)
		return xenbus_retry(d, "connecting", err);
	xenbus_fine(d);
	p->peer_changed = false;
	log_info("%s: connected to %s", d->path, d->peer_path);
	xenbus_set_phase(d, XENBUS_RUNNING);
	return FATA_FOREVER;
}

uint64_t xenbus_update(struct xenbus_device *d)
{
	int err = d->driver->update ? d->driver->update(d) : 0;

	if (err)
		return xenbus_retry(d, "following a change", err);
	xenbus_fine(d);
	return FATA_FOREVER;
}

bool xenbus_online(struct xenbus_device *d)
{
	char path[XS_PATH_SIZE];
	uint64_t online = 1;

	/* The key stands in the backend's directory, whoever asks. */
	if (xs_path(path, "%s/online",
		    d->priv->class->backend ? d->path : d->peer_path) == 0)
		xs_read_u64(NULL, path, 1, &online, xenbus_deadline());
	return online;
}
