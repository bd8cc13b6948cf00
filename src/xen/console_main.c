/* SPDX-License-Identifier: ISC */
/*
 * The main console: where its ring comes from, at boot and after a resume, and
 * how a panic's words get out when nothing else works any more.
 *
 * The toolstack makes a ring and a port and tells them as parameters of the
 * domain. A dom0 has none: its console is Xen's own.
 */
#include <fata/clock.h>
#include <xen/clock.h>
#include <xen/console.h>
#include <xen/hvm/params.h>
#include <xen/hypercall.h>
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

/* Xen's console always works; the ring too if its reader lives. */
void console_emergency(const char *text, size_t n)
{
	struct console *c = &main_console;
	size_t done;

	hypercall_console_io(CONSOLEIO_write, (unsigned)n, (char *)text);
	if (c->to_xen || !c->buffer)
		return;
	done = console_queue(c, text, n);
	if (done < n) {
		console_settle(c->patience);
		c->patience = 0;
		console_queue(c, text + done, n - done);
	}
}
