/* SPDX-License-Identifier: ISC */
/* Tasks of a unit test. */
#ifndef UNIT_TASKS_H
#define UNIT_TASKS_H

#include <fata/clock.h>
#include <fata/task.h>

/* A task that has run until it waited, or ended. */
static inline struct task *start(int (*fn)(void *arg), void *arg)
{
	struct task *t;

	assert_int_equal(fata_task_spawn(&t, NULL, fn, arg), 0);
	fata_yield();
	return t;
}

/* Its result, however long it takes. */
static inline int join(struct task *t)
{
	int result = 99;

	assert_int_equal(fata_task_join(t, &result, FATA_FOREVER), 0);
	return result;
}

#endif
