/* SPDX-License-Identifier: ISC */
/*
 * xenbus inside src/xen: the registry (xenbus.c), the task of each device
 * (xenbus_device.c), and what frontends and backends do differently
 * (xenbus_front.c, xenbus_back.c).
 *
 * Interface: only a device's task changes its phase and calls its driver.
 * Everybody else sets a flag of struct xenbus_private and signals `kick`; the
 * task then looks at all flags and at the present state of xenstore, so that
 * it does not matter in which order, or how often, things were told.
 */
#ifndef FATA_XEN_XENBUS_PRIV_H
#define FATA_XEN_XENBUS_PRIV_H

#include <fata/xen/xenbus.h>
#include "core/list.h"

/* All devices of one driver. */
struct xenbus_class {
	struct list link;
	const struct xenbus_driver *driver;
	bool backend;
	char *root; /* "device/vif" or "backend/vif" */
	struct list devices;
	struct xs_watch *watch;
	struct event rescan;  /* the registry's task should look again */
	struct event plugged; /* devices came or went */
};

enum xenbus_freeze {
	XENBUS_RUN,
	XENBUS_FREEZE, /* asked for */
	XENBUS_FROZEN, /* the task has stopped */
	XENBUS_THAW,   /* go on: the suspend was cancelled */
	XENBUS_RENEW,  /* go on in a new domain */
};

struct xenbus_private {
	struct xenbus_device device;
	struct list link; /* in its class, until GONE */
	struct xenbus_class *class;
	unsigned int refs;
	bool probed;
	struct xs_watch *watch; /* on the peer's directory */
	struct event kick;
	/* flags for the task */
	bool own_changed, peer_changed, broken, reset, remade;
	enum xenbus_freeze freeze;
	/* the task's own */
	bool set_up;    /* setup has succeeded, disconnect is due */
	bool connected; /* connect has begun to succeed: suspend applies */
	bool pinned;    /* the peer's domain is known and must stay */
	uint16_t pin;
	enum xenbus_state own_state;
	uint64_t
		patience; /* until when passing errors may last; 0: not begun */
	uint64_t pause;   /* before the next attempt */
	uint64_t up_since, reopen; /* for the back-off between connections */
	uint64_t leave;  /* when a backend that began anew has had its time */
	bool retired;    /* a backend's: the toolstack takes it away */
	uint64_t retire; /* when its directory goes; 0: not begun */
	uint64_t backoff;
	char text[]; /* our path */
};

/* The task of a device; returns when it is GONE. */
int xenbus_device_run(void *device);

/* One step in the phases that differ; returns when to come back at latest. */
uint64_t xenbus_front_step(struct xenbus_device *d);
uint64_t xenbus_back_step(struct xenbus_device *d);

/* The same for a backend's device that was given up by both others. */
uint64_t xenbus_back_retire(struct xenbus_device *d);

/* --- what the steps are made of (xenbus_device.c) ------------------------- */

void xenbus_set_phase(struct xenbus_device *d, enum xenbus_phase phase);

/* Write our state, if it is another: 0 or an error. */
int xenbus_set_state(struct xenbus_device *d, const struct xs_transaction *t,
		     enum xenbus_state state);

/* Is it an error that the toolstack's or xenstored's being slow explains? */
bool xenbus_passing(int err);

/*
 * After such an error: when to try again. The device is BROKEN when it has
 * lasted too long, or when the error is of another kind.
 */
uint64_t xenbus_retry(struct xenbus_device *d, const char *doing, int err);

/* Passing errors are over. */
void xenbus_fine(struct xenbus_device *d);

/* Call the driver's disconnect if it is due. */
void xenbus_disconnect(struct xenbus_device *d, enum xenbus_why why);

/* Connect in the driver, tell the peer, be RUNNING. */
uint64_t xenbus_connect(struct xenbus_device *d);

/* publish and write the state, in one transaction. */
int xenbus_publish(struct xenbus_device *d, enum xenbus_state state);

/* RUNNING: let the driver see a change. */
uint64_t xenbus_update(struct xenbus_device *d);

/* Does the toolstack want the device to be there (key `online`)? */
bool xenbus_online(struct xenbus_device *d);

/* --- the registry's (xenbus.c) -------------------------------------------- */

/*
 * Is our directory still there? 0, -ENOENT (the task will look into it), or an
 * error; t is one in which keys will be written.
 */
int xenbus_still_there(struct xenbus_device *d, const struct xs_transaction *t);

/* d is GONE: out of its class. */
void xenbus_forget(struct xenbus_device *d);

/*
 * For suspend (lifecycle.h). freeze: all devices stop; 0, or -ETIMEDOUT or
 * -ECANCELED, and all go on. thaw: go on, in the same or a new domain.
 */
int xenbus_freeze(uint64_t deadline);
void xenbus_thaw(bool renewed);

/* Signalled when a device has frozen. */
extern struct event xenbus_frozen;

static inline struct xenbus_private *xenbus_private(struct list *entry)
{
	return list_entry(entry, struct xenbus_private, link);
}

#endif
