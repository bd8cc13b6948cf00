/* SPDX-License-Identifier: ISC */
/*
 * The connection to xenstored: who waits for which answer, and what becomes of
 * requests when the connection is reset.
 *
 *     xs_submit -> queue -> (bytes on the ring) -> sent -> done(request)
 *                  any number   one at a time     <= 16
 *
 * Interface: a request is the owner's memory and must stay in place from
 * xs_submit until done is called, which happens exactly once, from the loop or
 * from within xs_submit or xs_resume_at, and must not block; it may submit and
 * free. Only xs_withdraw takes a request back. At most XS_UNDERWAY are sent at
 * once: xenstored stops serving a guest that has 20 unanswered.
 *
 * States: absent (no xenstore: -ENODEV), connected, reconnecting (xenstored
 * has to answer first; nothing is sent), suspended (nothing new is sent),
 * broken for good (-EIO).
 */
#ifndef FATA_XEN_XS_CONN_H
#define FATA_XEN_XS_CONN_H

#include <fata/xen/xs.h>
#include "core/list.h"
#include "xen/xs_wire.h"

#define XS_UNDERWAY 16u

struct xs_request {
	struct list link; /* in the queue or among the sent */
	struct xsd_sockmsg header;
	const void *payload; /* header.len bytes */
	size_t sent;         /* bytes of header and payload on the ring */
	bool busy;           /* submitted, done not called yet */
	bool repeat;         /* may be sent again after a reset */
	int result;          /* 0 or negative errno, for done */
	/* The answer, xenstored's; valid only during done. */
	const char *reply;
	size_t reply_size;
	void (*done)(struct xs_request *r);
};

/* Queue r; 0, -ENODEV or -EIO (then done is not called). */
int xs_submit(struct xs_request *r);

/* Take back what has not begun to be sent: true if so; done never comes. */
bool xs_withdraw(struct xs_request *r);

/* Counts resets of the connection; a transaction lives in one count only. */
uint32_t xs_connection(void);

/* 0 if there is a xenstore that answers, or will; else -ENODEV or -EIO. */
int xs_usable(void);

/* For xs_watch.c: an event arrived; all registrations are gone. */
void xs_watch_deliver(const char *path, const char *token);
void xs_watch_reset(void);
unsigned int xs_watch_count(void);
extern uint64_t xs_watch_lost;

#endif
