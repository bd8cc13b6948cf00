/* SPDX-License-Identifier: ISC */
/*
 * The task of a device: who its other half is, what has become of both, and
 * what to do next; see fata/xen/xenbus.h for the picture. The steps that both
 * kinds share are in xenbus_connect.c.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include "core/fmt.h"
#include "xen/xenbus.h"

FATA_LOG_SOURCE("xenbus");

#define HIDDEN_NS (10 * FATA_NS_PER_S)
#define PAUSE_NS  FATA_NS_PER_S

struct event xenbus_frozen;

void xenbus_set_phase(struct xenbus_device *d, enum xenbus_phase phase)
{
	if (d->phase == phase)
		return;
	d->phase = phase;
	event_signal(&d->changed);
}

static void forget_peer(struct xenbus_device *d)
{
	if (d->priv->watch)
		xs_unwatch(d->priv->watch);
	d->priv->watch = NULL;
	heap_free((char *)d->peer_path);
	d->peer_path = NULL;
	d->peer_state = XENBUS_UNKNOWN;
}

static void become_gone(struct xenbus_device *d)
{
	xenbus_disconnect(d, XENBUS_WHY_GONE);
	forget_peer(d);
	log_info("%s: unplugged", d->path);
	xenbus_set_phase(d, XENBUS_GONE);
	if (d->priv->probed && d->driver->gone)
		d->driver->gone(d);
}

static void become_broken(struct xenbus_device *d)
{
	xenbus_disconnect(d, XENBUS_WHY_BROKEN);
	/* Best effort: the peer shall know, but it is of no use to us. */
	if (xenbus_set_state(d, NULL, XENBUS_CLOSING) == 0)
		xenbus_set_state(d, NULL, XENBUS_CLOSED);
	xenbus_fine(d);
	xenbus_set_phase(d, XENBUS_BROKEN);
}

/* --- who the peer is ------------------------------------------------------ */

static void peer_touched(void *arg, const char *path)
{
	struct xenbus_device *d = arg;

	(void)path;
	d->priv->peer_changed = true;
	event_signal(&d->priv->kick);
}

/* Read the peer's directory and domain. -ENODEV: our own directory is gone. */
static int read_link(struct xenbus_device *d, char **path, uint16_t *domid)
{
	bool backend = d->priv->class->backend;
	char **names;
	uint64_t id;
	unsigned int n;
	int err = xenbus_read_own(d, backend ? "frontend" : "backend", path);

	if (err == -ENOENT) {
		err = xs_directory(NULL, d->path, &names, &n,
				   xenbus_deadline());
		if (err)
			return err == -ENOENT ? -ENODEV : err;
		heap_free(names);
		return -ENOENT;
	}
	if (err)
		return err;
	err = xenbus_read_own_u64(d, backend ? "frontend-id" : "backend-id",
				  UINT16_MAX, &id);
	if (err) {
		heap_free(*path);
		return err;
	}
	*domid = id;
	return 0;
}

/* A path within that domain's own directory? */
static bool belongs(const char *path, uint16_t domid)
{
	char home[32];
	size_t n = fmt(home, sizeof(home), "/local/domain/%u/", domid);

	return strncmp(path, home, n) == 0 && path[n];
}

/* Is this peer acceptable? If not the device is told to be broken. */
static bool accept_peer(struct xenbus_device *d, const char *path,
			uint16_t domid)
{
	struct xenbus_private *p = d->priv;

	if (!belongs(path, domid)) {
		xenbus_broken(d, "%s is not of domain %u", path, domid);
		return false;
	}
	if (p->pinned && p->pin != domid) {
		xenbus_broken(d, "the other half moved from domain %u to %u",
			      p->pin, domid);
		return false;
	}
	p->pinned = true;
	p->pin = domid;
	return true;
}

/* LOOKING: find the peer and watch it. */
static uint64_t look(struct xenbus_device *d)
{
	struct xenbus_private *p = d->priv;
	char *path;
	uint16_t domid;
	uint64_t state;
	int err = read_link(d, &path, &domid);

	if (err == -ENODEV) {
		become_gone(d);
		return 0;
	}
	if (err)
		return xenbus_retry(d, "looking for the other half", err);
	if (p->remade)
		p->pinned = p->remade = false;
	p->retired = p->class->backend && !xenbus_online(d);
	if (!accept_peer(d, path, domid)) {
		heap_free(path);
		return 0;
	}
	forget_peer(d);
	d->peer_path = path;
	d->peer = domid;
	err = xs_watch(&p->watch, path, peer_touched, d, xenbus_deadline());
	if (err) {
		p->watch = NULL;
		return xenbus_retry(d, "watching the other half", err);
	}
	/* What we find there is what an earlier life has left. */
	err = xenbus_read_own_u64(d, "state", XENBUS_RECONFIGURED, &state);
	p->own_state = err ? XENBUS_UNKNOWN : (enum xenbus_state)state;
	xenbus_fine(d);
	xenbus_set_phase(d, XENBUS_WAITING);
	return 0;
}

/*
 * Something happened to our own directory: is it still there, with the same
 * peer? Returns false when the step is over.
 */
static bool check_own(struct xenbus_device *d, uint64_t *again)
{
	struct xenbus_private *p = d->priv;
	char *path;
	uint16_t domid;
	bool same;
	int err = read_link(d, &path, &domid);

	*again = 0;
	if (err == -ENODEV) {
		become_gone(d);
		return false;
	}
	if (err) {
		p->own_changed = true;
		*again = clock_deadline(PAUSE_NS);
		if (d->phase != XENBUS_BROKEN)
			xenbus_retry(d, "reading the own directory", err);
		return true;
	}
	if (p->remade)
		p->pinned = false;
	p->retired = p->class->backend && !xenbus_online(d);
	if (d->phase == XENBUS_BROKEN) {
		/* Unplugged and plugged in again: another device. */
		if (p->remade && p->probed)
			xenbus_set_phase(d, XENBUS_LOOKING);
		heap_free(path);
		return true;
	}
	p->remade = false;
	same = d->peer_path && domid == d->peer &&
	       strcmp(path, d->peer_path) == 0;
	if (!same && accept_peer(d, path, domid)) {
		xenbus_disconnect(d, XENBUS_WHY_CLOSED);
		xenbus_set_phase(d, XENBUS_LOOKING);
	}
	heap_free(path);
	return same;
}

/*
 * d->peer_state, and 0 or an error that has nothing to do with it. A directory
 * that was removed looks like one that may not be read: its parent may not.
 */
static int read_peer_state(struct xenbus_device *d)
{
	uint64_t state;
	int err = xenbus_read_u64(d, "state", XENBUS_RECONFIGURED, &state);

	if (err == 0)
		d->peer_state = state;
	else if (err == -ENOENT || err == -EACCES || err == -EINVAL ||
		 err == -ERANGE)
		d->peer_state = XENBUS_UNKNOWN;
	else
		return err;
	return 0;
}

/* --- the task ------------------------------------------------------------- */

static void freeze(struct xenbus_device *d)
{
	if (d->priv->connected && d->driver->suspend)
		d->driver->suspend(d);
	d->priv->freeze = XENBUS_FROZEN;
	event_signal(&xenbus_frozen);
}

static void thaw(struct xenbus_device *d)
{
	struct xenbus_private *p = d->priv;

	if (p->freeze == XENBUS_THAW) {
		if (p->connected && d->driver->unsuspend)
			d->driver->unsuspend(d);
	} else {
		xenbus_disconnect(d, XENBUS_WHY_RESUMED);
		p->reopen = 0;
		p->pinned = false;
		if (d->phase != XENBUS_BROKEN)
			xenbus_set_phase(d, XENBUS_LOOKING);
	}
	p->freeze = XENBUS_RUN;
}

static bool stopped(struct xenbus_device *d)
{
	if (d->priv->freeze == XENBUS_FREEZE)
		freeze(d);
	if (d->priv->freeze == XENBUS_THAW || d->priv->freeze == XENBUS_RENEW)
		thaw(d);
	return d->priv->freeze == XENBUS_FROZEN;
}

/* Look at everything once; returns when to look again at the latest. */
static uint64_t step(struct xenbus_device *d)
{
	struct xenbus_private *p = d->priv;
	uint64_t again = 0;
	int err;

	if (stopped(d))
		return FATA_FOREVER;
	if (p->broken)
		become_broken(d);
	if (p->reset && p->probed && d->phase == XENBUS_BROKEN)
		xenbus_set_phase(d, XENBUS_LOOKING);
	p->reset = false;
	if (d->phase == XENBUS_LOOKING)
		return look(d);
	if (p->own_changed) {
		p->own_changed = false;
		if (!check_own(d, &again))
			return 0;
	}
	if (d->phase == XENBUS_BROKEN && p->retired)
		return xenbus_back_retire(d);
	if (d->phase == XENBUS_BROKEN)
		return again ? again : FATA_FOREVER;
	if (d->phase == XENBUS_LOOKING)
		return 0;
	err = read_peer_state(d);
	if (err)
		return xenbus_retry(d, "reading the other half's state", err);
	again = p->class->backend ? xenbus_back_step(d) : xenbus_front_step(d);
	/* Permissions may change without an event. */
	if (again == FATA_FOREVER && d->peer_state == XENBUS_UNKNOWN)
		again = clock_deadline(HIDDEN_NS);
	return again;
}

int xenbus_device_run(void *device)
{
	struct xenbus_device *d = device;
	struct xenbus_private *p = d->priv;
	uint64_t seen, again;
	int err = d->driver->probe ? d->driver->probe(d) : 0;

	/* One that its driver does not want stays in the list, unused. */
	if (err)
		log_error("%s: error %d, ignored", d->path, err);
	p->probed = err == 0;
	/* probe may have blocked: a match looks again at what it has made */
	event_signal(&p->class->plugged);
	xenbus_set_phase(d, err ? XENBUS_BROKEN : XENBUS_LOOKING);
	while (d->phase != XENBUS_GONE) {
		seen = event_count(&p->kick);
		again = step(d);
		/* Nobody cancels this task; a timeout is as good as a kick. */
		if (d->phase != XENBUS_GONE)
			event_wait(&p->kick, &seen, again);
	}
	xenbus_forget(d);
	return 0;
}
