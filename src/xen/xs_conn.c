/* SPDX-License-Identifier: ISC */
/*
 * The connection to xenstored by a guest's ring; see xs_conn.h.
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
	struct xs_queue q;
	uint32_t connection;
	unsigned int resets; /* since the last answer */
	struct timer again; /* pump from the loop; or look for a reconnection */
	struct event drained;
} c = {.q = XS_QUEUE_INIT(c.q)};

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

/* --- resets --------------------------------------------------------------- */

/* All that xenstored knew of us is gone, transactions and watches as well. */
static void reset(void)
{
	c.connection++;
	xs_queue_reset(&c.q);
	xs_watch_reset();
}

static void give_up(const char *why)
{
	log_error("%s; xenstore is lost", why);
	c.state = BROKEN;
	timer_cancel(&c.again);
	xs_finish_all(&c.q.sent, -EIO);
	xs_finish_all(&c.q.queue, -EIO);
	c.q.underway = 0;
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

/* Bytes of r onto the ring: 1 when all are there, 0 when it is full. */
static int send_part(struct xs_request *r)
{
	size_t left;

	for (;;) {
		const char *p = xs_queue_piece(r, &left);
		int n;

		if (!left)
			return 1;
		n = (int)byte_ring_write(&c.ring.out, p, left);
		if (n <= 0)
			return n;
		r->sent += n;
	}
}

/* Returns how many requests began or went on, or -EPROTO. */
static int send_queue(void)
{
	int n, moved = 0;

	while (!list_empty(&c.q.queue)) {
		struct xs_request *r = xs_request_of(c.q.queue.next);
		size_t before = r->sent;

		if (before == 0) {
			if (c.suspend || c.q.underway >= XS_UNDERWAY)
				break;
			xs_queue_name(&c.q, r);
		}
		n = send_part(r);
		if (n < 0)
			return n;
		moved += r->sent != before;
		if (n == 0)
			break;
		xs_queue_sent(&c.q);
	}
	return moved;
}

/* --- receiving ------------------------------------------------------------ */

/* Hand out what is on the ring, one ring's worth at most: how many messages,
 * or -EPROTO. */
static int receive(void)
{
	uint64_t replies = c.q.stat.replies;
	uint32_t begin = c.ring.in.index;
	int n, moved = 0;

	while (c.ring.in.index - begin < XENSTORE_RING_SIZE) {
		n = xs_incoming_pull(&c.q.in, &c.ring);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		xs_queue_incoming(&c.q);
		c.q.in.have = 0;
		moved++;
		if (c.q.stat.replies != replies)
			c.resets = 0;
	}
	return moved + (c.ring.in.index != begin);
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
	if (c.q.underway == 0)
		event_signal(&c.drained);
}

/* An event has work if messages moved, or xenstored took bytes of ours. */
static void signalled(void *arg)
{
	const struct xs_stat *s = &c.q.stat;
	uint64_t before = s->replies + s->events + s->requests;
	uint32_t taken =
		__atomic_load_n(&c.ring.page->req_cons, __ATOMIC_ACQUIRE);
	bool work = taken != c.taken || c.q.in.have != 0;

	(void)arg;
	c.taken = taken;
	pump();
	before -= s->replies + s->events + s->requests;
	evtchn_served(&c.channel, work || before != 0);
}

/* --- what others call ----------------------------------------------------- */

int xs_submit(struct xs_request *r)
{
	int err = xs_usable();

	if (err)
		return err;
	xs_queue_add(&c.q, r);
	pump();
	return 0;
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
	return c.q.underway == 0 &&
	       (list_empty(&c.q.queue) ||
		xs_request_of(c.q.queue.next)->sent == 0);
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
	xs_queue_stat(&c.q, s);
	s->present = c.state != ABSENT;
	s->connected = c.state == CONNECTED;
}

FATA_METRIC_COUNTER(c.q.stat.requests, "xenstore.requests");
FATA_METRIC_COUNTER(c.q.stat.events, "xenstore.events");
FATA_METRIC_COUNTER(c.q.stat.resets, "xenstore.resets");
