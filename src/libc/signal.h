/* SPDX-License-Identifier: ISC */
/*
 * Signals: who has which pending, and what is to be done about them.
 *
 *     signal.c     actions, masks, pending signals, sending
 *     sigwait.c    waiting for them, signalfd
 *     sigframe.c   a handler's frame on the program's stack, and back from it
 *     sigfault.c   faults of the program's code
 *     sigtimer.c   alarm, interval timers, POSIX timers
 *     sigalarm.c   their signals for a program that computes
 *
 * A signal reaches a thread when a system call of its returns; one that waits
 * in a system call is woken for that (-EINTR, or the call begins again:
 * SA_RESTART). A fault of the program's own code gets its handler at once, and
 * so does a timer's signal, wherever the program is.
 */
#ifndef FATA_LIBC_SIGNAL_H
#define FATA_LIBC_SIGNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;
struct thread;

/* The kernel's struct sigaction on x86-64. */
struct action {
	uint64_t handler, flags, restorer, mask;
};

#define ACTION_ONSTACK 0x08000000ull
#define ACTION_RESTART 0x10000000ull
#define ACTION_NODEFER 0x40000000ull
#define ACTION_RESETHAND 0x80000000ull
#define ACTION_RESTORER 0x04000000ull

/*
 * -EINTR from a wait that had this deadline. With one the call does not begin
 * again, whatever the handler's flags say: its time would, too.
 */
int signal_interrupted(uint64_t deadline);

static inline uint64_t signal_bit(int sig)
{
	return 1ull << (sig - 1);
}

/* What cannot be blocked. */
#define SIGNAL_ALWAYS (signal_bit(SIGKILL) | signal_bit(SIGSTOP))

/* Send a signal to the program, as kill does. From anywhere. */
void signal_process(int sig);

/* The same with an si_code and an si_value. */
void signal_process_with(int sig, int code, uint64_t value);

/* Send a signal to one thread, with this si_code and si_value. */
void signal_thread(struct thread *t, int sig, int code, uint64_t value);

/* Send a signal to the calling thread, which is in a system call. */
void signal_self(int sig);

/* What the program wants done with a signal. */
struct action *signal_action(int sig);

/*
 * Take the next signal that the thread is to see: its number, or 0. info tells
 * where it comes from.
 */
int signal_take(struct thread *t, siginfo_t *info);

/* The same of those in a set, blocked or not. */
int signal_take_from(uint64_t set, struct thread *t, siginfo_t *info);

/* What is pending for the thread; signalled when there is more. */
uint64_t signal_pending(const struct thread *t);
struct event *signal_arrived(void);

/* Is there one to take? */
bool signal_due(const struct thread *t);

/* What happens to those who have no handler; false: it is to be ignored. */
bool signal_default(int sig);

/*
 * For the length of a wait the program wants another mask (ppoll and such);
 * mask may be NULL: no change. 0, -EINVAL, -EFAULT, or -EINTR when a signal is
 * due at once; on an error the wait has ended.
 */
long signal_mask_begin(const uint64_t *mask, size_t size, uint64_t *old);
void signal_mask_end(const uint64_t *mask, uint64_t old);

/* At the end of each system call: handlers for what is due. (sigframe.c) */
void signal_deliver(struct frame *f, uint64_t number);

/*
 * The toolstack asks for the end (`xl shutdown`): SIGTERM, as init would send
 * it. False: the program does nothing about that, the platform ends it cleanly.
 */
bool signal_terminate(bool to_reboot);

/* Was a reboot asked for? A clean end is then one. */
bool signal_reboot(void);

/*
 * The same for a program that was interrupted outside of one: r are its
 * registers, all of which come back. May end the guest.
 */
struct trap_frame;
void signal_deliver_at(struct trap_frame *r);

/*
 * Build the frame of a handler and change the registers so that they go on in
 * it. False when there is no stack for it. (sigframe.c)
 */
bool signal_enter(struct thread *t, struct trap_frame *r, int sig,
		  const siginfo_t *info, uint64_t cr2);

/*
 * A timer's signal is next due at this moment (0: none is), also for a program
 * that makes no system call then. (sigalarm.c)
 */
void signal_alarm(uint64_t next);

/*
 * The flags with which the program goes on: an interrupt comes to it only while
 * an alarm is to come.
 */
uint64_t signal_flags(uint64_t flags);

/* Send the signals of all timers that are due. (sigtimer.c) */
void signal_timers(void);

/* Faults of the program become signals from now on. (sigfault.c) */
void signal_take_faults(void);

#endif
