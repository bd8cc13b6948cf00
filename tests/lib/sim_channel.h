/* SPDX-License-Identifier: ISC */
/*
 * A channel to dom0 as the tests of events have it, and their main: all tests
 * over the FIFO interface and over the 2-level one.
 */
#ifndef SIM_CHANNEL_H
#define SIM_CHANNEL_H

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fata/xen/evtchn.h>

#include "lib/sim.h"
#include "lib/sim_fifo.h"
#include "xen/evtchn.h"

struct channel {
	struct evtchn e;
	uint32_t peer; /* dom0's port */
	bool sent;     /* since the last delivery */
	unsigned int sends, deliveries;
	bool useful, unmasked;
};

static inline void on_event(void *arg)
{
	struct channel *c = arg;

	c->sent = false;
	c->deliveries++;
	evtchn_served(&c->e, c->useful);
}

static inline void open_channel(struct channel *c)
{
	*c = (struct channel){.useful = true};
	CHECK(evtchn_bind_unbound(&c->e, 0) == 0);
	c->peer = sim_evtchn_bind(SIM_DOM0, sim_guest->id, evtchn_port(&c->e));
	evtchn_handle(&c->e, on_event, c);
}

static inline void close_channel(struct channel *c)
{
	if (evtchn_port(&c->e) > 0)
		CHECK(evtchn_close(&c->e) == 0);
	sim_evtchn_close(SIM_DOM0, c->peer);
}

static inline void send(struct channel *c)
{
	/* to a closed end it would rightly be lost */
	if (SIM_DOM0->ports[c->peer].state != SIM_PORT_BOUND)
		return;
	c->sent = true;
	c->sends++;
	sim_evtchn_send(SIM_DOM0, c->peer);
}

/* One guest a process: the 2-level half runs in a child. */
static inline int channel_groups(const struct CMUnitTest *tests, size_t n)
{
	pid_t child = fork();
	bool fifo = child != 0;
	int status = 0, failed;

	sim_fifo_offered = fifo;
	if (child < 0 || (fifo && waitpid(child, &status, 0) < 0))
		return 1;
	failed = _cmocka_run_group_tests(fifo ? "fifo" : "2-level", tests, n,
					 sim_setup, NULL);
	if (!fifo)
		exit(failed);
	return failed || status ? 1 : 0;
}

#endif
