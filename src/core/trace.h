/* SPDX-License-Identifier: ISC */
/* The trace inside core: tasks and the boot; see fata/trace.h. */
#ifndef FATA_CORE_TRACE_H
#define FATA_CORE_TRACE_H

#include <fata/trace.h>

struct task;

/*
 * Turn the trace on if the boot parameter asks for it: 0, or -ENOMEM (it stays
 * off). Once, after the parameters are read.
 */
int trace_start(void);

/* The pages of the ring, header first; NULL when the trace is off. */
void *trace_pages(size_t *n);

/* A record about a task; it is given its number, and its name is kept. */
void trace_task_write(uint32_t kind, const struct task *t, uint64_t b);

static inline void trace_task(uint32_t kind, const struct task *t, uint64_t b)
{
	if (__builtin_expect(fata_trace_ring != NULL, 0))
		trace_task_write(kind, t, b);
}

/* A task parks; b of its record are the first 8 letters of why. */
void trace_park_write(const struct task *t, const char *why);

static inline void trace_park(const struct task *t, const char *why)
{
	if (__builtin_expect(fata_trace_ring != NULL, 0))
		trace_park_write(t, why);
}

#endif
