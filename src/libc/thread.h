/* SPDX-License-Identifier: ISC */
/*
 * What libc's side keeps for a task: its thread number, what is to be done when
 * it ends, its signals.
 *
 * Every task that runs program code has one (task.h: the word `libc`): the main
 * task and pthreads from their start, tasks of fata_task_spawn from theirs
 * (tls.c). A pthread is a task whose own stack serves its system calls, while
 * it runs on the stack that libc brought along:
 *
 *     struct task -- stack: 16 KiB, frames of system calls only
 *        | libc      context: thread pointer, kernel_stack = top of that stack
 *     struct thread -- tid, clear_tid, robust list
 */
#ifndef FATA_LIBC_THREAD_H
#define FATA_LIBC_THREAD_H

#include <core/list.h>
#include <core/task.h>
#include <stdint.h>

struct context;
struct frame;

/* A stack for system calls; all frames of ours and a callback fit. */
#define THREAD_CALL_STACK (16 << 10)

struct thread {
	struct list all;
	struct task *task;
	int tid;
	uint32_t *clear_tid; /* set to 0 and woken when the thread ends */
	void *robust;	     /* head of libc's list of robust mutexes */
	/* signals (signal.c) */
	uint64_t sigmask, pending, waits_for;
	int signal_code;	/* of the last one sent to this thread */
	uint64_t signal_value;
	bool interrupted;	/* woken for a signal */
	bool final;		/* its call does not begin again */
	bool restore_mask;	/* saved_mask holds again after the next one */
	uint64_t saved_mask;
	uint64_t alt_stack, alt_size;
	void *call_stack; /* for a task's system calls, see thread_call_stack */
	size_t call_stack_size;
	void *tls; /* memory of the thread pointer, when it is ours (tls.c) */
};

/* The main thread's; stays when that has ended. */
extern struct thread *thread_main;

/*
 * The calling task's. A callback of the program may run on a task that has
 * none: it counts as main's.
 */
static inline struct thread *thread_self(void)
{
	struct thread *t = *task_libc(fata_task_self());

	return t ? t : thread_main;
}

static inline struct context *thread_context(void)
{
	return fata_task_self()->context;
}

/* A thread for this task, with a number of its own; NULL without memory. */
struct thread *thread_new(struct task *t);

/* Give back the structure and its number. */
void thread_free(struct thread *t);

/* The thread of that number, or NULL. */
struct thread *thread_find(int tid);

/*
 * The program's registers at the system call that is being served; valid until
 * the call first parks.
 */
void thread_entered(struct frame *f);
struct frame *thread_frame(void);

/* The top of a task's stack, where its system calls are to be served. */
uint64_t thread_kernel_stack(const struct task *t);

/*
 * A stack of its own for the system calls of a thread that has none, because
 * it will run on one that may be small: the top, or 0 without memory.
 */
uint64_t thread_call_stack(struct thread *t);

/*
 * Change the calling task's thread pointer. The first one is main's, which all
 * tasks without their own use from then on (callbacks run on any task).
 */
void thread_set_pointer(uint64_t fs_base);
uint64_t main_thread_pointer(void);

/* The thread after t, or the first for NULL; NULL: there is none. */
struct thread *thread_next(struct thread *t);

/* How many there are. */
unsigned thread_count(void);

#endif
