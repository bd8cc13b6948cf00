/* SPDX-License-Identifier: ISC */
/*
 * What tests of tasks share.
 */
#ifndef FATA_TESTS_UNIT_TASK_H
#define FATA_TESTS_UNIT_TASK_H

#include "unit/unit.h"

#include <errno.h>

static inline struct task *spawn(int (*fn)(void *arg), void *arg)
{
	struct task *t;

	assert_int_equal(fata_task_spawn(&t, NULL, fn, arg), 0);
	return t;
}

static inline int join(struct task *t)
{
	int result;

	assert_int_equal(fata_task_join(t, &result, FATA_FOREVER), 0);
	return result;
}

static inline int return_arg(void *arg)
{
	note('r');
	return (int)(intptr_t)arg;
}

#endif
