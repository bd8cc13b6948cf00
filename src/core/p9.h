/* SPDX-License-Identifier: ISC */
/*
 * Between who speaks 9P (src/fs/p9*.c) and what carries it
 * (src/drivers/9pfront*.c): whole messages there, whole messages back.
 *
 *     size[4] type[1] tag[2] ...     little-endian; size counts itself
 *
 * Interface: a channel is connected, loses its backend, and is connected again;
 * each connection has a number of its own, and what a server remembers (files
 * that are open there) ends with it. A request is bound to a connection: it
 * ends with a reply, or when the connection ends. The transport gives out tags
 * and has judged of a reply its size (7 up to the room there is), its tag, and
 * that its type fits; the rest of it is still the server's word.
 *
 * Source: xen/include/public/io/9pfs.h; 9P2000.L as Linux and QEMU speak it.
 */
#ifndef FATA_CORE_P9_H
#define FATA_CORE_P9_H

#include <fata/base.h>
#include <fata/event.h>

#define P9_HEADER  7
#define P9_VERSION 100 /* Tversion: has no tag (0xffff) */
#define P9_RLERROR 7
#define P9_LEAST   11 /* room that each request has: an Rlerror's size */

/* What each transport embeds. Read only. */
struct p9_channel {
	uint32_t connection; /* its number; 0: none at the moment */
	uint32_t msize;	     /* of a message at most */
	struct event changed; /* any of this, or there is room again */
	uint32_t last_fid;    /* src/fs/p9_fid.c's: of any mount, ever */
};

/*
 * A request, in the caller's memory, which stays in place until it has ended
 * or was dropped. Zero it, then fill in the first part.
 */
struct p9_request {
	unsigned char *out; /* the message; its tag is filled in */
	uint32_t out_size;
	const void *data; /* the rest of it; read by p9_start only */
	uint32_t data_size;
	unsigned char *in; /* where the reply goes ... */
	uint32_t room;	   /* ... and what it can take, P9_LEAST or more */
	/* (o) called when it has ended, not when it was dropped; must not block
	 */
	void (*fn)(struct p9_request *r);

	int status;    /* -EINPROGRESS; 0; -ECONNRESET: there is no reply */
	uint32_t size; /* of the reply */
	struct event done;
	/* private: */
	struct p9_channel *channel;
	unsigned slot;
};

/*
 * The channel that the toolstack gave this tag, connected. It stays valid for
 * ever. 0, -ETIMEDOUT (there is none), -ENODEV, -EIO (broken), -ECANCELED,
 * -ENOMEM. Can block.
 */
int p9_channel_open(const char *tag, struct p9_channel **c, uint64_t deadline);

/*
 * Send r. 0; -ESTALE (this connection is over), -ENOTCONN (and there is none at
 * the moment), -EAGAIN (no room): the last two are tried again when `changed`
 * is signalled. -EIO: the backend broke the rules. -ENODEV: unplugged. After an
 * error nothing was sent. Does not block.
 */
int p9_start(struct p9_channel *c, struct p9_request *r, uint32_t connection);

/*
 * Wait for r's end: its status. -ETIMEDOUT, -ECANCELED: it was dropped. Can
 * block.
 */
int p9_wait(struct p9_request *r, uint64_t deadline);

/* Forget r, which has been started; the reply to it will be thrown away. */
void p9_drop(struct p9_request *r);

/*
 * The server does not keep to the protocol: end this connection for good, if
 * it is still the present one.
 */
void p9_break(struct p9_channel *c, uint32_t connection, const char *what);

#endif
