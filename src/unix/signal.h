/* SPDX-License-Identifier: ISC */
/*
 * The program's signal handlers, and the waits that they end.
 *
 *     sigaction(fn) -> the kernel has handle() instead
 *     a signal      -> handle() calls fn at once, where the kernel says; then,
 *                      if the task of this thread naps, the nap is marked and
 *                      the loop is told, which wakes the task: EINTR
 *
 * The signals of main's thread are main's, those of a pthread its own. Other
 * tasks on main's thread go on with what they wait for.
 *
 * Interface: a wait that Linux would end for a handler is unix_event_wait or
 * unix_sleep_until. Who must be interruptible before that (ppoll's mask) puts
 * the wait into a nap of its own.
 */
#ifndef FATA_UNIX_SIGNAL_H
#define FATA_UNIX_SIGNAL_H

#include <fata/event.h>
#include <signal.h>

struct task;

/* A wait that a handler may end; on the stack of the task that waits. */
struct nap {
	struct nap *next;  /* of all */
	struct nap *outer; /* of the same task */
	struct task *task;
	int ended;  /* by handlers: 0, -ERESTART (all SA_RESTART) or -EINTR */
	bool looks; /* for signals: woken when one was sent to a thread */
};

/* From begin to end a handler on this thread counts. */
void unix_nap_begin(struct nap *n);
void unix_nap_end(struct nap *n);

/*
 * As event_wait and fata_sleep_until, or -EINTR: a handler has run; -ERESTART:
 * one has, but says that calls shall go on (those that can do).
 */
int unix_event_wait(struct event *e, uint64_t *seen, uint64_t deadline);
int unix_sleep_until(uint64_t deadline);

/* A signal was sent to a thread: who looks for signals looks again. */
void unix_naps_look(void);

/* The calling thread's signals are those of task t from now on. */
void unix_signals_of(struct task *t);

/* Is the caller inside of a handler? There nothing parks. */
bool unix_in_handler(void);

/*
 * In a handler: have what is waited for looked at by the loop. unix_posted does
 * that, on the loop; NULL: nobody waits.
 */
void unix_handler_posts(void);
extern void (*unix_posted)(void);

/* Once, at the start: the loop can be told. 0 or a negative errno. */
int unix_handlers(void);

#endif
