/* SPDX-License-Identifier: ISC */
/*
 * The connection to xenstored; see xs_conn.h.
 *
 * pump() is all that moves: it puts queued bytes on the ring, takes answers
 * off and hands them out, until neither side can go on. It runs when a request
 * is submitted and when xenstored signals, never inside itself.
 *
 * After a reset (xenstored reconnects, or the guest wakes in a new domain) the
 * requests that were sent and not answered are sent again if that cannot do
 * harm, else they end with -ECONNRESET; what was still queued is sent as if
 * nothing had happened.
 */
#include "xen/xs_conn.h"

#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/log.h>
#include <fata/metrics.h>
#include <fata/timer.h>
#include <fata/trace.h>
#include <fata/xen/evtchn.h>
#include "xen/xenstore.h"

FATA_LOG_SOURCE("xenstore");

/* Rings' worth of bytes that one call of pump takes before others run. */
#define PUMP_ROUNDS 64
/* Reconnections without a single answer between them before we give up. */
#define RESETS_MAX 10
#define RETRY_NS   FATA_NS_PER_S

enum state { ABSENT, CONNECTED, RECONNECTING, SUSPENDED, BROKEN };

static struct {
	enum state state;
	bool pumping, asked; /* asked: pump once more */
	bool suspend;        /* wanted, while the last answers come in */
	uint32_t taken;      /* req_cons at the last event */
	struct evtchn channel;
	struct xs_ring ring;
	struct xs_incoming in;
	struct list queue, sent;
	unsigned int underway;
	uint32_t next_id, connection;
	unsigned int resets; /* since the last answer */
	struct timer again; /* pump from the loop; or look for a reconnection */
	struct event drained;
	struct xs_stat stat;
} c = {
	.queue = LIST_INIT(c.queue),
	.sent = LIST_INIT(c.sent),
};

static void pump(void);

uint32_t xs_connection(void)
{
	return c.connection;
}

int xs_usable(void)
{
	if (c.state == ABSENT)
		return -ENODEV;
	return c.state == BROKEN ? -EIO : 0;
}

static struct xs_request *request(struct list *entry)
{
	return list_entry(entry, struct xs_request, link);
}

static void finish(struct xs_request *r, int result)
{
	list_remove(&r->link);
	r->busy = false;
	r->result = result;
	r->done(r);
}

/* End all of a list; done may submit more, which lands in no list we walk. */
static void finish_all(struct list *head, int result)
{
	struct list all = LIST_INIT(all);
	struct list *entry;

	while ((entry = list_pop(head)))
		list_add_last(&all, entry);
	while (!list_empty(&all))
		finish(request(all.next), result);
}

/* --- resets --------------------------------------------------------------- */

/* Move what is part of a transaction, or all that is not `repeat`. */
static void sort(struct list *from, struct list *stay, struct list *stale,
		 struct list *lost)
{
	struct list *entry;

	while ((entry = list_pop(from))) {
		struct xs_request *r = request(entry);
		bool end = r->header.type == XS_TRANSACTION_END;

		if (r->header.tx_id && (from == &c.queue || !end))
			list_add_last(stale, entry);
		else if (from == &c.queue || r->repeat)
			list_add_last(stay, entry);
		else
			list_add_last(lost, entry);
		r->sent = 0;
	}
}

/* All that xenstored knew of us is gone, transactions and watches as well. */
static void reset(void)
{
	struct list lost = LIST_INIT(lost), stale = LIST_INIT(stale);
	struct list stay = LIST_INIT(stay);
	struct list *entry;

	c.connection++;
	c.stat.resets++;
	c.in.have = 0;
	c.underway = 0;
	sort(&c.sent, &stay, &stale, &lost);
	sort(&c.queue, &stay, &stale, &lost);
	while ((entry = list_pop(&stay)))
		list_add_last(&c.queue, entry);
	finish_all(&stale, -EAGAIN);
	finish_all(&lost, -ECONNRESET);
	xs_watch_reset();
}

static void give_up(const char *why)
{
	log_error("%s; xenstore is lost", why);
	c.state = BROKEN;
	timer_cancel(&c.again);
	finish_all(&c.sent, -EIO);
	finish_all(&c.queue, -EIO);
	c.underway = 0;
	xs_watch_reset();
	event_signal(&c.drained);
}

static bool look(const uint32_t *word, uint32_t mask)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE) & mask;
}

/* Has xenstored finished a reconnection that it or we began? */
static void reconnected(void)
{
	if (look(&c.ring.page->connection, XENSTORE_RECONNECT))
		return;
	timer_cancel(&c.again);
	xs_ring_init(&c.ring, c.ring.page);
	c.state = CONNECTED;
	log_info("connected again");
	reset();
	c.asked = true;
}

static void poke(void *arg)
{
	(void)arg;
	evtchn_notify(&c.channel);
	timer_set(&c.again, clock_deadline(RETRY_NS), poke, NULL);
	pump();
}

static void wait_for_server(void)
{
	c.state = RECONNECTING;
	timer_set(&c.again, clock_deadline(RETRY_NS), poke, NULL);
}

/* The ring cannot be used any more: ask for a reconnection. */
static void failed(const char *why)
{
	struct xenstore_domain_interface *page = c.ring.page;

	if (!look(&page->server_features, XENSTORE_SERVER_FEATURE_RECONNECTION))
		return give_up(why);
	if (++c.resets > RESETS_MAX)
		return give_up("no answer after many reconnections");
	log_warn("%s; reconnecting", why);
	__atomic_store_n(&page->connection, XENSTORE_RECONNECT,
			 __ATOMIC_SEQ_CST);
	evtchn_notify(&c.channel);
	wait_for_server();
}

/* --- sending -------------------------------------------------------------- */

static bool id_in_use(uint32_t id)
{
	list_for_each(entry, &c.sent) if (request(entry)->header.req_id ==
					  id) return true;
	return false;
}

/* Bytes of r onto the ring: 1 when all are there, 0 when it is full. */
static int send_part(struct xs_request *r)
{
	size_t head = sizeof(r->header), whole = head + r->header.len;
	int n;

	while (r->sent < whole) {
		if (r->sent < head)
			n = xs_ring_write(&c.ring, (char *)&r->header + r->sent,
					  head - r->sent);
		else
			n = xs_ring_write(&c.ring,
					  (const char *)r->payload + r->sent -
						  head,
					  whole - r->sent);
		if (n <= 0)
			return n;
		r->sent += n;
	}
	return 1;
}

/* Returns how many requests began or went on, or -EPROTO. */
static int send_queue(void)
{
	int n, moved = 0;

	while (!list_empty(&c.queue)) {
		struct xs_request *r = request(c.queue.next);
		size_t before = r->sent;

		if (before == 0) {
			if (c.suspend || c.underway >= XS_UNDERWAY)
				break;
			while (id_in_use(++c.next_id))
				;
			r->header.req_id = c.next_id;
		}
		n = send_part(r);
		if (n < 0)
			return n;
		moved += r->sent != before;
		if (n == 0)
			break;
		list_remove(&r->link);
		list_add_last(&c.sent, &r->link);
		c.underway++;
		c.stat.requests++;
		trace(TRACE_XS_REQUEST, r->header.req_id, r->header.type);
	}
	return moved;
}

/* --- receiving ------------------------------------------------------------ */

static void answered(struct xs_request *r)
{
	const struct xsd_sockmsg *h = &c.in.header;
	int result = 0;

	c.underway--;
	c.resets = 0;
	c.stat.replies++;
	if (h->type == XS_ERROR)
		result = -xs_wire_errno(c.in.payload);
	else if (h->type != r->header.type)
		result = -EPROTO;
	trace(TRACE_XS_REPLY, h->req_id, (uint64_t)-result);
	r->reply = c.in.payload;
	r->reply_size = h->len;
	finish(r, result);
}

static void incoming(void)
{
	const char *path, *token;

	if (c.in.header.type == XS_WATCH_EVENT) {
		c.stat.events++;
		trace(TRACE_XS_EVENT, 0, 0);
		if (xs_wire_event(c.in.payload, c.in.header.len, &path,
				  &token) == 0)
			xs_watch_deliver(path, token);
		else
			c.stat.unknown++;
		return;
	}
	list_for_each(entry, &c.sent)
	{
		if (request(entry)->header.req_id == c.in.header.req_id)
			return answered(request(entry));
	}
	c.stat.unknown++;
}

/* Hand out what is on the ring, one ring's worth at most: how many messages,
 * or -EPROTO. */
static int receive(void)
{
	uint32_t begin = c.ring.rsp_cons;
	int n, moved = 0;

	while (c.ring.rsp_cons - begin < XENSTORE_RING_SIZE) {
		n = xs_incoming_pull(&c.in, &c.ring);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		incoming();
		c.in.have = 0;
		moved++;
	}
	return moved + (c.ring.rsp_cons != begin);
}

/* One round of both; true if anything moved. */
static bool exchange(void)
{
	struct xenstore_domain_interface *page = c.ring.page;
	int in, out;

	if (look(&page->connection, XENSTORE_RECONNECT)) {
		wait_for_server();
		return false;
	}
	out = send_queue();
	in = receive();
	if (out > 0 || in > 0)
		evtchn_notify(&c.channel);
	if (out < 0 || in < 0) {
		failed("illegal ring indices or length");
		return false;
	}
	if (look(&page->server_features, XENSTORE_SERVER_FEATURE_ERROR) &&
	    look(&page->error, UINT32_MAX)) {
		failed("xenstored reports an error");
		return false;
	}
	return out > 0 || in > 0;
}

static void pump_later(void *arg)
{
	(void)arg;
	pump();
}

static void pump(void)
{
	unsigned int round = 0;

	c.asked = true;
	if (c.pumping)
		return;
	c.pumping = true;
	while (c.asked && round++ < PUMP_ROUNDS) {
		c.asked = false;
		if (c.state == RECONNECTING)
			reconnected();
		else if (c.state == CONNECTED)
			c.asked |= exchange();
	}
	c.pumping = false;
	if (c.asked && c.state == CONNECTED)
		timer_set(&c.again, 0, pump_later, NULL);
	if (c.underway == 0)
		event_signal(&c.drained);
}

/* An event has work if messages moved, or xenstored took bytes of ours. */
static void signalled(void *arg)
{
	uint64_t before = c.stat.replies + c.stat.events + c.stat.requests;
	uint32_t taken =
		__atomic_load_n(&c.ring.page->req_cons, __ATOMIC_ACQUIRE);
	bool work = taken != c.taken || c.in.have != 0;

	(void)arg;
	c.taken = taken;
	pump();
	before -= c.stat.replies + c.stat.events + c.stat.requests;
	evtchn_served(&c.channel, work || before != 0);
}

/* --- what others call ----------------------------------------------------- */

int xs_submit(struct xs_request *r)
{
	int err = xs_usable();

	if (err)
		return err;
	r->sent = 0;
	r->busy = true;
	list_add_last(&c.queue, &r->link);
	pump();
	return 0;
}

bool xs_withdraw(struct xs_request *r)
{
	if (!r->busy || r->sent > 0)
		return false;
	list_remove(&r->link);
	r->busy = false;
	return true;
}

static int attach(struct xenstore_domain_interface *page, uint32_t port)
{
	int err = evtchn_bind_port(&c.channel, port);

	if (err)
		return err;
	evtchn_handle(&c.channel, signalled, NULL);
	xs_ring_init(&c.ring, page);
	c.state = CONNECTED;
	evtchn_unmask(&c.channel);
	return 0;
}

static void ignore(struct xs_request *r)
{
	(void)r;
}

/*
 * The first request of all, nobody waits for it: xenstored answers in order,
 * so it cannot hit a watch of ours. One that does not know it says so.
 */
static struct xs_request forget = {
	.header = {.type = XS_RESET_WATCHES, .len = 1},
	.payload = "",
	.done = ignore,
};

int xs_init(struct xenstore_domain_interface *page, uint32_t port)
{
	int err = attach(page, port);

	return err ? err : xs_submit(&forget);
}

static bool idle(void)
{
	return c.underway == 0 &&
	       (list_empty(&c.queue) || request(c.queue.next)->sent == 0);
}

int xs_suspend(uint64_t deadline)
{
	uint64_t seen = event_count(&c.drained);
	int err;

	c.suspend = true;
	while (c.state == CONNECTED && !idle()) {
		err = event_wait(&c.drained, &seen, deadline);
		if (err) {
			xs_resume_same();
			return err;
		}
	}
	if (c.state == CONNECTED)
		c.state = SUSPENDED;
	return 0;
}

void xs_resume_same(void)
{
	c.suspend = false;
	if (c.state == SUSPENDED)
		c.state = CONNECTED;
	pump();
}

int xs_resume_at(struct xenstore_domain_interface *page, uint32_t port)
{
	int err;

	if (c.state == ABSENT)
		return 0;
	c.suspend = false;
	timer_cancel(&c.again);
	evtchn_release(&c.channel);
	err = attach(page, port);
	if (err) {
		give_up("no channel after the resume");
		return err;
	}
	c.resets = 0;
	reset();
	pump();
	return 0;
}

void xs_stat(struct xs_stat *s)
{
	*s = c.stat;
	s->present = c.state != ABSENT;
	s->connected = c.state == CONNECTED;
	s->lost = xs_watch_lost;
	s->watches = xs_watch_count();
	s->underway = c.underway;
}

FATA_METRIC_COUNTER(c.stat.requests, "xenstore.requests");
FATA_METRIC_COUNTER(c.stat.events, "xenstore.events");
FATA_METRIC_COUNTER(c.stat.resets, "xenstore.resets");
