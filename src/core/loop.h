/* SPDX-License-Identifier: ISC */
/*
 * The main loop: who runs next, and when events and timers get their turn.
 */
#ifndef FATA_CORE_LOOP_H
#define FATA_CORE_LOOP_H

#include "core/list.h"

#include <fata/base.h>

struct task;

/* One virtual CPU's part of the loop. */
struct loop {
	struct list ready;
	unsigned n_ready; /* tasks in `ready` */
	unsigned left;    /* of them, those that this round still runs */
	struct task *current;
	struct task *dead; /* ended, to be freed once off its stack */
	bool callback;     /* timers or events run; nothing may block */
};

/* The loop of the CPU that runs this. */
static inline struct loop *loop_this(void)
{
	extern struct loop loop_cpu0;

	return &loop_cpu0;
}

/* Queue a task behind the others that are ready. */
void loop_ready(struct task *t);

/*
 * Leave the calling task, which has parked itself, queued itself or died, and
 * run whatever is ready, doing the loop's work while nothing is. Returns when
 * the task is its turn again; never, for a dead one.
 */
void loop_schedule(void);

/*
 * Called before (true) and after (false) callbacks run, on the stack and with
 * the thread pointer of whichever task waits; libc's. May be NULL.
 */
extern void (*loop_callbacks)(bool begin);

/* The first thing that a new task does on its own stack. */
void loop_arrived(void);

#endif
