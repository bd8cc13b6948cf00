/* SPDX-License-Identifier: ISC */
/*
 * The trace: what the guest did and when, in a ring of fixed-size records that
 * is overwritten from its start when it is full. Off by default; boot parameter
 * `trace=1M` turns it on with that much memory. When it is off a trace point
 * costs one load and a branch that is never taken.
 *
 * The ring leaves the guest in two ways: written to the log at the end of the
 * guest or at `xl sysrq NAME d`, as lines of hexadecimal; or, read by dom0
 * while the guest runs: its pages are granted to dom0 and the grants' numbers
 * are in xenstore, data/fata/trace. `fata trace` makes a timeline of either
 * that ui.perfetto.dev and chrome://tracing open. docs/lifecycle.md describes
 * the layout.
 */
#ifndef FATA_TRACE_H
#define FATA_TRACE_H

#include <fata/base.h>

FATA_BEGIN

/* What a record tells; a and b depend on it. */
enum trace_kind {
	TRACE_NONE = 0,
	TRACE_TASK_RUN = 1,    /* a: the task that runs now */
	TRACE_TASK_PARK = 2,   /* a: the task; b: first 8 letters of why */
	TRACE_TASK_WAKE = 3,   /* a: the task; b: its wait's result */
	TRACE_IDLE = 4,        /* a: deadline or ~0 */
	TRACE_BUSY = 5,        /* the sleep is over */
	TRACE_EVENT = 16,      /* a: port that fired */
	TRACE_NOTIFY = 17,     /* a: port */
	TRACE_GRANT = 18,      /* a: reference; b: domain */
	TRACE_GRANT_END = 19,  /* a: reference */
	TRACE_XS_REQUEST = 32, /* a: number; b: type (xs_wire.h) */
	TRACE_XS_REPLY = 33,   /* a: number; b: errno */
	TRACE_XS_EVENT = 34,   /* a watch fired */
	TRACE_SUSPEND = 48,    /* b: 0 before, 1 after; a: generation */
	TRACE_USER = 256,      /* from here on the program's own */
};

/* Little-endian, as everything here. */
struct trace_record {
	uint64_t time; /* clock_mono_ns */
	uint32_t kind, a;
	uint64_t b;
};

/* The first page; records follow on the next. */
struct trace_header {
	char magic[8];      /* "FATATRC1" */
	uint32_t record;    /* bytes of a record */
	uint32_t capacity;  /* records in the ring */
	uint64_t written;   /* ever; record n is at n % capacity */
	uint64_t wall_zero; /* clock_wall_ns - clock_mono_ns at the start */
	/* Names of tasks: entry is number % TRACE_NAMES, the last one wins. */
#define TRACE_NAMES 126
	struct trace_name {
		uint32_t task; /* 0: none */
		char name[28]; /* NUL-ended */
	} names[TRACE_NAMES];
};

/* Private: where records go. NULL: the trace is off. */
extern struct trace_header *fata_trace_ring;

/* Write one record; the trace must be on. Does not block. */
void trace_write(uint32_t kind, uint32_t a, uint64_t b);

/* The same, for the cost of one look while it is off. */
static inline void trace(uint32_t kind, uint32_t a, uint64_t b)
{
	if (__builtin_expect(fata_trace_ring != NULL, 0))
		trace_write(kind, a, b);
}

/* Write the whole ring to the log's console as lines of hexadecimal. */
void trace_dump(void);

FATA_END
#endif
