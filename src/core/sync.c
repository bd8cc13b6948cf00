/* SPDX-License-Identifier: ISC */
/*
 * Mutexes and conditions.
 *
 * A mutex is handed over: unlocking makes the first waiter the owner before it
 * even runs, so nobody can come in between and nobody starves.
 *
 * Interface: fata/sync.h; channels are chan.c.
 */
#include "core/assert.h"
#include "core/wait.h"

#include <errno.h>
#include <fata/sync.h>

int mutex_trylock(struct mutex *m)
{
	struct task *t = task_self();

	if (m->owner)
		return m->owner == t ? -EDEADLK : -EBUSY;
	m->owner = t;
	return 0;
}

static int lock(struct mutex *m, uint64_t deadline, bool cancellable)
{
	int err = mutex_trylock(m);

	if (err != -EBUSY)
		return err;
	return wait_in(&m->waiters, NULL, "mutex", deadline, cancellable);
}

int mutex_lock(struct mutex *m, uint64_t deadline)
{
	int err = task_check_cancel();

	return err ? err : lock(m, deadline, true);
}

static void hand_over(struct mutex *m)
{
	struct sync_waiter *w = wait_wake_first(&m->waiters, 0);

	m->owner = w ? w->task : NULL;
}

void mutex_unlock(struct mutex *m)
{
	ASSERT(m->owner == task_self());
	if (m->waiters.first)
		hand_over(m);
	else
		m->owner = NULL;
}

int cond_wait(struct cond *c, struct mutex *m, uint64_t deadline)
{
	int err = task_check_cancel();

	if (err)
		return err;
	mutex_unlock(m);
	err = wait_in(&c->waiters, NULL, "condition", deadline, true);
	lock(m, FATA_FOREVER, false); /* cannot fail */
	return err;
}

void cond_signal(struct cond *c)
{
	wait_wake_first(&c->waiters, 0);
}

void cond_broadcast(struct cond *c)
{
	while (wait_wake_first(&c->waiters, 0))
		;
}
