/* SPDX-License-Identifier: ISC */
/*
 * The lifecycle inside src/xen; see fata/lifecycle.h.
 */
#ifndef FATA_XEN_LIFECYCLE_H
#define FATA_XEN_LIFECYCLE_H

#include <fata/lifecycle.h>

/*
 * Follow the toolstack's requests from now on, on a task of its own, and start
 * the watchdog if the boot parameter asks for it. Without xenstore there are
 * no requests, which is no error. 0 or -ENOMEM. Does not block.
 */
int lifecycle_start(void);

/*
 * Suspend now: 0 when the guest goes on in a new domain, 1 when the suspend
 * was cancelled by the toolstack, or the error that a client's `before` or Xen
 * gave (then nothing has happened). Can block; on a task.
 */
int suspend_run(void);

/*
 * The toolstack's other way to ask for a suspend. suspend_port_open: at the
 * start and after each resume; errors are not the caller's concern. Can block.
 */
void suspend_port_open(void);

/* Signalled by the toolstack, and when the port is closed. */
struct event *suspend_port_event(void);

/* Has it asked since the last call? */
bool suspend_port_asked(void);

#endif
