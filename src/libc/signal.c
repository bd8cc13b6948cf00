/* SPDX-License-Identifier: ISC */
/*
 * Signals: actions, masks, pending signals, sending. See signal.h.
 *
 * A signal without a handler ends the guest as it ends a Linux process: status
 * 128 + its number. A thread does that at the end of its system call; for a
 * signal that comes from elsewhere (a timer, ^C) a task is made for it, because
 * the thread may be waiting outside of any system call.
 */
#include <core/loop.h>
#include <errno.h>
#include <fata/end.h>
#include <fata/log.h>
#include <fata/task.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/user.h>
#include <string.h>

FATA_LOG_SOURCE("libc");

static struct action actions[65];
static uint64_t pending; /* of the program, for any thread */
static struct {
	int code;
	uint64_t value;
} sent[65]; /* with the pending ones */
static struct event arrived;

struct event *signal_arrived(void)
{
	return &arrived;
}

struct action *signal_action(int sig)
{
	return &actions[sig];
}

static bool ignored(int sig)
{
	uint64_t h = actions[sig].handler;

	if (h)
		return h == 1;
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGSTOP: /* nobody could continue us */
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return true;
	default:
		return false;
	}
}

static const char *name_of(int sig)
{
	static const char *const names[] = {
		"0",	"HUP",	"INT",	  "QUIT",   "ILL",  "TRAP",  "ABRT",
		"BUS",	"FPE",	"KILL",	  "USR1",   "SEGV", "USR2",  "PIPE",
		"ALRM", "TERM", "STKFLT", "CHLD",   "CONT", "STOP",  "TSTP",
		"TTIN", "TTOU", "URG",	  "XCPU",   "XFSZ", "VTALRM", "PROF",
		"WINCH", "IO",	"PWR",	  "SYS",
	};

	return sig < 32 ? names[sig] : "RT";
}

static int die(void *arg)
{
	int sig = (int)(intptr_t)arg;

	log_error("ended by signal %d (SIG%s)", sig, name_of(sig));
	fata_end(END_CRASH, 128 + sig);
}

bool signal_default(int sig)
{
	if (ignored(sig))
		return false;
	die((void *)(intptr_t)sig);
	return true;
}

bool signal_due(const struct thread *t)
{
	return signal_pending(t) & ~t->sigmask;
}

static void fill_info(siginfo_t *info, int sig, int code, uint64_t value)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = 1;
	info->si_value.sival_ptr = (void *)value;
}

uint64_t signal_pending(const struct thread *t)
{
	return t->pending | pending;
}

int signal_take_from(uint64_t set, struct thread *t, siginfo_t *info)
{
	int sig;

	set &= t->pending | pending;
	if (!set)
		return 0;
	sig = __builtin_ctzll(set) + 1;
	if (t->pending & signal_bit(sig)) {
		t->pending &= ~signal_bit(sig);
		fill_info(info, sig, t->signal_code, t->signal_value);
	} else {
		pending &= ~signal_bit(sig);
		fill_info(info, sig, sent[sig].code, sent[sig].value);
	}
	return sig;
}

int signal_take(struct thread *t, siginfo_t *info)
{
	return signal_take_from(~t->sigmask, t, info);
}

/* Does anybody wait for it with sigwait? Then it is not delivered otherwise. */
static bool waited_for(int sig, const struct thread *only)
{
	for (struct thread *t = thread_next(NULL); t; t = thread_next(t))
		if (t->waits_for & signal_bit(sig) && (!only || only == t))
			return true;
	return false;
}

/* Is it in the system call that sends this, and will look at its end? */
static bool will_look(const struct thread *t)
{
	return t->task == fata_task_self() && !loop_this()->callback;
}

/* Get the thread out of what it waits in. */
static void interrupt(struct thread *t)
{
	if (will_look(t) || !t->task)
		return;
	t->interrupted = true;
	fata_task_cancel(t->task);
}

int signal_interrupted(uint64_t deadline)
{
	struct thread *t = thread_self();

	if (t && deadline != FATA_FOREVER)
		t->final = true;
	return -EINTR;
}

/* A fatal signal that no thread's system call is about to see. */
static void die_elsewhere(int sig)
{
	struct task_attr attr = {.name = "signal"};

	if (fata_task_spawn(NULL, &attr, die, (void *)(intptr_t)sig))
		fata_panic("ended by signal %d", sig);
}

void signal_thread(struct thread *t, int sig, int code, uint64_t value)
{
	bool waited = waited_for(sig, t);

	if (ignored(sig) && !waited && !(t->sigmask & signal_bit(sig)))
		return;
	t->pending |= signal_bit(sig);
	t->signal_code = code;
	t->signal_value = value;
	event_signal(&arrived);
	if (waited || t->sigmask & signal_bit(sig) & ~SIGNAL_ALWAYS)
		return;
	if (will_look(t))
		return;
	if (!actions[sig].handler)
		die_elsewhere(sig);
	else
		interrupt(t);
}

void signal_self(int sig)
{
	signal_thread(thread_self(), sig, SI_USER, 0);
}

/* Main, if it wants it; else whoever does. */
static struct thread *receiver(int sig)
{
	struct thread *first = NULL;

	for (struct thread *t = thread_next(NULL); t; t = thread_next(t)) {
		if (t->sigmask & signal_bit(sig))
			continue;
		if (t->tid == 1)
			return t;
		if (!first)
			first = t;
	}
	return first;
}

void signal_process_with(int sig, int code, uint64_t value)
{
	bool waited = waited_for(sig, NULL);
	struct thread *t = receiver(sig);

	if (ignored(sig) && !waited && t)
		return;
	pending |= signal_bit(sig);
	sent[sig].code = code;
	sent[sig].value = value;
	event_signal(&arrived);
	if (waited || !t || will_look(t))
		return;
	if (!actions[sig].handler)
		die_elsewhere(sig);
	else
		interrupt(t);
}

void signal_process(int sig)
{
	signal_process_with(sig, SI_USER, 0);
}

static bool reboot;

bool signal_terminate(bool to_reboot)
{
	if (!actions[SIGTERM].handler && receiver(SIGTERM) &&
	    !waited_for(SIGTERM, NULL))
		return false;
	reboot = to_reboot;
	signal_process_with(SIGTERM, SI_KERNEL, 0);
	return true;
}

bool signal_reboot(void)
{
	return reboot;
}

long sys_rt_sigaction(int sig, const struct action *new, struct action *old,
		      size_t size)
{
	if (size != 8 || sig < 1 || sig > 64 ||
	    (new && (sig == SIGKILL || sig == SIGSTOP)))
		return -EINVAL;
	if ((new && !user_readable(new, sizeof(*new))) ||
	    (old && !user_writable(old, sizeof(*old))))
		return -EFAULT;
	if (old)
		*old = actions[sig];
	if (new)
		actions[sig] = *new;
	return 0;
}

long sys_rt_sigprocmask(int how, const uint64_t *new, uint64_t *old,
			size_t size)
{
	struct thread *t = thread_self();
	uint64_t mask = t->sigmask;

	if (size != 8 || (new && (how < 0 || how > 2)))
		return -EINVAL;
	if ((new && !user_readable(new, 8)) || (old && !user_writable(old, 8)))
		return -EFAULT;
	if (new)
		t->sigmask = (how == SIG_BLOCK	   ? mask | *new
			      : how == SIG_UNBLOCK ? mask & ~*new
						   : *new) &
			     ~SIGNAL_ALWAYS;
	if (old)
		*old = mask;
	return 0;
}

long sys_rt_sigpending(uint64_t *set, size_t size)
{
	struct thread *t = thread_self();

	if (size != 8)
		return -EINVAL;
	if (!user_writable(set, 8))
		return -EFAULT;
	*set = signal_pending(t) & t->sigmask;
	return 0;
}

/* --- sending -------------------------------------------------------------- */

long sys_kill(int pid, int sig)
{
	if (sig < 0 || sig > 64)
		return -EINVAL;
	if (pid > 1 || pid < -1)
		return -ESRCH;
	if (sig)
		signal_process(sig);
	return 0;
}

long sys_tkill(int tid, int sig)
{
	struct thread *t = thread_find(tid);

	if (sig < 0 || sig > 64 || tid <= 0)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (sig)
		signal_thread(t, sig, SI_TKILL, 0);
	return 0;
}

long sys_tgkill(int pid, int tid, int sig)
{
	return pid == 1 ? sys_tkill(tid, sig) : -ESRCH;
}

long sys_rt_tgsigqueueinfo(int pid, int tid, int sig, const siginfo_t *info)
{
	struct thread *t = thread_find(tid);

	if (sig < 1 || sig > 64 || tid <= 0)
		return -EINVAL;
	if (pid != 1 || !t)
		return -ESRCH;
	if (!user_readable(info, sizeof(*info)))
		return -EFAULT;
	signal_thread(t, sig, info->si_code,
		      (uint64_t)info->si_value.sival_ptr);
	return 0;
}

long sys_rt_sigqueueinfo(int pid, int sig, const siginfo_t *info)
{
	if (sig < 1 || sig > 64)
		return -EINVAL;
	if (pid != 1)
		return -ESRCH;
	if (!user_readable(info, sizeof(*info)))
		return -EFAULT;
	signal_process_with(sig, info->si_code,
			    (uint64_t)info->si_value.sival_ptr);
	return 0;
}
