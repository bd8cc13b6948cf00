/* SPDX-License-Identifier: ISC */
/*
 * What a platform (xen, unix, the test simulator) gives to src/core.
 *
 * Core calls these and nothing else of a platform; a platform calls core's
 * entry points, listed at the end. None of these block unless it says so.
 */
#ifndef FATA_PLATFORM_H
#define FATA_PLATFORM_H

#include <fata/base.h>
#include <fata/end.h>

/* --- time and events -------------------------------------------------- */

/* Has anything arrived that platform_dispatch would deliver? Cheap. */
bool platform_pending(void);

/* Deliver all pending events to their handlers; the number delivered. */
unsigned platform_dispatch(void);

/*
 * Sleep until an event is pending or the deadline has passed; returns at once
 * when one is. No event between a check and the sleep may be lost. Called by
 * the loop when no task is ready.
 */
void platform_block(uint64_t deadline);

/*
 * From now on the running program may be interrupted for an alarm (a signal's
 * timer), or not any more; events do not interrupt it either way.
 */
void platform_interruptible(bool on);

/* --- stacks and contexts ---------------------------------------------- */

/*
 * A stack of at least `size` bytes with an unmapped guard below, or NULL;
 * *size becomes its real size. Returns the lowest usable address.
 */
void *platform_stack_alloc(size_t *size);
void platform_stack_free(void *stack, size_t size);

/* The CPU's part of a task: saved registers, thread pointer, FPU state. */
struct context;

/* Bytes that core reserves for a struct context, 64-byte aligned. */
size_t platform_context_size(void);

/*
 * Make c start in fn(arg) on this stack when it is first switched to. fn never
 * returns.
 */
void platform_context_init(struct context *c, void *stack, size_t size,
			   void (*fn)(void *arg), void *arg);

/* Make c stand for the code that runs now (the first task). */
void platform_context_adopt(struct context *c);

/* Save the running context in `from` and go on in `to`. */
void platform_context_switch(struct context *from, struct context *to);

/* Free what c holds beside its own bytes; c will not run again. */
void platform_context_destroy(struct context *c);

/* --- addresses ---------------------------------------------------------- */

/*
 * Up to *pages pages of guest-physical addresses that no memory backs and
 * nothing else uses, mapped one to one, writable, not executable, aligned to
 * 2 MiB: where pages of other domains appear. *pages becomes how many there
 * are; NULL when there are none.
 */
void *platform_window(size_t *pages);

/* --- output and the end ------------------------------------------------ */

/* Log text for the console; what does not fit is dropped and counted. */
void platform_log(const char *text, size_t n);

/*
 * Text of a panic, to the console that works without anything else; bounded
 * in time.
 */
void platform_emergency(const char *text, size_t n);

/* Prepare a clean end (flush consoles with a deadline). Can block. */
void platform_flush(void);

/* End the guest. */
__attribute__((noreturn)) void platform_end(enum end_reason reason,
					    int status);

/* Registers and backtrace of the code that panics, as platform_emergency. */
void platform_dump(void);

/* --- random ------------------------------------------------------------ */

/*
 * Write up to n bytes from the hardware's generator; returns how many (0 when
 * there is none).
 */
size_t platform_entropy(void *buffer, size_t n);

/*
 * The CPU's cycle counter: unpredictable in its low bits, and what Xen's clock
 * records are scaled from.
 */
uint64_t platform_cycles(void);

#endif
