/* SPDX-License-Identifier: ISC */
/*
 * Consoles: the rings of xen/include/public/io/console.h.
 *
 *     writers -> buffer (64 KiB, ours) -> ring (2 KiB, shared) -> xenconsoled
 *     readers <- input  (1 KiB, ours)  <- ring (1 KiB, shared) <-
 *
 * The other side may stop reading at any time, may never have started, and may
 * write anything into the shared page. So: our indices are kept privately, its
 * indices are checked each time, writers have a bounded patience, and a ring
 * with impossible indices is broken for good.
 */
#include <core/assert.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/param.h>
#include <string.h>
#include <xen/console.h>
#include <xen/hypercall.h>
#include <xen/setup.h>
#include <xen/clock.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>

static uint64_t buffer_size = 16384;
FATA_PARAM_SIZE(buffer_size, "console-buffer", "16K",
		"console output kept while nobody reads it");
static uint64_t wait_ns = 500 * FATA_NS_PER_MS;
FATA_PARAM_TIME(wait_ns, "console-wait", "500ms",
		"how long output may wait for a reader before it is dropped");

static struct console main_console;

_Static_assert(sizeof(struct xencons_interface) == 1024 + 2048 + 16,
	       "the ring's layout is Xen's");

struct console *console_main(void)
{
	return &main_console;
}

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

static uint32_t load(const XENCONS_RING_IDX *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store(XENCONS_RING_IDX *index, uint32_t v)
{
	__atomic_store_n(index, v, __ATOMIC_RELEASE);
}

/* Room on the output ring, after learning how far the reader is. */
static uint32_t ring_room(struct console *c)
{
	uint32_t cons = load(&c->ring->out_cons);

	if (c->out_prod - cons > sizeof(c->ring->out)) {
		broken(c);
		return 0;
	}
	if (cons != c->out_cons)
		c->patience = wait_ns;
	c->out_cons = cons;
	return sizeof(c->ring->out) - (c->out_prod - cons);
}

/* Xen's own console takes everything at once. */
static void drain_xen(struct console *c)
{
	while (c->used) {
		uint32_t part = c->buffer_size - c->head;

		part = part < c->used ? part : c->used;
		hypercall_console_io(CONSOLEIO_write, part,
				     c->buffer + c->head);
		c->head = (c->head + part) % c->buffer_size;
		c->used -= part;
	}
}

/* Move output from the buffer to the ring. */
static void drain(struct console *c)
{
	uint32_t room, moved = 0;

	if (!c->ring) {
		drain_xen(c);
		return;
	}
	if (c->stat.broken || !c->used)
		return;
	for (room = ring_room(c); c->used && moved < room; moved++) {
		char *slot = &c->ring->out[MASK_XENCONS_IDX(c->out_prod,
							    c->ring->out)];

		*(volatile char *)slot = c->buffer[c->head];
		c->head = (c->head + 1) % c->buffer_size;
		c->used--;
		c->out_prod++;
	}
	if (!moved)
		return;
	store(&c->ring->out_prod, c->out_prod);
	evtchn_notify(&c->evtchn);
	event_signal(&c->writable);
}

/* Move input from the ring to ours, as far as there is room. */
static bool take_input(struct console *c)
{
	uint32_t prod = load(&c->ring->in_prod), n;

	if (prod - c->in_cons > sizeof(c->ring->in)) {
		broken(c);
		return false;
	}
	for (n = 0; c->in_cons != prod && c->input_used < CONSOLE_INPUT; n++) {
		uint32_t at = MASK_XENCONS_IDX(c->in_cons, c->ring->in);

		c->input[(c->input_head + c->input_used++) % CONSOLE_INPUT] =
			*(volatile char *)&c->ring->in[at];
		c->in_cons++;
	}
	if (!n)
		return false;
	store(&c->ring->in_cons, c->in_cons);
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
	uint32_t before = c->out_cons;
	bool work;

	if (!c->ring) {
		take_xen_input(c);
		return;
	}
	if (c->stat.broken)
		return;
	work = take_input(c);
	if (!c->stat.broken)
		ring_room(c);
	drain(c);
	if (c->out_cons != before)
		event_signal(&c->writable);
	evtchn_served(&c->evtchn, work || c->out_cons != before);
}

static void put_byte(struct console *c, char byte)
{
	c->buffer[(c->head + c->used++) % c->buffer_size] = byte;
}

/* Queue as much as fits; how many bytes of text that was. */
static size_t queue(struct console *c, const char *text, size_t n)
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
		c->stat.dropped += n - queue(c, text, n);
}

ssize_t console_write(struct console *c, const void *data, size_t n)
{
	const char *text = data;
	size_t done = queue(c, text, n);

	while (done < n && !c->stat.broken && c->patience) {
		uint64_t seen = event_count(&c->writable);
		uint64_t start = clock_mono_ns(), spent;
		int rc = event_wait(&c->writable, &seen,
				    clock_deadline(c->patience));

		if (rc == -ECANCELED)
			return rc;
		spent = clock_mono_ns() - start;
		c->patience = rc == -ETIMEDOUT || spent >= c->patience
				      ? 0
				      : c->patience - spent;
		if (c->ring && !c->stat.broken)
			ring_room(c); /* progress renews the patience */
		done += queue(c, text + done, n - done);
	}
	c->stat.dropped += n - done;
	return (ssize_t)n;
}

int console_flush(struct console *c, uint64_t deadline)
{
	while (c->ring && !c->stat.broken) {
		uint64_t seen = event_count(&c->writable);
		int rc;

		drain(c);
		if (!c->stat.broken && !c->used &&
		    ring_room(c) == sizeof(c->ring->out))
			break;
		rc = event_wait(&c->writable, &seen, deadline);
		if (rc)
			return rc;
	}
	return 0;
}

ssize_t console_read(struct console *c, void *data, size_t n,
		     uint64_t deadline)
{
	char *out = data;
	size_t got = 0;

	while (n && !c->input_used) {
		uint64_t seen = event_count(&c->readable);
		int rc;

		if (c->stat.broken)
			return -EIO;
		if (c->ring ? take_input(c) : take_xen_input(c))
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
	if (c->ring && !c->stat.broken)
		take_input(c); /* the ring may have held more */
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
	c->ring = ring;
	c->patience = wait_ns;
	c->stat.broken = false;
	if (ring) {
		/* Go on where the ring is: a loader may have used it. */
		c->out_prod = load(&ring->out_prod);
		c->out_cons = load(&ring->out_cons);
		c->in_cons = load(&ring->in_cons);
	}
	evtchn_handle(&c->evtchn, on_event, c);
	evtchn_unmask(&c->evtchn);
	drain(c);
	return 0;
}

void console_stop(struct console *c, struct xencons_interface *nowhere)
{
	c->ring = nowhere;
	broken(c);
}

static struct xencons_interface *main_ring(void)
{
	uint64_t port = setup_hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
	struct xencons_interface *ring =
		setup_map_special(setup_hvm_param(HVM_PARAM_CONSOLE_PFN));

	if (ring && evtchn_bind_port(&main_console.evtchn, (uint32_t)port))
		return NULL;
	return ring;
}

int console_init(void)
{
	struct xencons_interface *ring = main_ring();

	if (!ring)
		evtchn_bind_virq(&main_console.evtchn, VIRQ_CONSOLE);
	return console_start(&main_console, ring);
}

void console_resume(void)
{
	struct xencons_interface *ring;

	if (!main_console.ring)
		return;
	evtchn_release(&main_console.evtchn);
	ring = main_ring();
	if (ring)
		console_start(&main_console, ring);
	else
		broken(&main_console);
}

/* Sleep for a millisecond without the loop. */
static void nap(void)
{
	struct sched_poll poll = {
		.timeout = clock_to_system_time(
			clock_deadline(FATA_NS_PER_MS))};

	hypercall_sched_op(SCHEDOP_poll, &poll);
}

void console_settle(uint64_t ns)
{
	struct console *c = &main_console;
	uint64_t end = clock_deadline(ns);

	while (c->ring && !c->stat.broken && clock_mono_ns() < end) {
		uint32_t before = c->out_cons;

		drain(c);
		if (c->stat.broken ||
		    (!c->used && ring_room(c) == sizeof(c->ring->out)))
			break;
		if (c->out_cons != before)
			end = clock_deadline(ns);
		nap();
	}
}

/* Xen's console always works; the ring too if its reader lives. */
void console_emergency(const char *text, size_t n)
{
	struct console *c = &main_console;
	size_t done;

	hypercall_console_io(CONSOLEIO_write, (unsigned)n, (char *)text);
	if (!c->ring || !c->buffer)
		return;
	done = queue(c, text, n);
	if (done < n) {
		console_settle(c->patience);
		c->patience = 0;
		queue(c, text + done, n - done);
	}
}
