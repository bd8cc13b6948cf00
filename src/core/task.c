/* SPDX-License-Identifier: ISC */
/*
 * Tasks: their lives, parking and waking. Who runs when is loop.c.
 *
 *     spawn -> READY <-> PARKED
 *                |
 *              DEAD -> reaped, once another stack is in use
 *
 * A struct task has up to two references: the owner's (join or detach gives it
 * back) and its own, which the reaping gives back. A few structures are kept
 * for the next tasks, as are stacks (stack.c).
 *
 * Interface: fata/task.h; core/task.h for those who park and wake.
 */
#include "core/task.h"

#include "core/assert.h"
#include "core/fmt.h"
#include "core/loop.h"
#include "core/stack.h"
#include "core/trace.h"
#include "platform.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/param.h>
#include <string.h>

#define STACK_MAX (1ull << 30)
#define STACK_MIN (16ull << 10) /* callbacks run on any task's stack */
#define CACHE     16

static uint64_t stack_default = 64 << 10;
FATA_PARAM_SIZE(stack_default, "stack", "64K", "stack of a task");

static struct list all = LIST_INIT(all);
/* Tasks without a life. */
static struct list spare = LIST_INIT(spare);
static unsigned spares;

struct task_hooks task_hooks;

/* A spare one, or fresh memory; the size is the same for all. */
static struct task *task_memory(size_t size)
{
	struct list *entry = list_pop(&spare);

	if (!entry)
		return heap_alloc_aligned(64, size);
	spares--;
	return list_entry(entry, struct task, run);
}

static void task_free(struct task *t)
{
	if (spares == CACHE) {
		heap_free(t);
		return;
	}
	spares++;
	list_add_first(&spare, &t->run);
}

static struct task *task_new(const char *name)
{
	size_t head = (sizeof(struct task) + 63) & ~(size_t)63;
	struct task *t = task_memory(head + platform_context_size());

	if (!t)
		return NULL;
	memset(t, 0, head);
	t->context = (struct context *)(void *)((char *)t + head);
	list_init(&t->run);
	list_init(&t->all);
	t->state = TASK_READY;
	t->refs = 1;
	memcpy(t->name, name, strnlen(name, sizeof(t->name) - 1));
	return t;
}

static void unref(struct task *t)
{
	if (!--t->refs)
		task_free(t);
}

int task_init_main(const char *name)
{
	struct task *t = task_new(name);

	if (!t)
		return -ENOMEM;
	platform_context_adopt(t->context);
	list_add_last(&all, &t->all);
	loop_this()->current = t;
	return 0;
}

static void task_start(void *arg)
{
	struct task *t = arg;

	loop_arrived();
	fata_task_exit(t->fn(t->arg));
}

int fata_task_spawn(struct task **t_out, const struct task_attr *attr,
		    int (*fn)(void *arg), void *arg)
{
	size_t size = attr ? attr->stack_size : 0;
	struct task *t;

	if (!size)
		size = stack_default;
	if (size > STACK_MAX)
		return -EINVAL;
	if (size < STACK_MIN)
		size = STACK_MIN;
	t = task_new(attr && attr->name ? attr->name : "task");
	if (!t)
		return -ENOMEM;
	t->stack_size = size;
	t->stack = stack_get(&t->stack_size);
	if (!t->stack) {
		task_free(t);
		return -ENOMEM;
	}
	t->fn = fn;
	t->arg = arg;
	platform_context_init(t->context, t->stack, t->stack_size, task_start,
			      t);
	if (task_hooks.made && task_hooks.made(t)) {
		platform_context_destroy(t->context);
		stack_put(t->stack, t->stack_size);
		task_free(t);
		return -ENOMEM;
	}
	list_add_last(&all, &t->all);
	if (t_out) {
		t->refs++;
		*t_out = t;
	}
	loop_ready(t);
	return 0;
}

void fata_task_exit(int result)
{
	struct task *t = task_self();

	t->result = result;
	if (task_hooks.ends)
		task_hooks.ends(t);
	t->state = TASK_DEAD;
	event_signal(&t->ended);
	list_remove(&t->all);
	loop_this()->dead = t;
	loop_schedule();
	__builtin_unreachable();
}

void task_reap(struct task *t)
{
	platform_context_destroy(t->context);
	if (t->stack) /* the first task stands on another */
		stack_put(t->stack, t->stack_size);
	unref(t);
}

int fata_task_join(struct task *t, int *result, uint64_t deadline)
{
	uint64_t seen = 0;
	int err;

	if (t == task_self())
		return -EDEADLK;
	err = event_wait(&t->ended, &seen, deadline);
	if (err)
		return err;
	if (result)
		*result = t->result;
	unref(t);
	return 0;
}

void fata_task_detach(struct task *t)
{
	unref(t);
}

struct task *fata_task_self(void)
{
	return loop_this()->current;
}

const char *fata_task_name(const struct task *t)
{
	return t->name;
}

struct event *fata_task_ended(struct task *t)
{
	return &t->ended;
}

void **task_libc(struct task *t)
{
	return &t->libc;
}

size_t task_stack_bytes(void)
{
	return stack_bytes();
}

static void on_timeout(void *arg)
{
	task_wake(arg, -ETIMEDOUT);
}

static int park(const char *what, uint64_t deadline, bool cancellable)
{
	struct task *t = task_self();

	if (deadline != FATA_FOREVER)
		timer_set(&t->timeout, deadline, on_timeout, t);
	t->state = TASK_PARKED;
	t->wait = what;
	t->cancellable = cancellable;
	trace_park(t, what);
	loop_schedule();
	timer_cancel(&t->timeout);
	return t->wake;
}

int task_park(const char *what, uint64_t deadline, bool cancellable)
{
	if (deadline != FATA_FOREVER &&
	    (!deadline || deadline <= clock_mono_ns()))
		return -ETIMEDOUT;
	return park(what, deadline, cancellable);
}

bool task_wake(struct task *t, int result)
{
	if (t->state != TASK_PARKED)
		return false;
	t->state = TASK_READY;
	t->wake = result;
	trace_task(TRACE_TASK_WAKE, t, (uint64_t)result);
	loop_ready(t);
	return true;
}

void fata_task_cancel(struct task *t)
{
	if (t->state == TASK_PARKED && t->cancellable)
		task_wake(t, -ECANCELED);
	else
		t->cancel = true;
}

void fata_task_uncancel(void)
{
	task_self()->cancel = false;
}

void fata_yield(void)
{
	loop_ready(task_self());
	loop_schedule();
}

int fata_sleep_until(uint64_t deadline)
{
	int err = task_check_cancel();

	if (err)
		return err;
	/* A deadline that has passed still gives the others their turn. */
	err = park("sleep", deadline, true);
	return err == -ETIMEDOUT ? 0 : err;
}

int fata_sleep(uint64_t ns)
{
	return fata_sleep_until(clock_deadline(ns));
}

void task_dump(void (*out)(const char *text, size_t n))
{
	list_for_each(entry, &all)
	{
		const struct task *t = list_entry(entry, struct task, all);
		char line[96];
		size_t n = fmt(line, sizeof(line), "  task %s: %s%s\n", t->name,
			       t == task_self()          ? "running"
			       : t->state == TASK_PARKED ? "waits for "
							 : "ready",
			       t->state == TASK_PARKED ? t->wait : "");

		out(line, n < sizeof(line) ? n : sizeof(line) - 1);
	}
}
