/* SPDX-License-Identifier: ISC */
/*
 * The xenstore wire, apart from who waits for what: bytes on two 1 KiB rings
 * in a page shared with xenstored, cut into messages.
 *
 *     page   req[1024] ---> xenstored      message   u32 type
 *            rsp[1024] <---                          u32 request's number
 *            four indices, 32 bits, free-running     u32 transaction
 *            features, connection, error             u32 length <= 4096
 *                                                    payload
 *
 * Interface: nothing here blocks, allocates or knows an event channel; tests
 * and the fuzzer play xenstored on a plain page. The rings are byte_ring.h's;
 * whatever xenstored writes, the worst result is -EPROTO.
 */
#ifndef FATA_XEN_XS_WIRE_H
#define FATA_XEN_XS_WIRE_H

#include <fata/base.h>
#include <errno.h> /* xs_wire.h leaves its table of errors out without it */
#include <xen/xen.h>
#include <xen/io/xs_wire.h>
#include "xen/byte_ring.h"

/* Requests are written to `out`, answers read from `in`. */
struct xs_ring {
	struct xenstore_domain_interface *page;
	struct byte_ring out, in;
};

/* Start with the indices that stand in the page; old answers are dropped. */
void xs_ring_init(struct xs_ring *r, struct xenstore_domain_interface *page);

/* One incoming message, as far as it is there. Zero it for the first. */
struct xs_incoming {
	struct xsd_sockmsg header;
	size_t have; /* bytes of header and payload */
	char payload[XENSTORE_PAYLOAD_MAX + 1];
};

/*
 * Take bytes until a message is whole: 1 (payload ends in a NUL that we added;
 * set have to 0 before the next), 0 when the ring is empty, -EPROTO.
 */
int xs_incoming_pull(struct xs_incoming *m, struct xs_ring *r);

/* The errno, > 0, for the word in an error reply; EPROTO for no such word. */
int xs_wire_errno(const char *word);

/*
 * 0, or -EINVAL (empty, other letters than xenstore takes, doubled or trailing
 * slash), or -E2BIG. `special` also allows "@name", as watches do.
 */
int xs_wire_path(const char *path, bool special);

/*
 * The payload of a watch event: path, NUL, token, NUL. Both point into it.
 * 0 or -EPROTO.
 */
int xs_wire_event(const char *payload, size_t n, const char **path,
		  const char **token);

/* How many strings, each ended by NUL, stand in n bytes; the last may lack it
 * since payloads have one behind their end. */
unsigned int xs_wire_count(const char *strings, size_t n);

#endif
