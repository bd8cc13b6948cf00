/* SPDX-License-Identifier: ISC */
/*
 * The main loop. It is a function and no task: the task that has to wait runs
 * the loop on its own stack and switches straight to the task that is next,
 * one switch instead of two.
 *
 *     round:  run the tasks that were ready when the round began, once each
 *             call the timers that are due
 *             events pending? enter hooks, dispatch, leave hooks
 *             nothing ready? sleep until the next timer or an event
 *
 * So a task that yields for ever keeps neither timers nor events waiting, and
 * they do not keep it waiting either. The sleep cannot miss an event, because
 * platform_block returns at once when one is pending, and nothing else makes a
 * task ready between the check and the sleep.
 *
 * Interface: callbacks (timers, hooks, event handlers) run on the stack of
 * whichever task waits, dead ones included: a stack is freed only by the task
 * that runs next. They must not block; that is checked.
 */
#include "core/loop.h"

#include "core/assert.h"
#include "core/hook.h"
#include "core/task.h"
#include "core/timer.h"
#include "core/trace.h"
#include "platform.h"

#include <fata/clock.h>

/* No wait is endless, so that even a lost wake-up would not be for ever. */
#define LONGEST_SLEEP (3600 * FATA_NS_PER_S)

struct loop loop_cpu0 = {.ready = LIST_INIT(loop_cpu0.ready)};

void (*loop_callbacks)(bool begin);

void loop_ready(struct task *t)
{
	struct loop *l = loop_this();

	list_add_last(&l->ready, &t->run);
	l->n_ready++;
}

static void call_events(void)
{
	hook_run_enter();
	platform_dispatch();
	hook_run_leave();
}

/* Timers and events. Most rounds have neither and must cost very little. */
static void call_back(struct loop *l)
{
	/* The clock can be dear: read it only when there is a timer. */
	uint64_t now = timer_next() == FATA_FOREVER ? 0 : clock_mono_ns();
	bool timers = timer_next() <= now, events = platform_pending();

	if (!timers && !events)
		return;
	l->callback = true;
	if (loop_callbacks)
		loop_callbacks(true);
	if (timers)
		timer_run(now);
	if (events)
		call_events();
	if (loop_callbacks)
		loop_callbacks(false);
	l->callback = false;
}

static void sleep_until_next(void)
{
	uint64_t deadline = clock_deadline(LONGEST_SLEEP);

	if (timer_next() < deadline)
		deadline = timer_next();
	trace(TRACE_IDLE, 0, deadline);
	platform_block(deadline);
	trace(TRACE_BUSY, 0, 0);
}

static void next_round(struct loop *l)
{
	for (;;) {
		call_back(l);
		l->left = l->n_ready;
		if (l->left)
			return;
		sleep_until_next();
	}
}

void loop_arrived(void)
{
	struct loop *l = loop_this();
	struct task *dead = l->dead;

	l->dead = NULL;
	if (dead)
		task_reap(dead);
}

void loop_schedule(void)
{
	struct loop *l = loop_this();
	struct task *from = l->current, *to;

	ASSERT(!l->callback);
	if (!l->left)
		next_round(l);
	to = list_entry(list_pop(&l->ready), struct task, run);
	l->left--;
	l->n_ready--;
	trace_task(TRACE_TASK_RUN, to, 0);
	if (to == from)
		return;
	l->current = to;
	platform_context_switch(from->context, to->context);
	loop_arrived();
}
