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

/*
 * For who carries the bytes, a guest's ring or a process's socket: requests on
 * their way and their answers (xs_queue.c).
 */
struct xs_queue {
	struct list queue, sent; /* not begun, or not whole yet; unanswered */
	unsigned int underway;	 /* how many are among the sent */
	uint32_t next_id;
	struct xs_incoming in;
	struct xs_stat stat;
};

#define XS_QUEUE_INIT(q)                                                       \
	{.queue = LIST_INIT((q).queue), .sent = LIST_INIT((q).sent)}

static inline struct xs_request *xs_request_of(struct list *entry)
{
	return list_entry(entry, struct xs_request, link);
}

/* End all of a list; done may submit more, which lands in no list we walk. */
void xs_finish_all(struct list *head, int result);

void xs_queue_add(struct xs_queue *q, struct xs_request *r);

/* Give r, of which nothing is sent yet, an id that no other sent one has. */
void xs_queue_name(struct xs_queue *q, struct xs_request *r);

/* What is to be sent of r, in one piece: *n bytes, 0 when all has been. */
const char *xs_queue_piece(const struct xs_request *r, size_t *n);

/* The first of the queue has been sent as a whole. */
void xs_queue_sent(struct xs_queue *q);

/* q->in is a whole message: to the request or the watch that it is for. */
void xs_queue_incoming(struct xs_queue *q);

/*
 * xenstored knows nothing of us any more. What was not sent stays, and what can
 * be repeated; parts of transactions end with -EAGAIN, the rest -ECONNRESET.
 */
void xs_queue_reset(struct xs_queue *q);

/* All of *s but whether there is a connection. */
void xs_queue_stat(const struct xs_queue *q, struct xs_stat *s);

#endif
