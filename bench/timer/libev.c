/* SPDX-License-Identifier: ISC */
/*
 * The operations on libev's timers, a heap of four branches; see bench.h. Its
 * times are relative to now, so ours are moved far into the past to be due.
 */
#include "bench.h"

#include <ev.h>
#include <stdlib.h>

static struct ev_loop *loop;
static ev_timer *t;

static void called(struct ev_loop *l, ev_timer *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	calls++;
}

static void start(void)
{
	loop = ev_loop_new(EVBACKEND_EPOLL);
	t = calloc(MANY, sizeof(*t));
	if (!loop || !t)
		abort();
	for (uint32_t i = 0; i < MANY; i++)
		ev_timer_init(&t[i], called, 0., 0.);
}

static void arm(void)
{
	for (uint32_t i = 0; i < MANY; i++) {
		ev_timer_set(&t[i], deadline[i] - 1e10, 0.);
		ev_timer_start(loop, &t[i]);
	}
}

static void fire(void)
{
	ev_run(loop, EVRUN_NOWAIT);
}

static void cancel(void)
{
	for (uint32_t i = 0; i < MANY; i++)
		ev_timer_stop(loop, &t[order[i]]);
}

static void move(void)
{
	for (uint32_t i = 0; i < MANY; i++) {
		ev_timer *w = &t[order[i] % LIVE];

		w->repeat = i + 200000.;
		ev_timer_again(loop, w);
	}
}

const struct side side_libev = {
	.name = "libev",
	.start = start,
	.arm = arm,
	.fire = fire,
	.cancel = cancel,
	.move = move,
};
