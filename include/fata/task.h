/* SPDX-License-Identifier: ISC */
/*
 * Tasks: stackful, cooperative threads of one virtual CPU.
 *
 * A task runs until it blocks, yields or ends; nothing preempts it. Each has
 * its own stack with an unmapped guard page below. The program's main is a
 * task too, and so is every pthread.
 *
 * Lifetime: fata_task_spawn returns a reference that the caller owns and gives
 * back with fata_task_join or fata_task_detach, exactly once.
 */
#ifndef FATA_TASK_H
#define FATA_TASK_H

#include <fata/base.h>
#include <fata/event.h>

FATA_BEGIN

struct task;

/* How to start a task. Zero or a null pointer means the default. */
struct task_attr {
	const char *name;  /* copied, cut to 31 bytes; default "task" */
	size_t stack_size; /* bytes; default: boot parameter `stack` */
};

/*
 * Start a task that calls fn(arg); it first runs when the caller blocks or
 * yields. fn's value is what join reports. With t == NULL the task is
 * detached. attr may be NULL. Returns 0, -ENOMEM, or -EINVAL for a stack of
 * more than 1 GiB. Does not block.
 */
int fata_task_spawn(struct task **t, const struct task_attr *attr,
		    int (*fn)(void *arg), void *arg);

/*
 * Wait for the end of t and release it. *result (may be NULL) is what its
 * function returned. On an error (-ETIMEDOUT, -ECANCELED, -EDEADLK for
 * oneself) the reference is still the caller's. Can block.
 */
int fata_task_join(struct task *t, int *result, uint64_t deadline);

/* Give the reference back; the task cleans up after itself when it ends. */
void fata_task_detach(struct task *t);

/*
 * Ask t to end: the blocking call that it is in, or else its next one, returns
 * -ECANCELED, once. What it does then is its own business. Does not block.
 */
void fata_task_cancel(struct task *t);

/* Take back a cancellation that the calling task has not yet been told of. */
void fata_task_uncancel(void);

/* The calling task. The reference is borrowed. */
struct task *fata_task_self(void);

/* The name of t, valid as long as the reference. */
const char *fata_task_name(const struct task *t);

/* The event that is signalled when t has ended, for event_wait_any. */
struct event *fata_task_ended(struct task *t);

/* End the calling task with this result, as if its function had returned. */
__attribute__((noreturn)) void fata_task_exit(int result);

/*
 * Let the other ready tasks, due timers and pending events run once; never
 * waits for a timer or an event. Can block (switches tasks).
 */
void fata_yield(void);

/* Sleep until the deadline. Returns 0, or -ECANCELED. Can block. */
int fata_sleep_until(uint64_t deadline);

/* Sleep for ns nanoseconds. Returns 0, or -ECANCELED. Can block. */
int fata_sleep(uint64_t ns);

FATA_END
#endif
