/* SPDX-License-Identifier: ISC */
/*
 * Allocation traces, made from a seed: what a program asked of its allocator,
 * as a list of steps on numbered slots.
 */
#ifndef BENCH_HEAP_TRACE_H
#define BENCH_HEAP_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum { STEP_ALLOC, STEP_RESIZE, STEP_FREE };

struct step {
	uint32_t slot;
	uint32_t size : 30, kind : 2; /* no size for STEP_FREE */
};

struct trace {
	const char *name;
	void (*make)(struct trace *t);
	struct step *step;
	size_t steps;
	uint32_t slots; /* slot numbers are below this */
	size_t peak;    /* bytes that were live at most */
};

/* The trace of that name, made; NULL if there is none. At its end all is free.
 */
struct trace *trace_make(const char *name);

/* The names, in order, NULL behind the last. */
const char *trace_name(unsigned n);

#endif
