/* SPDX-License-Identifier: ISC */
/*
 * The trace; see fata/trace.h.
 *
 *     page 0: header, names | page 1...: records, a ring
 *
 * The ring is in whole pages so that it can be granted. A reader in another
 * domain takes `written`, the records, and `written` again; what has been
 * overwritten meanwhile it leaves out.
 */
#include "core/trace.h"

#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/hook.h>
#include <fata/log.h>
#include <fata/page.h>
#include <fata/param.h>
#include <fata/task.h>
#include "core/fmt.h"
#include "platform.h"

FATA_LOG_SOURCE("trace");

#define MOST (256u << 20)
#define LINE 24 /* bytes of the ring in one line of the dump */

_Static_assert(sizeof(struct trace_record) == 24, "the format is fixed");
_Static_assert(sizeof(struct trace_header) <= PAGE_SIZE, "one page");

static uint64_t size;
FATA_PARAM_SIZE(size, "trace", "0", "memory for the trace (0: off)");

static bool at_end;
FATA_PARAM_BOOL(at_end, "trace-dump", "no",
		"write the trace to the console at the end");

struct trace_header *fata_trace_ring;
static size_t pages;

static struct trace_record *records(void)
{
	return (struct trace_record *)((char *)fata_trace_ring + PAGE_SIZE);
}

void trace_write(uint32_t kind, uint32_t a, uint64_t b)
{
	struct trace_header *h = fata_trace_ring;
	struct trace_record *r = &records()[h->written % h->capacity];

	r->time = clock_mono_ns();
	r->kind = kind;
	r->a = a;
	r->b = b;
	/* The record is whole before a reader counts it. */
	__atomic_store_n(&h->written, h->written + 1, __ATOMIC_RELEASE);
}

/* Tasks are heap memory, 64 bytes apart at least. */
static uint32_t number(const struct task *t)
{
	return (uint32_t)((uintptr_t)t >> 6) | 1u << 31;
}

void trace_task_write(uint32_t kind, const struct task *t, uint64_t b)
{
	uint32_t n = number(t);
	struct trace_name *name = &fata_trace_ring->names[n % TRACE_NAMES];

	if (name->task != n ||
	    strncmp(name->name, fata_task_name(t), sizeof(name->name) - 1)) {
		name->task = n;
		fmt(name->name, sizeof(name->name), "%s", fata_task_name(t));
	}
	trace_write(kind, n, b);
}

void trace_park_write(const struct task *t, const char *why)
{
	uint64_t word = 0;

	if (why)
		memcpy(&word, why, strnlen(why, sizeof(word)));
	trace_task_write(TRACE_TASK_PARK, t, word);
}

void *trace_pages(size_t *n)
{
	*n = pages;
	return fata_trace_ring;
}

/* --- the dump ----------------------------------------------------------------
 */

static void dump_bytes(const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[] = "trace: ................................................"
		      "\n";
	size_t i;

	for (i = 0; i < n; i++) {
		text[7 + 2 * i] = digits[p[i] >> 4];
		text[8 + 2 * i] = digits[p[i] & 15];
	}
	text[7 + 2 * n] = '\n';
	platform_log(text, 8 + 2 * n);
}

/*
 * The header without its names, the names that are in use with an "=" of 32
 * bytes each, then the records, the oldest first. Flushed now and then, since
 * a console takes its time.
 */
void trace_dump(void)
{
	struct trace_header *h = fata_trace_ring;
	uint64_t n, first;
	size_t i;

	if (!h)
		return;
	fata_trace_ring = NULL; /* the dump itself is not traced */
	platform_log("trace: begin\n", 13);
	dump_bytes((unsigned char *)&h->wall_zero, 8);
	for (i = 0; i < TRACE_NAMES; i++) {
		if (!h->names[i].task)
			continue;
		dump_bytes((unsigned char *)&h->names[i], 16);
		dump_bytes((unsigned char *)&h->names[i] + 16, 16);
	}
	first = h->written > h->capacity ? h->written - h->capacity : 0;
	for (n = first; n < h->written; n++) {
		struct trace_record *r =
			(struct trace_record *)((char *)h + PAGE_SIZE);

		dump_bytes((unsigned char *)&r[n % h->capacity], LINE);
		if (n % 64 == 63)
			platform_flush();
	}
	platform_log("trace: end\n", 11);
	platform_flush();
	fata_trace_ring = h;
}

static void dump_hook(void *arg)
{
	(void)arg;
	trace_dump();
}

int trace_start(void)
{
	static struct hook hook = {.fn = dump_hook};
	struct trace_header *h;

	if (!size)
		return 0;
	if (size > MOST)
		size = MOST;
	pages = (size_t)1 << page_order(size);
	if (pages < 2)
		pages = 2;
	h = page_alloc(page_order(pages * PAGE_SIZE));
	if (!h) {
		log_error("no memory for a trace of %zu KiB", pages * 4);
		return -ENOMEM;
	}
	memcpy(h->magic, "FATATRC1", 8);
	h->record = sizeof(struct trace_record);
	h->capacity = (pages - 1) * PAGE_SIZE / sizeof(struct trace_record);
	h->wall_zero = clock_wall_ns() - clock_mono_ns();
	fata_trace_ring = h;
	if (at_end)
		fata_at_exit(&hook);
	return 0;
}
