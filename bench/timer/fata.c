/* SPDX-License-Identifier: ISC */
/* The operations on Fata's timers; see bench.h. */
#include "bench.h"

#include <core/timer.h>
#include <stdlib.h>

static struct timer *t;

static void called(void *arg)
{
	(void)arg;
	calls++;
}

static void start(void)
{
	t = calloc(MANY, sizeof(*t));
	if (!t)
		abort();
}

static void arm(void)
{
	for (uint32_t i = 0; i < MANY; i++)
		timer_set(&t[i], now + deadline[i], called, NULL);
}

static void fire(void)
{
	timer_run(now + SPAN);
}

static void cancel(void)
{
	for (uint32_t i = 0; i < MANY; i++)
		timer_cancel(&t[order[i]]);
}

static void move(void)
{
	for (uint32_t i = 0; i < MANY; i++)
		timer_set(&t[order[i] % LIVE], now + i + 200000, called, NULL);
}

const struct side side_fata = {
	.name = "Fata",
	.start = start,
	.arm = arm,
	.fire = fire,
	.cancel = cancel,
	.move = move,
};
