/* SPDX-License-Identifier: ISC */
/*
 * vchan: a stream of bytes, both ways, between two domains, over two rings in
 * shared pages. The server makes the rings and says in xenstore where they
 * are; the client finds them there. Speaks to libxenvchan of Xen's tools, and
 * so to what is built on it (QubesDB, qrexec).
 *
 * Nobody has to be the server's own domain's toolstack: by custom the folder is
 * /local/domain/SERVER/data/vchan/CLIENT/NAME, which a guest may write as
 * data/vchan/CLIENT/NAME.
 *
 * The peer is not trusted: what it writes into the shared page can end the
 * stream (-EIO), nothing else.
 *
 * Source: xen/include/public/io/libxenvchan.h; docs of tools/libs/vchan.
 */
#ifndef FATA_XEN_VCHAN_H
#define FATA_XEN_VCHAN_H

#include <fata/event.h>

FATA_BEGIN

/* One end of a stream; from vchan_listen or _connect. Fields are private. */
struct vchan;

/* The largest ring: 1 MiB. */
#define VCHAN_RING_MAX (1u << 20)

/*
 * Serve: make rings of at least these sizes (bytes to read, bytes to write;
 * rounded up to a power of two) for domain `peer`, and publish them in folder
 * `path` of xenstore, readable by the peer. Does not wait for a client; see
 * vchan_wait. 0, -EINVAL (a size of more than VCHAN_RING_MAX), -ENOMEM, or
 * errors of gnttab.h, evtchn.h and xs.h. Can block.
 */
int vchan_listen(const char *path, uint16_t peer, size_t read_size,
		 size_t write_size, struct vchan **v, uint64_t deadline);

/*
 * Connect to the server in domain `peer`; waits for it to publish its rings.
 * 0, -EPROTO (what stands there makes no sense), -ETIMEDOUT, -ECANCELED, and
 * errors as above. Can block.
 */
int vchan_connect(const char *path, uint16_t peer, struct vchan **v,
		  uint64_t deadline);

/* Close and free: the peer reads what is left, then the end. May be NULL. */
void vchan_close(struct vchan *v);

/*
 * Wait until the other side is there: 0; -EPIPE: it has been and has gone;
 * -ETIMEDOUT, -ECANCELED. Can block.
 */
int vchan_wait(struct vchan *v, uint64_t deadline);

/*
 * Read at least one and at most n bytes. Their count; 0 when the peer has
 * closed and nothing is left; -EIO when it broke the ring; -ETIMEDOUT,
 * -ECANCELED. Can block, unless the deadline is 0.
 */
ssize_t vchan_read(struct vchan *v, void *data, size_t n, uint64_t deadline);

/*
 * Write n bytes. n; or fewer when the deadline, a cancellation or the peer's
 * end came in between; or, with none written, -ETIMEDOUT, -ECANCELED, -EPIPE
 * (the peer has closed), -EIO. Can block, unless the deadline is 0.
 */
ssize_t vchan_write(struct vchan *v, const void *data, size_t n,
		    uint64_t deadline);

/*
 * How many bytes can be read at once. 0 also when it is over; what a peer left
 * behind that has closed counts. Does not block.
 */
size_t vchan_data(struct vchan *v);

/*
 * How many bytes can be written at once: 0 also before the peer is there, and
 * when it is over. Does not block.
 */
size_t vchan_space(struct vchan *v);

/*
 * Signalled when there may be more to read or room to write, and when the peer
 * comes or goes; for event_wait_any, followed by calls with deadline 0.
 */
struct event *vchan_event(struct vchan *v);

FATA_END
#endif
