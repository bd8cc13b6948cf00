/* SPDX-License-Identifier: ISC */
/*
 * The main console: where its ring comes from, at boot and after a resume, and
 * how a panic's words get out when nothing else works any more.
 *
 * The toolstack makes a ring and a port and tells them as parameters of the
 * domain. A dom0 has none: its console is Xen's own. What is said before there
 * is a console goes into the ring as it lies there: why a guest cannot even
 * start is told where one looks.
 */
#include <core/page.h>
#include <fata/clock.h>
#include <xen/clock.h>
#include <xen/console.h>
#include <xen/hvm/params.h>
#include <xen/hypercall.h>
#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/setup.h>

static struct console main_console = {.to_xen = true};

struct console *console_main(void)
{
	return &main_console;
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

void console_suspend(void)
{
	console_leave(&main_console);
}

void console_resume(void)
{
	struct xencons_interface *ring;

	if (main_console.to_xen)
		return;
	evtchn_release(&main_console.evtchn);
	ring = main_ring();
	if (ring)
		console_start(&main_console, ring);
	else
		console_stop(&main_console);
}

/* Sleep for a millisecond without the loop. */
static void nap(void)
{
	struct sched_poll poll = {.timeout = clock_to_system_time(
					  clock_deadline(FATA_NS_PER_MS))};

	hypercall_sched_op(SCHEDOP_poll, &poll);
}

void console_settle(uint64_t ns)
{
	struct console *c = &main_console;
	uint64_t end = clock_deadline(ns);

	while (clock_mono_ns() < end) {
		uint32_t before = c->taken;

		if (console_drained(c))
			break;
		if (c->taken != before)
			end = clock_deadline(ns);
		nap();
	}
}

/* The ring before the console is: by the boot's page tables, then by ours. */
static struct xencons_interface *early_ring(void)
{
	uint64_t pfn = setup_hvm_param(HVM_PARAM_CONSOLE_PFN);

	if (page_memory())
		return setup_map_special(pfn);
	return pfn && pfn < 1 << (32 - PAGE_SHIFT) ? (void *)(pfn << PAGE_SHIFT)
						   : NULL;
}

/* What has room there; whoever reads it may come later. */
static void early(const char *text, size_t n)
{
	struct xencons_interface *ring = early_ring();
	struct evtchn_send send = {
		.port = (uint32_t)setup_hvm_param(HVM_PARAM_CONSOLE_EVTCHN)};
	struct byte_ring out;

	if (!ring)
		return;
	byte_ring_init(&out, &ring->out_prod, &ring->out_cons, ring->out,
		       sizeof(ring->out));
	for (size_t i = 0; i < n; i++)
		if ((text[i] == '\n' && byte_ring_write(&out, "\r", 1) < 1) ||
		    byte_ring_write(&out, text + i, 1) < 1)
			break;
	hypercall_event_channel_op(EVTCHNOP_send, &send);
}

/* Xen's console always works; the ring too if its reader lives. */
void console_emergency(const char *text, size_t n)
{
	struct console *c = &main_console;
	size_t done;

	hypercall_console_io(CONSOLEIO_write, (unsigned)n, (char *)text);
	if (!c->buffer)
		early(text, n);
	if (c->to_xen || !c->buffer)
		return;
	done = console_queue(c, text, n);
	if (done < n) {
		console_settle(c->patience);
		c->patience = 0;
		console_queue(c, text + done, n - done);
	}
}
