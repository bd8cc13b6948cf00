/* SPDX-License-Identifier: ISC */
/*
 * Xenstore's part in the start, suspend and resume of the guest; what programs
 * call is fata/xen/xs.h.
 */
#ifndef FATA_XEN_XENSTORE_H
#define FATA_XEN_XENSTORE_H

#include <fata/base.h>

struct xenstore_domain_interface;

/*
 * Use the ring in this page (HVM_PARAM_STORE_PFN, identity mapped), announced
 * on the toolstack's port (HVM_PARAM_STORE_EVTCHN). Without this call every
 * xs_ function returns -ENODEV. What an earlier kernel of this domain left in
 * xenstored (watches, transactions) is dropped. Returns 0 or
 * evtchn_bind_port's error. Does not block.
 */
int xs_init(struct xenstore_domain_interface *page, uint32_t port);

/*
 * Send nothing new, and wait for the answers to what was sent. 0, or
 * -ETIMEDOUT, -ECANCELED (then all is as before). Can block.
 */
int xs_suspend(uint64_t deadline);

/*
 * Tell the toolstack a fact about this guest, in a key that is ours alone: what
 * was under way when the connection was reset is written again. As xs_write,
 * within 10 s.
 */
int xs_tell(const char *path, const char *value, size_t n);

/* The suspend was cancelled: go on. */
void xs_resume_same(void);

/*
 * After a resume in a new domain, with event channels working again: the new
 * page and port. Watches are registered anew, transactions are gone.
 */
int xs_resume_at(struct xenstore_domain_interface *page, uint32_t port);

#endif
