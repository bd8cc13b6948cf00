/* SPDX-License-Identifier: ISC */
/*
 * pthreads: created as tasks on threads of their own (thread.h), waited for as
 * tasks, ended by libc.
 *
 *     pthread_create    a thread that waits for its turn; a task for it
 *     the function      runs when the loop comes to the task
 *     its end           libc runs cleanup handlers and destructors of keys, at
 *                       last ours: the task ends, the turn goes on, and the
 *                       thread leaves without it
 *     pthread_join      the task's end, then libc's own join
 */
#include "unix/thread.h"

#include "core/task.h"
#include "unix/host.h"
#include "unix/io.h"
#include "unix/signal.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/event.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

struct thread {
	struct carrier carrier;
	struct thread *next;
	struct task *task;
	pthread_t id;
	void *(*fn)(void *arg);
	void *arg;
	bool never; /* there is no task for it: end at once */
	bool detached;
	unsigned rounds; /* of the destructors of keys */
};

static struct thread *threads; /* all that are not joined or detached */
static unsigned running;
static struct event ended;
static pthread_key_t key;

/*
 * Libc makes up to four rounds of destructors; the sanitizers forget a thread
 * in the last.
 */
#define LAST_ROUND (PTHREAD_DESTRUCTOR_ITERATIONS - 1)

static void end_task(void *arg)
{
	struct thread *t = arg;

	if (++t->rounds < LAST_ROUND) {
		pthread_setspecific(key, t);
		return;
	}
	running--;
	event_signal(&ended);
	t->carrier.leaving = true;
	if (!setjmp(t->carrier.end))
		fata_task_exit(0);
	/* not our turn any more: nothing but our own may be touched */
	unix_leave_loop();
	if (t->detached)
		free(t);
}

__attribute__((constructor(102))) static void make_key(void)
{
	pthread_key_create(&key, end_task);
}

/* The task; it ends in end_task. */
static int body(void *arg)
{
	struct thread *t = arg;

	REAL(pthread_exit)(t->fn(t->arg));
	return 0;
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	carrier_take(&t->carrier);
	if (t->never)
		return NULL;
	unix_join_loop();
	unix_signals_of(t->task);
	pthread_setspecific(key, t);
	carrier_run(&t->carrier);
	return NULL;
}

static int spawn(struct thread *t)
{
	static const struct task_attr attr = {.name = "pthread"};
	int rc;

	carrier_next = &t->carrier;
	rc = fata_task_spawn(&t->task, &attr, body, t);
	carrier_next = NULL;
	return rc;
}

static void drop(struct thread *t)
{
	struct thread **at = &threads;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

static void let_go(struct thread *t)
{
	t->detached = true;
	drop(t);
	fata_task_detach(t->task);
}

/*
 * The same attributes with a stack on which also a sanitizer has room. A
 * shallow copy: what libc keeps behind it stays the caller's.
 */
static const pthread_attr_t *roomy(const pthread_attr_t *attr,
				   pthread_attr_t *copy)
{
	size_t size = 0;
	void *address = NULL;

	if (!attr || pthread_attr_getstack(attr, &address, &size) ||
	    size >= unix_stack_least ||
	    (uintptr_t)address + size) /* one of the caller's own */
		return attr;
	*copy = *attr;
	pthread_attr_setstacksize(copy, unix_stack_least);
	return copy;
}

INSTEAD int pthread_create(pthread_t *restrict id,
			   const pthread_attr_t *restrict attr,
			   void *(*fn)(void *), void *restrict arg)
{
	int state = PTHREAD_CREATE_JOINABLE, rc;
	pthread_attr_t copy;
	struct thread *t;

	if (!unix_on_task())
		return REAL(pthread_create)(id, attr, fn, arg);
	t = calloc(1, sizeof(*t));
	if (!t)
		return EAGAIN;
	t->fn = fn;
	t->arg = arg;
	rc = REAL(pthread_create)(&t->id, roomy(attr, &copy), thread_main, t);
	if (rc) {
		free(t);
		return rc;
	}
	*id = t->id;
	if (attr)
		pthread_attr_getdetachstate(attr, &state);
	if (spawn(t)) {
		t->never = true;
		carrier_give(&t->carrier);
		if (state == PTHREAD_CREATE_JOINABLE)
			REAL(pthread_join)(t->id, NULL);
		return EAGAIN;
	}
	running++;
	t->next = threads;
	threads = t;
	if (state == PTHREAD_CREATE_DETACHED)
		let_go(t);
	return 0;
}

static struct thread *find(pthread_t id)
{
	struct thread *t = threads;

	while (t && !pthread_equal(t->id, id))
		t = t->next;
	return t;
}

INSTEAD int pthread_join(pthread_t id, void **result)
{
	struct thread *t = unix_on_task() ? find(id) : NULL;
	int rc;

	if (!t)
		return REAL(pthread_join)(id, result);
	do {
		rc = fata_task_join(t->task, NULL, FATA_FOREVER);
		if (rc == -ECANCELED)
			unix_testcancel();
	} while (rc == -ECANCELED);
	if (rc)
		return -rc;
	drop(t);
	rc = REAL(pthread_join)(id, result);
	free(t);
	return rc;
}

INSTEAD int pthread_detach(pthread_t id)
{
	struct thread *t = unix_on_task() ? find(id) : NULL;
	bool over;

	if (!t)
		return REAL(pthread_detach)(id);
	over = t->rounds == LAST_ROUND;
	if (over) { /* it is leaving or has left: wait, then free it */
		fata_task_detach(t->task);
		drop(t);
		REAL(pthread_join)(id, NULL);
		free(t);
		return 0;
	}
	let_go(t);
	return REAL(pthread_detach)(id);
}

INSTEAD int pthread_cancel(pthread_t id)
{
	struct thread *t = unix_on_task() ? find(id) : NULL;
	int rc = REAL(pthread_cancel)(id);

	if (t && !rc)
		fata_task_cancel(t->task);
	return rc;
}

/* main's thread carries all the other tasks: it stays till the last pthread. */
INSTEAD void pthread_exit(void *result)
{
	uint64_t seen;

	if (unix_on_task() && !pthread_getspecific(key) &&
	    !task_thread_here()) {
		while (running) {
			seen = event_count(&ended);
			event_wait(&ended, &seen, FATA_FOREVER);
		}
		exit(0);
	}
	REAL(pthread_exit)(result);
	__builtin_unreachable();
}
