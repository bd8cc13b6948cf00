/* SPDX-License-Identifier: ISC */
/*
 * The connection to xenstored of a Linux process: the same messages as on a
 * guest's ring, over xenstored's socket, or over the kernel's /dev/xen/xenbus
 * in a guest that is not dom0. libxenstore speaks the same, but waits in each
 * call; this way all of src/xen/xs*.c serves here, too.
 *
 * Interface: xen/xs_conn.h. Connected at the first use. A connection that ends
 * (xenstored does not come back by itself) is broken for good: -EIO.
 */
#include "xen/xs_conn.h"

#include "unix/host.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/log.h>
#include <fata/trace.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

FATA_LOG_SOURCE("xenstore");

#define MESSAGES 64 /* taken in one go before others run */

static struct {
	enum { UNTRIED, ABSENT, CONNECTED, BROKEN } state;
	struct unix_watch watch;
	bool want_out; /* the kernel's buffer is full */
	struct xs_incoming in;
	struct list queue, sent;
	unsigned underway;
	uint32_t next_id;
	struct xs_stat stat;
} c = {
	.queue = LIST_INIT(c.queue),
	.sent = LIST_INIT(c.sent),
};

static void on_ready(void *arg, uint32_t events);

/* --- connecting --------------------------------------------------------- */

static int open_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return -1;
	strcpy(a.sun_path, path);
	fd = REAL(socket)(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && REAL(connect)(fd, (struct sockaddr *)&a, sizeof(a))) {
		REAL(close)(fd);
		return -1;
	}
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int open_any(void)
{
	const char *path = getenv("XENSTORED_PATH");
	int fd = path ? open_socket(path) : -1;

	if (fd < 0)
		fd = open_socket("/run/xenstored/socket");
	if (fd < 0)
		fd = open_socket("/var/run/xenstored/socket");
	if (fd < 0)
		fd = open("/dev/xen/xenbus", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return unix_high(fd);
}

static void try_once(void)
{
	if (c.state != UNTRIED)
		return;
	c.state = ABSENT;
	c.watch.fd = open_any();
	c.watch.fn = on_ready;
	if (c.watch.fd >= 0 && !unix_watch(&c.watch, EPOLLIN))
		c.state = CONNECTED;
}

int xs_usable(void)
{
	try_once();
	if (c.state == ABSENT)
		return -ENODEV;
	return c.state == BROKEN ? -EIO : 0;
}

uint32_t xs_connection(void)
{
	return 0;
}

/* --- requests ----------------------------------------------------------- */

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

static void broken(const char *why)
{
	if (c.state == BROKEN)
		return;
	log_error("%s; xenstore is lost", why);
	c.state = BROKEN;
	unix_unwatch(&c.watch);
	while (!list_empty(&c.sent))
		finish(request(c.sent.next), -EIO);
	while (!list_empty(&c.queue))
		finish(request(c.queue.next), -EIO);
	c.underway = 0;
	xs_watch_reset();
}

/* Watch for room as long as there is something to send. */
static void want_out(bool want)
{
	if (want == c.want_out)
		return;
	c.want_out = want;
	unix_unwatch(&c.watch);
	if (unix_watch(&c.watch, EPOLLIN | (want ? EPOLLOUT : 0u)))
		broken("no memory to wait");
}

/* Bytes of r: 1 when all are sent, 0 when there is no room, or an error. */
static int send_part(struct xs_request *r)
{
	size_t head = sizeof(r->header), whole = head + r->header.len;

	while (r->sent < whole) {
		bool first = r->sent < head;
		const char *p = first ? (const char *)&r->header + r->sent
				      : (const char *)r->payload + r->sent -
						head;
		size_t left = first ? head - r->sent : whole - r->sent;
		ssize_t n = REAL(write)(c.watch.fd, p, left);

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -EIO;
		r->sent += (size_t)n;
	}
	return 1;
}

static void send_queue(void)
{
	int rc = 1;

	while (rc > 0 && !list_empty(&c.queue) && c.underway < XS_UNDERWAY) {
		struct xs_request *r = request(c.queue.next);

		if (!r->sent)
			r->header.req_id = ++c.next_id;
		rc = send_part(r);
		if (rc <= 0)
			break;
		list_remove(&r->link);
		list_add_last(&c.sent, &r->link);
		c.underway++;
		c.stat.requests++;
		trace(TRACE_XS_REQUEST, r->header.req_id, r->header.type);
	}
	if (rc < 0)
		broken("cannot write to xenstored");
	else
		want_out(rc == 0);
}

int xs_submit(struct xs_request *r)
{
	int err = xs_usable();

	if (err)
		return err;
	r->sent = 0;
	r->busy = true;
	list_add_last(&c.queue, &r->link);
	send_queue();
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

/* --- answers ------------------------------------------------------------ */

static void answered(struct xs_request *r)
{
	const struct xsd_sockmsg *h = &c.in.header;
	int result = 0;

	c.underway--;
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
		if (!xs_wire_event(c.in.payload, c.in.header.len, &path,
				   &token))
			xs_watch_deliver(path, token);
		return;
	}
	list_for_each(entry, &c.sent)
	{
		if (request(entry)->header.req_id == c.in.header.req_id)
			return answered(request(entry));
	}
	c.stat.unknown++;
}

/* One message: 1 when it is whole, 0 when there is no more, or an error. */
static int pull(void)
{
	struct xs_incoming *m = &c.in;
	const size_t head = sizeof(m->header);

	for (;;) {
		size_t whole = m->have < head ? head : head + m->header.len;
		char *at = m->have < head ? (char *)&m->header + m->have
					  : m->payload + (m->have - head);
		ssize_t n;

		if (m->have >= head && m->header.len > XENSTORE_PAYLOAD_MAX)
			return -EPROTO;
		if (m->have >= head && m->have == whole) {
			m->payload[m->header.len] = '\0';
			return 1;
		}
		n = REAL(read)(c.watch.fd, at, whole - m->have);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -EIO;
		m->have += (size_t)n;
	}
}

static void on_ready(void *arg, uint32_t events)
{
	int rc = 1;

	(void)arg;
	(void)events;
	for (int i = 0; i < MESSAGES && rc > 0 && c.state == CONNECTED; i++) {
		rc = pull();
		if (rc <= 0)
			break;
		c.in.have = 0;
		incoming();
	}
	if (rc < 0)
		broken("xenstored closed the connection, or sent nonsense");
	if (c.state == CONNECTED)
		send_queue();
}

void xs_stat(struct xs_stat *s)
{
	*s = c.stat;
	s->present = c.state == CONNECTED || c.state == BROKEN;
	s->connected = c.state == CONNECTED;
	s->lost = xs_watch_lost;
	s->watches = xs_watch_count();
	s->underway = c.underway;
}
