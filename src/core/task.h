/* SPDX-License-Identifier: ISC */
/*
 * The inside of a task, for what blocks tasks: events, mutexes, the loop, libc.
 *
 * To block, an object notes the task somewhere and calls task_park; whoever
 * has what it waits for calls task_wake. Exactly one of the wake-up, the
 * timeout and the cancellation decides what task_park returns: task_wake says
 * whether it was the one. The parked code takes its note out of the object
 * when it runs again, so a note may outlive the wait by a moment: hand things
 * over only to a task for which task_wake returned true.
 */
#ifndef FATA_CORE_TASK_H
#define FATA_CORE_TASK_H

#include "core/list.h"
#include "core/loop.h"

#include <errno.h>
#include <fata/task.h>
#include <fata/timer.h>

enum task_state {
	TASK_READY, /* in the ready list, or running */
	TASK_PARKED,
	TASK_DEAD,
};

struct task {
	struct list run; /* the loop's ready list */
	struct list all;
	enum task_state state;
	unsigned refs;    /* the owner's, and the task's own until it is gone */
	bool cancel;      /* asked for and not told yet */
	bool cancellable; /* parked, and a cancellation may wake it */
	int wake;         /* what task_park is to return */
	int result;
	const char *wait; /* what it is parked for, for dumps */
	int (*fn)(void *arg);
	void *arg;
	struct timer timeout;
	struct event ended;
	void *stack; /* NULL: not ours (the first task) */
	size_t stack_size;
	void *libc;
	char name[32];
	struct context *context; /* behind this structure, 64-byte aligned */
};

/*
 * Make the code that runs now the first task, on the stack that it is on.
 * Needs the heap. Returns 0 or -ENOMEM.
 */
int task_init_main(const char *name);

/*
 * Park the calling task until task_wake, the deadline or, if cancellable, a
 * cancellation. Returns what task_wake was given, -ETIMEDOUT (at once when the
 * deadline has passed) or -ECANCELED. `what` is for dumps: a static string.
 */
int task_park(const char *what, uint64_t deadline, bool cancellable);

/*
 * Make t ready, its task_park returning `result`. False, without effect, when
 * it is not parked (any more).
 */
bool task_wake(struct task *t, int result);

/* The calling task, as fata_task_self. */
static inline struct task *task_self(void)
{
	return loop_this()->current;
}

/* -ECANCELED, once, if the calling task is to be cancelled; else 0. */
static inline int task_check_cancel(void)
{
	struct task *t = task_self();

	if (__builtin_expect(!t->cancel, 1))
		return 0;
	t->cancel = false;
	return -ECANCELED;
}

/* Free what ended; called by the loop, on another stack than the dead one's. */
void task_reap(struct task *t);

/*
 * What libc does when a task has been made (0, or -ENOMEM: the spawn fails)
 * and, on the task itself, when it ends. Either may be NULL.
 */
struct task_hooks {
	int (*made)(struct task *t);
	void (*ends)(struct task *t);
};

extern struct task_hooks task_hooks;

/* A word that libc keeps for each task. */
void **task_libc(struct task *t);

/* Bytes of all stacks, cached ones included, guards not counted. */
size_t task_stack_bytes(void);

/* One line a task: its name, state, what it waits for. For panics. */
void task_dump(void (*out)(const char *text, size_t n));

#endif
