/* SPDX-License-Identifier: ISC */
/*
 * The connection to xenstored of a Linux process: the same messages as on a
 * guest's ring, over xenstored's socket, or over the kernel's /dev/xen/xenbus
 * in a guest that is not dom0. libxenstore finds them by the same rules and
 * speaks the same, but each of its calls waits, one at a time, and all tasks
 * would; this way all of src/xen/xs*.c serves here, too.
 *
 * Interface: xen/xs_conn.h. Connected at the first use. A connection that ends
 * (xenstored does not come back by itself) is broken for good: -EIO.
 */
#include "xen/xs_conn.h"

#include "unix/host.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/log.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

FATA_LOG_SOURCE("xenstore");

#define MESSAGES 64 /* taken in one go before others run */

static struct {
	enum { UNTRIED, ABSENT, CONNECTED, BROKEN } state;
	struct unix_watch watch;
	bool want_out; /* the kernel's buffer is full */
	struct xs_queue q;
} c = {.q = XS_QUEUE_INIT(c.q)};

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

static int open_path(const char *path)
{
	struct stat s;

	if (stat(path, &s))
		return -1;
	if (S_ISSOCK(s.st_mode))
		return open_socket(path);
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/*
 * XENSTORED_PATH, a socket or a device, decides alone; else the socket in
 * XENSTORED_RUNDIR, or in the usual folders; else the kernel's device.
 */
static int open_any(void)
{
	static const char *const usual[] = {
		"/run/xenstored/socket", "/var/run/xenstored/socket",
		"/dev/xen/xenbus", "/proc/xen/xenbus"};
	const char *path = getenv("XENSTORED_PATH");
	const char *folder = getenv("XENSTORED_RUNDIR");
	char in_folder[PATH_MAX];
	const size_t n = sizeof(usual) / sizeof(*usual);
	size_t first = folder ? 2 : 0;
	int fd = -1;

	if (path)
		return open_path(path);
	if (folder && snprintf(in_folder, sizeof(in_folder), "%s/socket",
			       folder) < (int)sizeof(in_folder))
		fd = open_path(in_folder);
	for (size_t i = first; fd < 0 && i < n; i++)
		fd = open_path(usual[i]);
	return fd;
}

static void try_once(void)
{
	if (c.state != UNTRIED)
		return;
	c.state = ABSENT;
	c.watch.fd = unix_high(open_any());
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

static void broken(const char *why)
{
	if (c.state == BROKEN)
		return;
	log_error("%s; xenstore is lost", why);
	c.state = BROKEN;
	unix_unwatch(&c.watch);
	xs_finish_all(&c.q.sent, -EIO);
	xs_finish_all(&c.q.queue, -EIO);
	c.q.underway = 0;
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
	size_t left;

	for (;;) {
		const char *p = xs_queue_piece(r, &left);
		ssize_t n;

		if (!left)
			return 1;
		n = REAL(write)(c.watch.fd, p, left);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -EIO;
		r->sent += (size_t)n;
	}
}

static void send_queue(void)
{
	int rc = 1;

	while (rc > 0 && !list_empty(&c.q.queue) &&
	       c.q.underway < XS_UNDERWAY) {
		struct xs_request *r = xs_request_of(c.q.queue.next);

		if (!r->sent)
			xs_queue_name(&c.q, r);
		rc = send_part(r);
		if (rc <= 0)
			break;
		xs_queue_sent(&c.q);
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
	xs_queue_add(&c.q, r);
	send_queue();
	return 0;
}

/* --- answers ------------------------------------------------------------ */

/* One message: 1 when it is whole, 0 when there is no more, or an error. */
static int pull(void)
{
	struct xs_incoming *m = &c.q.in;
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
		c.q.in.have = 0;
		xs_queue_incoming(&c.q);
	}
	if (rc < 0)
		broken("xenstored closed the connection, or sent nonsense");
	if (c.state == CONNECTED)
		send_queue();
}

void xs_stat(struct xs_stat *s)
{
	xs_queue_stat(&c.q, s);
	s->present = c.state == CONNECTED || c.state == BROKEN;
	s->connected = c.state == CONNECTED;
}
