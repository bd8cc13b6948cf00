/* SPDX-License-Identifier: ISC */
/*
 * A call's stream (qubes/qrexec.h), the same for both sides but for the types
 * of messages. What is written goes out in messages that fit into the ring when
 * they are begun, so that a deadline never cuts one in two; a message that
 * comes in is taken piece by piece, and what has been taken of it is kept.
 *
 * An empty message is the end of its stream. The service's errors and its exit
 * status come between the bytes that it writes.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/task.h>
#include <qubes/qrexec.h>

FATA_LOG_SOURCE("qrexec");

const struct qrexec_request *qrexec_request(const struct qrexec_call *c)
{
	return &c->request;
}

/* --- reading ------------------------------------------------------------ */

/* The peer broke the rules: nothing more of it is believed. */
static int broken(struct qrexec_call *c, int rc)
{
	if (rc == -EPROTO)
		link_cut(&c->link);
	return rc;
}

static int take_header(struct qrexec_call *c, uint64_t deadline)
{
	while (c->have < sizeof(c->header)) {
		ssize_t got = link_read(&c->link, (char *)&c->header + c->have,
					sizeof(c->header) - c->have, deadline);

		if (got <= 0)
			return got ? (int)got : -ECONNRESET;
		c->have += (uint32_t)got;
	}
	return 0;
}

static void end_of_stream(struct qrexec_call *c)
{
	/* the errors' end is none of the stream */
	if (c->header.type != QREXEC_STDERR)
		c->eof = true;
}

/* The next header: 0, or an error. */
static int next_message(struct qrexec_call *c, uint64_t deadline)
{
	int rc = take_header(c, deadline);

	if (rc)
		return rc;
	c->have = 0;
	rc = qrexec_check(&c->header, c->side, c->version);
	if (rc)
		return broken(c, rc);
	c->left = c->header.size;
	if (!c->left)
		end_of_stream(c);
	return 0;
}

/* The exit status: the last that comes. */
static int take_status(struct qrexec_call *c, uint64_t deadline)
{
	while (c->left) {
		char *to = (char *)&c->code + sizeof(c->code) - c->left;
		ssize_t got = link_read(&c->link, to, c->left, deadline);

		if (got <= 0)
			return got ? (int)got : -ECONNRESET;
		c->left -= (uint32_t)got;
	}
	c->status = (int)(c->code & 255);
	c->eof = true;
	return 0;
}

/* The other side's errors are its own log's: ours tells when it is asked to. */
static int take_errors(struct qrexec_call *c, uint64_t deadline)
{
	char part[120];
	size_t some = c->left < sizeof(part) ? c->left : sizeof(part);
	ssize_t got = link_read(&c->link, part, some, deadline);

	if (got <= 0)
		return got ? (int)got : -ECONNRESET;
	c->left -= (uint32_t)got;
	log_debug("the service says: %.*s", (int)got, part);
	return 0;
}

/* What is not for the reader. A peer that has much of it starves nobody. */
static int take_others(struct qrexec_call *c, uint64_t deadline)
{
	int rc;

	if (!c->left)
		rc = next_message(c, deadline);
	else if (c->header.type == QREXEC_EXIT_CODE)
		rc = take_status(c, deadline);
	else
		rc = take_errors(c, deadline);
	if (rc)
		return rc;
	fata_yield();
	return 0;
}

static bool for_reader(const struct qrexec_call *c)
{
	return c->left && c->header.type != QREXEC_EXIT_CODE &&
	       c->header.type != QREXEC_STDERR;
}

ssize_t qrexec_read(struct qrexec_call *c, void *data, size_t n,
		    uint64_t deadline)
{
	ssize_t got;
	int rc = 0;

	if (c->just)
		return 0;
	while (n && !rc && !c->eof && !for_reader(c))
		rc = take_others(c, deadline);
	if (!n || rc || c->eof)
		return rc;
	got = link_read(&c->link, data, n < c->left ? n : c->left, deadline);
	if (got > 0)
		c->left -= (uint32_t)got;
	return got ? got : -ECONNRESET;
}

/* --- writing ------------------------------------------------------------ */

static ssize_t write_message(struct qrexec_call *c, uint32_t type,
			     const void *data, size_t n, uint64_t deadline)
{
	size_t most = qrexec_chunk(c->version), room;
	int rc = link_wait_room(
		&c->link, sizeof(struct qrexec_header) + (n > 0), deadline);

	if (rc)
		return rc;
	room = link_room(&c->link) - sizeof(struct qrexec_header);
	n = n < room ? n : room;
	n = n < most ? n : most;
	rc = qrexec_send(&c->link, type, data, n, deadline);
	return rc ? rc : (ssize_t)n;
}

static ssize_t write_all(struct qrexec_call *c, uint32_t type, const void *data,
			 size_t n, uint64_t deadline)
{
	const char *from = data;
	size_t done = 0;

	if (c->just)
		return (ssize_t)n;
	while (done < n) {
		ssize_t put =
			write_message(c, type, from + done, n - done, deadline);

		if (put < 0)
			return done ? (ssize_t)done : put;
		done += (size_t)put;
	}
	return (ssize_t)done;
}

static uint32_t stream(const struct qrexec_call *c)
{
	return c->side == QREXEC_SERVING ? QREXEC_STDOUT : QREXEC_STDIN;
}

ssize_t qrexec_write(struct qrexec_call *c, const void *data, size_t n,
		     uint64_t deadline)
{
	if (c->ended)
		return -EPIPE;
	return write_all(c, stream(c), data, n, deadline);
}

ssize_t qrexec_write_error(struct qrexec_call *c, const void *data, size_t n,
			   uint64_t deadline)
{
	if (c->side != QREXEC_SERVING)
		return -EINVAL;
	return write_all(c, QREXEC_STDERR, data, n, deadline);
}

int qrexec_end_write(struct qrexec_call *c, uint64_t deadline)
{
	ssize_t rc;

	if (c->ended || c->just)
		return 0;
	rc = write_message(c, stream(c), NULL, 0, deadline);
	c->ended = !rc;
	return (int)rc;
}

/* --- the end of a call of ours ------------------------------------------- */

static int drain(struct qrexec_call *c, uint64_t deadline)
{
	char part[512];
	ssize_t got = 1;

	while (got >= 0 && c->status == -EINPROGRESS) {
		c->eof = false; /* the status comes behind the stream's end */
		got = qrexec_read(c, part, sizeof(part), deadline);
		if (clock_mono_ns() > deadline)
			got = -ETIMEDOUT; /* it writes on and on */
	}
	return got < 0 ? (int)got : 0;
}

int qrexec_finish(struct qrexec_call *c, int *status, uint64_t deadline)
{
	int rc = 0;

	/* the service may be gone by now, its status still in the ring */
	if (c->status == -EINPROGRESS) {
		qrexec_end_write(c, deadline);
		rc = drain(c, deadline);
	}
	if (!rc && status)
		*status = c->status;
	link_close(&c->link);
	qrexec_terminated(c->q, c->session, c->where);
	heap_free(c);
	return rc;
}
