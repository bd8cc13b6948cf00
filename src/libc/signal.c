/* SPDX-License-Identifier: ISC */
/*
 * Signals: what a program asked for is kept; a signal that it did not ask for
 * ends it as on Linux, with status 128 + its number.
 */
#include <errno.h>
#include <fata/end.h>
#include <fata/log.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/user.h>

FATA_LOG_SOURCE("libc");

/* The kernel's struct sigaction on x86-64. */
struct action {
	uint64_t handler, flags, restorer, mask;
};

static struct action actions[65];

static bool ignored(int sig)
{
	uint64_t h = actions[sig].handler;

	if (h)
		return h == 1;
	return sig == SIGCHLD || sig == SIGCONT || sig == SIGURG ||
	       sig == SIGWINCH;
}

void signal_process(int sig)
{
	if (ignored(sig))
		return;
	log_error("ended by signal %d", sig);
	fata_end(END_CRASH, 128 + sig);
}

void signal_self(int sig)
{
	signal_process(sig);
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
		t->sigmask = how == SIG_BLOCK	  ? mask | *new
			     : how == SIG_UNBLOCK ? mask & ~*new
						  : *new;
	if (old)
		*old = mask;
	return 0;
}

static long send(int sig)
{
	if (sig < 0 || sig > 64)
		return -EINVAL;
	if (sig)
		signal_process(sig);
	return 0;
}

long sys_kill(int pid, int sig)
{
	return pid == 1 || pid == 0 || pid == -1 ? send(sig) : -ESRCH;
}

long sys_tkill(int tid, int sig)
{
	return thread_find(tid) ? send(sig) : -ESRCH;
}

long sys_tgkill(int pid, int tid, int sig)
{
	return pid == 1 ? sys_tkill(tid, sig) : -ESRCH;
}

long signal_mask_begin(const uint64_t *mask, size_t size, uint64_t *old)
{
	struct thread *t = thread_self();

	if (!mask)
		return 0;
	if (size != 8)
		return -EINVAL;
	if (!user_readable(mask, 8))
		return -EFAULT;
	*old = t->sigmask;
	t->sigmask = *mask;
	return 0;
}

void signal_mask_end(const uint64_t *mask, uint64_t old)
{
	if (mask)
		thread_self()->sigmask = old;
}
