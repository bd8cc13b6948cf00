/* SPDX-License-Identifier: ISC */
/*
 * Consoles: the rings of xen/include/public/io/console.h.
 *
 *     writers -> buffer (16 KiB, ours) -> ring (2 KiB, shared) -> xenconsoled
 *     readers <- input  (1 KiB, ours)  <- ring (1 KiB, shared) <-
 *
 * The other side may stop reading at any time, may never have started, and may
 * write anything into the shared page (byte_ring.h). So writers have a bounded
 * patience, and a ring with impossible indices is broken for good.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/param.h>
#include <string.h>
#include <core/console.h>
#include <xen/console.h>
#include <xen/hypercall.h>

static uint64_t buffer_size = 16384;
FATA_PARAM_SIZE(buffer_size, "console-buffer", "16K",
		"console output kept while nobody reads it");
static uint64_t wait_ns = 500 * FATA_NS_PER_MS;
FATA_PARAM_TIME(wait_ns, "console-wait", "500ms",
		"how long output may wait for a reader before it is dropped");

_Static_assert(sizeof(struct xencons_interface) == 1024 + 2048 + 16,
	       "the ring's layout is Xen's");

struct console_line *console_line(struct console *c)
{
	return &c->line;
}

static void broken(struct console *c)
{
	c->stat.broken = true;
	c->stat.dropped += c->used;
	c->used = 0;
	event_signal(&c->readable);
	event_signal(&c->writable);
}

/* Room on the output ring, after learning how far the reader is. */
static uint32_t ring_room(struct console *c)
{
	ssize_t room = byte_ring_space(&c->out);
	uint32_t taken;

	if (room < 0) {
		broken(c);
		return 0;
	}
	taken = c->out.index - (c->out.size - (uint32_t)room);
	if (taken != c->taken)
		c->patience = wait_ns;
	c->taken = taken;
	return (uint32_t)room;
}

/* What the buffer holds in one piece. */
static uint32_t front_part(const struct console *c)
{
	uint32_t part = c->buffer_size - c->head;

	return part < c->used ? part : c->used;
}

static void drop_front(struct console *c, uint32_t n)
{
	c->head = (c->head + n) % c->buffer_size;
	c->used -= n;
}

/* Xen's own console takes everything at once. */
static void drain_xen(struct console *c)
{
	while (c->used) {
		uint32_t part = front_part(c);

		hypercall_console_io(CONSOLEIO_write, part,
				     c->buffer + c->head);
		drop_front(c, part);
	}
}

/* Move output from the buffer to the ring. */
static void drain(struct console *c)
{
	bool moved = false;

	if (c->to_xen) {
		drain_xen(c);
		return;
	}
	if (c->stat.broken || !c->used)
		return;
	while (c->used && ring_room(c)) {
		ssize_t n = byte_ring_write(&c->out, c->buffer + c->head,
					    front_part(c));

		if (n <= 0) /* judged again, and broken: the next look says */
			break;
		drop_front(c, (uint32_t)n);
		moved = true;
	}
	if (!moved)
		return;
	evtchn_notify(&c->evtchn);
	event_signal(&c->writable);
}

/* Move input from the ring to ours, until that holds `limit` bytes. */
static bool take_input(struct console *c, uint32_t limit)
{
	bool any = false;

	while (c->input_used < limit) {
		uint32_t at = (c->input_head + c->input_used) % CONSOLE_INPUT;
		uint32_t room = limit - c->input_used;
		ssize_t n;

		if (room > CONSOLE_INPUT - at)
			room = CONSOLE_INPUT - at;
		n = byte_ring_read(&c->in, c->input + at, room);
		if (n < 0)
			broken(c);
		if (n <= 0)
			break;
		c->input_used += (uint32_t)n;
		any = true;
	}
	if (!any)
		return false;
	evtchn_notify(&c->evtchn);
	event_signal(&c->readable);
	return true;
}

static bool take_xen_input(struct console *c)
{
	char text[64];
	long n = hypercall_console_io(CONSOLEIO_read, sizeof(text), text);

	for (long i = 0; i < n && c->input_used < CONSOLE_INPUT; i++)
		c->input[(c->input_head + c->input_used++) % CONSOLE_INPUT] =
			text[i];
	if (n > 0)
		event_signal(&c->readable);
	return n > 0;
}

static void on_event(void *arg)
{
	struct console *c = arg;
	uint32_t before = c->taken;
	bool work;

	if (c->to_xen) {
		take_xen_input(c);
		return;
	}
	if (c->stat.broken)
		return;
	work = take_input(c, CONSOLE_AHEAD);
	if (!c->stat.broken)
		ring_room(c);
	drain(c);
	if (c->taken != before)
		event_signal(&c->writable);
	evtchn_served(&c->evtchn, work || c->taken != before);
}

static void put_byte(struct console *c, char byte)
{
	c->buffer[(c->head + c->used++) % c->buffer_size] = byte;
}

size_t console_queue(struct console *c, const char *text, size_t n)
{
	size_t done;

	for (done = 0; done < n; done++) {
		uint32_t need = text[done] == '\n' ? 2 : 1;

		if (c->buffer_size - c->used < need)
			drain(c);
		if (c->stat.broken || c->buffer_size - c->used < need)
			break;
		if (need == 2)
			put_byte(c, '\r');
		put_byte(c, text[done]);
	}
	c->stat.written += done;
	drain(c);
	return done;
}

void console_put(struct console *c, const char *text, size_t n)
{
	if (!c->buffer)
		console_emergency(text, n);
	else
		c->stat.dropped += n - console_queue(c, text, n);
}

ssize_t console_write(struct console *c, const void *data, size_t n)
{
	const char *text = data;
	size_t done = console_queue(c, text, n);

	while (done < n && !c->stat.broken && c->patience) {
		int rc = console_await_room(&c->writable, &c->patience);

		if (rc)
			return rc;
		if (!c->to_xen && !c->stat.broken)
			ring_room(c); /* progress renews the patience */
		done += console_queue(c, text + done, n - done);
	}
	c->stat.dropped += n - done;
	return (ssize_t)n;
}

bool console_drained(struct console *c)
{
	drain(c);
	if (c->to_xen || c->stat.broken)
		return true;
	return ring_room(c) == c->out.size && !c->used;
}

int console_flush(struct console *c, uint64_t deadline)
{
	while (!c->to_xen && !c->stat.broken) {
		uint64_t seen = event_count(&c->writable);
		int rc;

		if (console_drained(c))
			break;
		rc = event_wait(&c->writable, &seen, deadline);
		if (rc)
			return rc;
	}
	return 0;
}

ssize_t console_read(struct console *c, void *data, size_t n, uint64_t deadline)
{
	char *out = data;
	size_t got = 0;

	while (n && !c->input_used) {
		uint64_t seen = event_count(&c->readable);
		int rc;

		if (c->stat.broken)
			return -EIO;
		if (c->to_xen ? take_xen_input(c)
			      : take_input(c, CONSOLE_AHEAD))
			break;
		rc = event_wait(&c->readable, &seen, deadline);
		if (rc)
			return rc;
	}
	for (; got < n && c->input_used; got++) {
		out[got] = c->input[c->input_head];
		c->input_head = (c->input_head + 1) % CONSOLE_INPUT;
		c->input_used--;
	}
	if (!c->to_xen && !c->stat.broken)
		take_input(c, CONSOLE_AHEAD); /* the ring may have held more */
	c->stat.read += got;
	return (ssize_t)got;
}

struct event *console_readable(struct console *c)
{
	return &c->readable;
}

void console_stat(struct console *c, struct console_stat *s)
{
	*s = c->stat;
}

int console_start(struct console *c, struct xencons_interface *ring)
{
	if (!c->buffer) {
		c->buffer_size = buffer_size < 256 ? 256
				 : buffer_size > (1u << 30)
					 ? 1u << 30
					 : (uint32_t)buffer_size;
		c->buffer = heap_alloc(c->buffer_size);
		if (!c->buffer)
			return -ENOMEM;
	}
	c->to_xen = !ring;
	c->patience = wait_ns;
	c->stat.broken = false;
	if (ring) {
		/* Go on where the ring is: a loader may have used it. */
		byte_ring_init(&c->out, &ring->out_prod, &ring->out_cons,
			       ring->out, sizeof(ring->out));
		byte_ring_init(&c->in, &ring->in_cons, &ring->in_prod, ring->in,
			       sizeof(ring->in));
		c->taken = ring_load(&ring->out_cons);
	}
	evtchn_handle(&c->evtchn, on_event, c);
	evtchn_unmask(&c->evtchn);
	drain(c);
	return 0;
}

void console_stop(struct console *c)
{
	broken(c);
}

void console_leave(struct console *c)
{
	if (c->to_xen || c->stat.broken)
		return;
	console_flush(c, clock_deadline(wait_ns));
	if (!c->stat.broken)
		take_input(c, CONSOLE_INPUT);
}
