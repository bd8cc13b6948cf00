/* SPDX-License-Identifier: ISC */
/*
 * Threads of the host that carry tasks. A pthread is a task, as on Xen, but has
 * a thread of the host to itself, so that libc's thread-local data is its own.
 * At any time one thread of all runs; the others wait for their turn:
 *
 *     main's thread      main and all tasks of fata_task_spawn, by switching
 *     a pthread's        that one task
 *     a task's           that one task, with --task-threads (task_thread.c)
 *
 * Interface: a context belongs to a carrier for ever. A switch to a context of
 * another carrier hands it the turn and waits for one's own (context.c).
 */
#ifndef FATA_UNIX_THREAD_H
#define FATA_UNIX_THREAD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct context;

struct carrier {
	uint32_t turn;        /* 1: it is this thread's; a futex */
	struct context *next; /* what it is to run then */
	bool leaving;         /* its task ends: it waits for no other turn */
	jmp_buf end;          /* where it goes then */
};

/*
 * The stack on which a handler of the program's runs, from where it began down;
 * no more once the thread goes on with another context.
 */
struct handler_stack {
	uintptr_t low, high;
};

extern __thread struct handler_stack handler_stack;

/* The carrier of the next context that platform_context_init makes. */
extern struct carrier *carrier_next;

/* The whole stack of a context, from its lowest byte. */
void *context_stack(const struct context *c, size_t *size);

/*
 * Let a new context of main's thread run on another thread instead, which
 * gone() waits for and frees when the context is destroyed.
 */
void context_carry(struct context *c, struct carrier *carrier,
		   void (*gone)(struct carrier *carrier));

/* Is this thread one of a task (task_thread.c)? */
bool task_thread_here(void);

/* Hand c its turn; wait for it. */
void carrier_give(struct carrier *c);
void carrier_take(struct carrier *c);

/* Run the first context of c, on its own thread, once it has its turn. */
void carrier_run(struct carrier *c);

#endif
