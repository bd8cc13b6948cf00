/* SPDX-License-Identifier: ISC */
/*
 * The simulated xenconsoled: keeps what a guest writes to its console ring,
 * types into it, pauses, and can be made to lie about the indices.
 */
#include <stdlib.h>
#include <string.h>

#include <fata/base.h>
#include <xen/io/console.h>

#include "lib/sim.h"

#define START 0xffffff00u
#define KEPT  (1 << 20)

struct sim_console {
	struct xencons_interface *ring;
	uint32_t port; /* dom0's */
	uint32_t out_cons, in_prod;
	char *text; /* what came, NUL-ended */
	size_t n;
	const char *typed; /* what is left to type */
	bool paused, scheduled;
};

static bool read_out(struct sim_console *c)
{
	uint32_t prod = c->ring->out_prod;
	bool work = c->out_cons != prod;

	while (c->out_cons != prod) {
		if (c->n == KEPT - 1)
			sim_die("the guest writes too much");
		c->text[c->n++] = c->ring->out[MASK_XENCONS_IDX(c->out_cons,
								c->ring->out)];
		c->out_cons++;
	}
	c->text[c->n] = 0;
	c->ring->out_cons = c->out_cons;
	return work;
}

static bool type_in(struct sim_console *c)
{
	bool work = false;

	while (c->typed && *c->typed &&
	       c->in_prod - c->ring->in_cons < sizeof(c->ring->in)) {
		c->ring->in[MASK_XENCONS_IDX(c->in_prod, c->ring->in)] =
			*c->typed++;
		c->in_prod++;
		work = true;
	}
	c->ring->in_prod = c->in_prod;
	return work;
}

static void turn(void *arg)
{
	struct sim_console *c = arg;
	bool work;

	c->scheduled = false;
	if (c->paused)
		return;
	work = read_out(c);
	work |= type_in(c);
	if (work)
		sim_evtchn_send(SIM_DOM0, c->port);
}

static void on_signal(void *arg)
{
	struct sim_console *c = arg;

	if (c->scheduled)
		return;
	c->scheduled = true;
	sim_after(10 * FATA_NS_PER_US + sim_below(50 * FATA_NS_PER_US), turn,
		  c);
}

/* The page stays, the port is new: also after a resume. */
void sim_console_start(struct sim_domain *d)
{
	struct sim_console *c = d->console;
	int port = sim_evtchn_unbound(d, 0);

	if (!c) {
		c = d->console = calloc(1, sizeof(*c));
		if (!c || !(c->text = calloc(1, KEPT)))
			sim_die("no memory for a console");
		c->ring = sim_pages(d, 1);
	}
	memset(c->ring, 0, sizeof(*c->ring));
	c->ring->out_cons = c->ring->out_prod = c->out_cons = START;
	c->ring->in_cons = c->ring->in_prod = c->in_prod = START;
	c->port = sim_evtchn_bind(SIM_DOM0, d->id, port);
	sim_evtchn_on(SIM_DOM0, c->port, on_signal, c);
	d->hvm_params[HVM_PARAM_CONSOLE_EVTCHN] = port;
	d->hvm_params[HVM_PARAM_CONSOLE_PFN] = (uintptr_t)c->ring >> PAGE_SHIFT;
}

const char *sim_console_text(struct sim_domain *d)
{
	return d->console->text;
}

void sim_console_clear(struct sim_domain *d)
{
	d->console->n = 0;
	d->console->text[0] = 0;
}

void sim_console_type(struct sim_domain *d, const char *text)
{
	d->console->typed = text;
	on_signal(d->console);
}

void sim_console_pause(struct sim_domain *d, bool paused)
{
	d->console->paused = paused;
	if (!paused)
		on_signal(d->console);
}

struct xencons_interface *sim_console_ring(struct sim_domain *d)
{
	return d->console->ring;
}

void sim_console_kick(struct sim_domain *d)
{
	sim_evtchn_send(SIM_DOM0, d->console->port);
}
