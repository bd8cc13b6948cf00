/* SPDX-License-Identifier: ISC */
/*
 * xenbus: how a device finds its other half, connects, and gets over the loss
 * of it; once, for every driver (xen/include/public/io/xenbus.h).
 *
 * A frontend has a directory in xenstore, device/CLASS/ID, made by the
 * toolstack, whose keys `backend` and `backend-id` name the directory of the
 * other half. Both halves publish keys and a `state`, and watch the other's.
 *
 *     backend        frontend                    what this file calls
 *     InitWait   ->                              setup   read, make rings
 *                <-  driver->ready, keys         publish write keys
 *     Connected  ->  Connected                   connect go
 *     Closing    ->                              disconnect  free the rings
 *                <-  Closed
 *     Closed     ->  Initialising, if `online`   (from the top)
 *
 * Only the present value of a state counts: a peer may skip or repeat states
 * as it likes. Keys that are not there or not readable yet (-ENOENT, -EACCES:
 * the toolstack is still at work) are asked for again. The device's directory
 * may vanish at any moment (hot-unplug), the backend's too (a driver domain
 * died), and resume in another domain makes all of it anew: each ends in
 * disconnect, and in a new connection when there is something to connect to.
 *
 *     LOOKING --> WAITING --> CONNECTING --> RUNNING
 *        ^           ^            |             |  xenbus_broken
 *        |           |            v             v  or nonsense from the peer
 *        |           +-------- OFFLINE      BROKEN --xenbus_reset--> LOOKING
 *        +-- resume, backend lost               GONE: directory removed
 *
 * Each device has one task. All functions of a driver run on it, one at a
 * time, and may block: use deadlines (xenbus_deadline). So there is no race
 * between two reasons to tear down: disconnect is called exactly once for each
 * setup that succeeded.
 *
 * A backend that moves to another domain, without the device having been made
 * anew by the toolstack or the guest having been resumed, is refused: the
 * device becomes BROKEN.
 *
 * A driver:
 *
 *     static const struct xenbus_driver netfront = {
 *             .class = "vif",
 *             .ready = XENBUS_CONNECTED,  (blkfront: XENBUS_INITIALISED)
 *             .probe = ..., .setup = ..., .publish = ..., .connect = ...,
 *             .disconnect = ..., .remove = ...,
 *     };
 *     xenbus_register(&netfront);
 *     xenbus_find(&netfront, NULL, NULL, &d, deadline);
 *     xenbus_wait(d, deadline);           now it is RUNNING; d->data is ready
 */
#ifndef FATA_XEN_XENBUS_H
#define FATA_XEN_XENBUS_H

#include <fata/event.h>
#include <fata/xen/xs.h>

FATA_BEGIN

/* What each half publishes. */
enum xenbus_state {
	XENBUS_UNKNOWN = 0, /* no such key: the other half is not there */
	XENBUS_INITIALISING = 1,
	XENBUS_INIT_WAIT = 2,
	XENBUS_INITIALISED = 3,
	XENBUS_CONNECTED = 4,
	XENBUS_CLOSING = 5,
	XENBUS_CLOSED = 6,
	XENBUS_RECONFIGURING = 7,
	XENBUS_RECONFIGURED = 8,
};

/* "Connected"; "?" for a number that means nothing. Valid for ever. */
const char *xenbus_state_name(enum xenbus_state s);

/* How far a device is (see the picture). */
enum xenbus_phase {
	XENBUS_LOOKING,    /* for its backend's name */
	XENBUS_WAITING,    /* for the backend to be ready to negotiate */
	XENBUS_CONNECTING, /* our keys are out */
	XENBUS_RUNNING,
	XENBUS_OFFLINE, /* closed by the backend */
	XENBUS_BROKEN,  /* the backend misbehaved, or the driver failed */
	XENBUS_GONE,    /* unplugged; it will not come back */
};

/* Why a driver must disconnect. */
enum xenbus_why {
	XENBUS_WHY_CLOSED,  /* the backend closed, vanished or began anew */
	XENBUS_WHY_BROKEN,  /* xenbus_broken, or publish or connect failed */
	XENBUS_WHY_RESUMED, /* elsewhere: ports and grants are void already */
	XENBUS_WHY_GONE,    /* unplugged */
};

/* Below; and, private, what xenbus knows of a device. */
struct xenbus_driver;
struct xenbus_private;

/* One device; xenbus owns it, a driver and users have references. */
struct xenbus_device {
	const struct xenbus_driver *driver;
	void *data;              /* the driver's own */
	const char *path;        /* our directory: "device/vif/0" */
	const char *peer_path;   /* theirs; valid from setup to disconnect */
	uint32_t id;             /* the last part of path, a number */
	uint16_t peer;           /* their domain; valid like peer_path */
	enum xenbus_phase phase; /* read only; `changed` tells of changes */
	enum xenbus_state peer_state; /* read only, as last seen */
	struct event changed;
	struct xenbus_private *priv;
};

/*
 * A driver; constant and in place for ever. Functions return 0 or an error.
 * Those marked (o) may be NULL.
 */
struct xenbus_driver {
	const char *class; /* "vif", "vbd", "9pfs", ... */

	/*
	 * The state that tells this kind of backend that our keys are there:
	 * XENBUS_INITIALISED for most, XENBUS_CONNECTED for network.
	 */
	enum xenbus_state ready;

	/* (o) A device was found, once for each. An error: it is ignored. */
	int (*probe)(struct xenbus_device *d);

	/*
	 * The backend waits: read what it offers, make rings, grants, an
	 * unbound channel for d->peer. -EAGAIN, -ENOENT, -EACCES, -ENOMEM,
	 * -ETIMEDOUT, -ECONNRESET: called again after a while, for 20 s at
	 * most; what it made meanwhile must be undone before it returns an
	 * error. Another error: BROKEN.
	 */
	int (*setup)(struct xenbus_device *d);

	/*
	 * (o) Write our keys with xenbus_printf(d, t, ...). It is a
	 * transaction and may be called several times.
	 */
	int (*publish)(struct xenbus_device *d, struct xs_transaction *t);

	/*
	 * (o) The backend is connected: read what it published with that,
	 * begin. errors as of setup.
	 */
	int (*connect)(struct xenbus_device *d);

	/*
	 * (o) While RUNNING something changed in the backend's directory (any
	 * key, d->peer_state too). An error: BROKEN.
	 */
	int (*update)(struct xenbus_device *d);

	/*
	 * Undo setup and connect: close the channel, end grants (gnttab.h keeps
	 * pages that the peer still maps from being used again), end or keep
	 * requests that were under way. Should not wait for the peer.
	 */
	void (*disconnect)(struct xenbus_device *d, enum xenbus_why why);

	/*
	 * (o) Before the guest is suspended: put nothing more on the ring.
	 * unsuspend follows if the suspend was cancelled; else disconnect with
	 * XENBUS_WHY_RESUMED.
	 */
	void (*suspend)(struct xenbus_device *d);
	void (*unsuspend)(struct xenbus_device *d);

	/* (o) Unplugged for good; after disconnect, before remove. */
	void (*gone)(struct xenbus_device *d);

	/* (o) Undo probe: unplugged, and the last xenbus_put has been done. */
	void (*remove)(struct xenbus_device *d);
};

/* --- for programs and the layers above drivers -------------------------- */

/*
 * Look after all devices of this class from now on, also those plugged in
 * later. Registering again does nothing. 0, -ENODEV (no xenstore), or xs.h's
 * errors. Can block.
 */
int xenbus_register(const struct xenbus_driver *driver, uint64_t deadline);

/*
 * The first device of that driver for which match returns true (NULL: any);
 * waits for one. The reference is the caller's, ended with xenbus_put.
 * 0, -ETIMEDOUT, -ECANCELED, -ENODEV. Can block. match must not block.
 */
int xenbus_find(const struct xenbus_driver *driver,
		bool (*match)(struct xenbus_device *d, void *arg), void *arg,
		struct xenbus_device **d, uint64_t deadline);

/* Signalled when devices of this driver come or go. NULL: not registered. */
struct event *xenbus_plugged(const struct xenbus_driver *driver);

/* One more reference: d stays valid until its xenbus_put. Does not block. */
void xenbus_get(struct xenbus_device *d);

/*
 * The end of a reference; the caller uses d no more. With the last one of an
 * unplugged device the driver's `remove` is called, and d is freed. Blocks only
 * if `remove` does.
 */
void xenbus_put(struct xenbus_device *d);

/*
 * Wait until d is RUNNING: 0. -EIO when it is BROKEN, -ENODEV when it is GONE,
 * -ETIMEDOUT, -ECANCELED. Can block.
 */
int xenbus_wait(struct xenbus_device *d, uint64_t deadline);

/* Try again with a BROKEN device. Does not block. */
void xenbus_reset(struct xenbus_device *d);

/* --- for drivers -------------------------------------------------------- */

/*
 * The peer broke the rules, or the driver cannot go on: log this, make the
 * device BROKEN (disconnect follows soon, on the device's task). From
 * anywhere, also from event callbacks; does not block. Only the first call
 * between setup and disconnect has an effect.
 */
void xenbus_broken(struct xenbus_device *d, const char *format, ...)
	FATA_PRINTF(2, 3);

/* The deadline that driver functions give to xenstore: some seconds. */
uint64_t xenbus_deadline(void);

/*
 * Write one of our keys, of at most 511 bytes. t may be NULL: then the key is
 * written only if our directory still exists (-ENOENT). Can block.
 */
int xenbus_printf(struct xenbus_device *d, const struct xs_transaction *t,
		  const char *key, const char *format, ...) FATA_PRINTF(4, 5);

/* Read one of the peer's keys; *value is the caller's (xs_read). Can block. */
int xenbus_read(struct xenbus_device *d, const char *key, char **value);

/*
 * One of the peer's keys as a number up to max: xs_read_u64's errors. Can
 * block.
 */
int xenbus_read_u64(struct xenbus_device *d, const char *key, uint64_t max,
		    uint64_t *value);

/*
 * The same, with `fallback` (which may exceed max) for a key that is absent; a
 * key that is there but no number, or too large, is an error all the same. Can
 * block.
 */
int xenbus_read_u64_or(struct xenbus_device *d, const char *key, uint64_t max,
		       uint64_t fallback, uint64_t *value);

/* As xenbus_read, for one of our own keys (mac, ...). Can block. */
int xenbus_read_own(struct xenbus_device *d, const char *key, char **value);

/* As xenbus_read_u64, for one of our own keys (mtu, ...). Can block. */
int xenbus_read_own_u64(struct xenbus_device *d, const char *key, uint64_t max,
			uint64_t *value);

/* --- backends ----------------------------------------------------------- */

/*
 * A backend's directory is backend/CLASS/FRONTEND'S DOMAIN/ID, and the driver's
 * functions come in another order, since we speak first:
 *
 *     frontend           backend
 *     Initialising  ->                  publish  features
 *                   <-   InitWait
 *     Initialised,  ->                  setup    map rings, bind the channel
 *      Connected                        connect
 *                   <-   Connected
 *     Closing, Closed, gone ->          disconnect
 *                   <-   Closed;        then InitWait when it begins anew
 *     (the toolstack writes online = 0)
 *     Closed, gone  ->                  disconnect
 *                   <-   Closed;        then the directory is removed
 *
 * d->id is the device's number, d->peer the frontend's domain. `ready` is not
 * used. What a frontend publishes is hostile until proved otherwise; read each
 * key once. All other words above hold for backends, too.
 */
int xenbus_register_backend(const struct xenbus_driver *driver,
			    uint64_t deadline);

FATA_END
#endif
