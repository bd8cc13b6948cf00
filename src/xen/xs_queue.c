/* SPDX-License-Identifier: ISC */
/*
 * Requests on their way to xenstored and the answers; see xs_conn.h.
 */
#include "xen/xs_conn.h"

#include <errno.h>
#include <fata/trace.h>

static void finish(struct xs_request *r, int result)
{
	list_remove(&r->link);
	r->busy = false;
	r->result = result;
	r->done(r);
}

void xs_finish_all(struct list *head, int result)
{
	struct list all = LIST_INIT(all);
	struct list *entry;

	while ((entry = list_pop(head)))
		list_add_last(&all, entry);
	while (!list_empty(&all))
		finish(xs_request_of(all.next), result);
}

/* --- sending -------------------------------------------------------------- */

void xs_queue_add(struct xs_queue *q, struct xs_request *r)
{
	r->sent = 0;
	r->busy = true;
	list_add_last(&q->queue, &r->link);
}

bool xs_withdraw(struct xs_request *r)
{
	if (!r->busy || r->sent > 0)
		return false;
	list_remove(&r->link);
	r->busy = false;
	return true;
}

static bool id_in_use(struct xs_queue *q, uint32_t id)
{
	list_for_each(entry, &q->sent)
	{
		if (xs_request_of(entry)->header.req_id == id)
			return true;
	}
	return false;
}

void xs_queue_name(struct xs_queue *q, struct xs_request *r)
{
	while (id_in_use(q, ++q->next_id))
		;
	r->header.req_id = q->next_id;
}

const char *xs_queue_piece(const struct xs_request *r, size_t *n)
{
	const size_t head = sizeof(r->header);

	if (r->sent < head) {
		*n = head - r->sent;
		return (const char *)&r->header + r->sent;
	}
	*n = head + r->header.len - r->sent;
	return (const char *)r->payload + (r->sent - head);
}

void xs_queue_sent(struct xs_queue *q)
{
	struct xs_request *r = xs_request_of(q->queue.next);

	list_remove(&r->link);
	list_add_last(&q->sent, &r->link);
	q->underway++;
	q->stat.requests++;
	trace(TRACE_XS_REQUEST, r->header.req_id, r->header.type);
}

/* --- receiving ------------------------------------------------------------ */

static void answered(struct xs_queue *q, struct xs_request *r)
{
	const struct xsd_sockmsg *h = &q->in.header;
	int result = 0;

	q->underway--;
	q->stat.replies++;
	if (h->type == XS_ERROR)
		result = -xs_wire_errno(q->in.payload);
	else if (h->type != r->header.type)
		result = -EPROTO;
	trace(TRACE_XS_REPLY, h->req_id, (uint64_t)-result);
	r->reply = q->in.payload;
	r->reply_size = h->len;
	finish(r, result);
}

void xs_queue_incoming(struct xs_queue *q)
{
	const struct xsd_sockmsg *h = &q->in.header;
	const char *path, *token;

	if (h->type == XS_WATCH_EVENT) {
		q->stat.events++;
		trace(TRACE_XS_EVENT, 0, 0);
		if (xs_wire_event(q->in.payload, h->len, &path, &token) == 0)
			xs_watch_deliver(path, token);
		else
			q->stat.unknown++;
		return;
	}
	list_for_each(entry, &q->sent)
	{
		if (xs_request_of(entry)->header.req_id == h->req_id)
			return answered(q, xs_request_of(entry));
	}
	q->stat.unknown++;
}

/* --- a reset -------------------------------------------------------------- */

/* Move what is part of a transaction, or all that is not `repeat`. */
static void sort(const struct xs_queue *q, struct list *from, struct list *stay,
		 struct list *stale, struct list *lost)
{
	struct list *entry;

	while ((entry = list_pop(from))) {
		struct xs_request *r = xs_request_of(entry);
		bool end = r->header.type == XS_TRANSACTION_END;

		if (r->header.tx_id && (from == &q->queue || !end))
			list_add_last(stale, entry);
		else if (from == &q->queue || r->repeat)
			list_add_last(stay, entry);
		else
			list_add_last(lost, entry);
		r->sent = 0;
	}
}

void xs_queue_reset(struct xs_queue *q)
{
	struct list lost = LIST_INIT(lost), stale = LIST_INIT(stale);
	struct list stay = LIST_INIT(stay);
	struct list *entry;

	q->stat.resets++;
	q->in.have = 0;
	q->underway = 0;
	sort(q, &q->sent, &stay, &stale, &lost);
	sort(q, &q->queue, &stay, &stale, &lost);
	while ((entry = list_pop(&stay)))
		list_add_last(&q->queue, entry);
	xs_finish_all(&stale, -EAGAIN);
	xs_finish_all(&lost, -ECONNRESET);
}

void xs_queue_stat(const struct xs_queue *q, struct xs_stat *s)
{
	*s = q->stat;
	s->lost = xs_watch_lost;
	s->watches = xs_watch_count();
	s->underway = q->underway;
}
