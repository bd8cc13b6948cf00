/* SPDX-License-Identifier: ISC */
/*
 * The platform of a Linux process: what other parts of the unix twin, and the
 * tests, ask of it beyond platform.h.
 *
 * Events are file descriptors in one epoll set. The clock is the kernel's, or,
 * for tests, one that stands still until the loop would sleep, and then jumps
 * to the moment at which the sleep would end.
 */
#ifndef FATA_UNIX_UNIX_H
#define FATA_UNIX_UNIX_H

#include <fata/base.h>

/*
 * Once, first of all: memory for the heap, the epoll set, the calling thread
 * as the first task. Ends the process with a message if that fails.
 */
void unix_init(const char *name);

/*
 * The same descriptor under a high number: the low ones are the program's, and
 * some count on them.
 */
int unix_high(int fd);

/* A descriptor that is watched; the caller's memory. */
struct unix_watch {
	int fd;
	void (*fn)(void *arg, uint32_t events); /* from the loop; EPOLL* bits */
	void *arg;
};

/* Watch for these EPOLL* events (level-triggered). 0 or a negative errno. */
int unix_watch(struct unix_watch *w, uint32_t events);
void unix_unwatch(struct unix_watch *w);

/* From now on the clock shows `now` and moves as described above. */
void unix_clock_manual(uint64_t now);

/* Back to the kernel's clock. */
void unix_clock_real(void);

/* Let the manual clock stand at `now`. */
void unix_clock_set(uint64_t now);

/* Give log text to fn instead of stdout; NULL: stdout again. */
void unix_log_to(void (*fn)(const char *text, size_t n));

/* --- the parts of the twin that start.c begins -------------------------- */

/* The log goes to console 0 from now on (console.c). */
void unix_console_start(void);

/* Write the rest of console 0's output, bounded in time, without the loop. */
extern void (*unix_settle)(void);

/* Boot parameter --task-threads (task_thread.c). */
void unix_task_threads(void);

/* Signals become requests (lifecycle.c). */
void unix_signals(void);

/* Links the boot parameter --mount (fs.c). */
void unix_fs(void);

/* stdin reads as tasks read (stdio.c). */
void unix_stdin(void);

/* May this thread run tasks: is it main's, after the start, or a pthread's? */
bool unix_is_loop_thread(void);
void unix_join_loop(void);
void unix_leave_loop(void);

/* Start the watchdog if the boot parameter says so: 0 or an error. */
int unix_watchdog(void);

/*
 * The words of the command line, if this is a program and no test: a panic
 * ends in SIGABRT then, and a reboot begins the program anew.
 */
extern char **unix_program;

/* No stack is smaller: the host's libc and the sanitizers need more. */
extern size_t unix_stack_least;

/* How many descriptors are watched. */
unsigned unix_watches(void);

#endif
