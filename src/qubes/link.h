/* SPDX-License-Identifier: ISC */
/*
 * A vchan as Qubes uses them: found by domain and port number, and ended from
 * outside, by another task or by a resume in a new domain, while somebody waits
 * on it.
 *
 * Interface: zeroed memory is a closed link. Reading and writing may be done
 * by two tasks at once, each by one at a time; both are over before link_close.
 * All of them return -ECONNRESET once the link has been cut.
 */
#ifndef FATA_QUBES_LINK_H
#define FATA_QUBES_LINK_H

#include <core/list.h>
#include <fata/event.h>

struct vchan;

struct link {
	struct list entry; /* of all open links */
	struct vchan *v;   /* NULL: closed */
	struct event event;
	bool cut;
};

/*
 * Be the server or the client of `port` with another domain. 0, or errors of
 * vchan.h. Errors leave a closed link.
 */
int link_listen(struct link *l, uint32_t domain, uint32_t port, size_t size,
		uint64_t deadline);
int link_connect(struct link *l, uint32_t domain, uint32_t port,
		 uint64_t deadline);
void link_close(struct link *l);

/* Until the client is there; -EPIPE: it has gone again. */
int link_wait(struct link *l, uint64_t deadline);

/* At least one byte: their count, 0 at the end, or an error of vchan.h. */
ssize_t link_read(struct link *l, void *data, size_t n, uint64_t deadline);

/* All n bytes: 0, -EPIPE at the end, or an error. */
int link_read_all(struct link *l, void *data, size_t n, uint64_t deadline);
int link_write_all(struct link *l, const void *data, size_t n,
		   uint64_t deadline);

/* Until n bytes (no more than the ring has) can be written at once: 0. */
int link_wait_room(struct link *l, size_t n, uint64_t deadline);
size_t link_room(struct link *l);

/* No byte more goes through; wakes who waits. */
void link_cut(struct link *l);

#endif
