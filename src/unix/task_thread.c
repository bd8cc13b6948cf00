/* SPDX-License-Identifier: ISC */
/*
 * Boot parameter --task-threads: a thread of the host for each task of
 * fata_task_spawn, as pthreads have (thread.h), so that thread-local data,
 * keys and libc's locks are the task's own, as in an image; and debuggers and
 * sanitizers know the task as a thread. A switch is two futex calls then.
 *
 *     spawn          the thread, on the task's stack, waits for its turn
 *     the task ends  ends(): libc runs destructors of keys, at last ours, where
 *                    the task ends, and the thread leaves without its turn
 *     reap           gone(): the thread has left the stack
 */
#include "unix/thread.h"

#include "core/task.h"
#include "unix/host.h"
#include "unix/signal.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/param.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

static bool task_threads;
FATA_PARAM_BOOL(task_threads, "task-threads", "no",
		"each task on a thread of the host");

struct task_thread {
	struct carrier carrier;
	struct task *task;
	pthread_t id;
	unsigned rounds; /* of the destructors of keys */
	bool ending;
};

static pthread_key_t key;
static __thread struct task_thread *self;

bool task_thread_here(void)
{
	return self;
}

/* The last round is the sanitizers'. */
static void destructor(void *arg)
{
	struct task_thread *t = arg;

	t->ending = true; /* also by pthread_exit */
	if (++t->rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1) {
		pthread_setspecific(key, t);
		return;
	}
	t->carrier.leaving = true;
	if (!setjmp(t->carrier.end))
		fata_task_exit(t->task->result);
	unix_leave_loop();
}

static void *thread_main(void *arg)
{
	struct task_thread *t = arg;

	carrier_take(&t->carrier);
	unix_join_loop();
	unix_signals_of(t->task);
	self = t;
	pthread_setspecific(key, t);
	carrier_run(&t->carrier);
	return NULL;
}

static void ends(struct task *task)
{
	(void)task;
	if (self && !self->ending)
		REAL(pthread_exit)(NULL);
}

static void gone(struct carrier *c)
{
	struct task_thread *t = (struct task_thread *)(void *)c;

	REAL(pthread_join)(t->id, NULL);
	free(t);
}

static int made(struct task *task)
{
	struct task_thread *t;
	pthread_attr_t attr;
	size_t size;
	void *stack;
	int rc;

	if (carrier_next) /* a pthread's */
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->task = task;
	stack = context_stack(task->context, &size);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, size);
	rc = REAL(pthread_create)(&t->id, &attr, thread_main, t);
	pthread_attr_destroy(&attr);
	if (rc) {
		free(t);
		return -ENOMEM;
	}
	context_carry(task->context, &t->carrier, gone);
	return 0;
}

void unix_task_threads(void)
{
	if (!task_threads)
		return;
	pthread_key_create(&key, destructor);
	task_hooks = (struct task_hooks){.made = made, .ends = ends};
}
