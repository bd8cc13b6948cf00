/* SPDX-License-Identifier: ISC */
/*
 * Waiting for signals: with a handler (pause, sigsuspend, the masks of ppoll),
 * without one (sigwait), and as a file (signalfd). See signal.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fcntl.h>
#include <libc/clock.h>
#include <libc/file.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/user.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>

/* Until a signal is due. Always -EINTR. */
static long wait_due(struct thread *t)
{
	uint64_t seen = event_count(signal_arrived());

	while (!signal_due(t))
		if (event_wait(signal_arrived(), &seen, FATA_FOREVER))
			break;
	return -EINTR;
}

long sys_pause(void)
{
	return wait_due(thread_self());
}

/* The old mask comes back when the handler is entered (signal_deliver). */
long sys_rt_sigsuspend(const uint64_t *mask, size_t size)
{
	struct thread *t = thread_self();

	if (size != 8)
		return -EINVAL;
	if (!user_readable(mask, 8))
		return -EFAULT;
	t->saved_mask = t->sigmask;
	t->restore_mask = true;
	t->sigmask = *mask & ~SIGNAL_ALWAYS;
	return wait_due(t);
}

static int wait_for(struct thread *t, uint64_t set, uint64_t deadline,
		    siginfo_t *info)
{
	uint64_t seen = event_count(signal_arrived());
	int sig;

	while (!(sig = signal_take_from(set, t, info))) {
		int err = event_wait(signal_arrived(), &seen, deadline);

		if (err)
			return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
	}
	return sig;
}

long sys_rt_sigtimedwait(const uint64_t *set, siginfo_t *info,
			 const struct timespec *time, size_t size)
{
	struct thread *t = thread_self();
	uint64_t deadline = FATA_FOREVER;
	siginfo_t got;
	long r = 0;

	if (size != 8)
		return -EINVAL;
	if (!user_readable(set, 8) ||
	    (info && !user_writable(info, sizeof(*info))))
		return -EFAULT;
	if (time)
		r = clock_deadline_of(CLOCK_MONOTONIC, false, time, &deadline);
	if (r)
		return r;
	t->waits_for = *set & ~SIGNAL_ALWAYS;
	r = wait_for(t, t->waits_for, deadline, &got);
	t->waits_for = 0;
	if (r > 0 && info && user_writable(info, sizeof(*info)))
		*info = got;
	return r;
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
	t->sigmask = *mask & ~SIGNAL_ALWAYS;
	if (!signal_due(t))
		return 0;
	signal_mask_end(mask, *old);
	return -EINTR;
}

void signal_mask_end(const uint64_t *mask, uint64_t old)
{
	struct thread *t = thread_self();

	if (!mask)
		return;
	if (!signal_due(t)) {
		t->sigmask = old;
		return;
	}
	/* what is due is let in first */
	t->saved_mask = old;
	t->restore_mask = true;
}

/* --- signalfd ------------------------------------------------------------- */

/* A file's data: the set it is for. */
static uint64_t *set_of(struct file *f)
{
	return f->data;
}

static struct signalfd_siginfo record(const siginfo_t *i)
{
	return (struct signalfd_siginfo){
		.ssi_signo = (uint32_t)i->si_signo,
		.ssi_code = i->si_code,
		.ssi_pid = (uint32_t)i->si_pid,
		.ssi_int = i->si_value.sival_int,
		.ssi_ptr = (uint64_t)i->si_value.sival_ptr,
	};
}

static ssize_t signalfd_read(struct file *f, void *p, size_t n, uint64_t *pos)
{
	struct signalfd_siginfo one;
	size_t done = 0;
	siginfo_t info;

	(void)pos;
	if (n < sizeof(one))
		return -EINVAL;
	while (n - done >= sizeof(one) &&
	       signal_take_from(*set_of(f), thread_self(), &info)) {
		one = record(&info);
		memcpy((char *)p + done, &one, sizeof(one));
		done += sizeof(one);
	}
	return done ? (ssize_t)done : -EAGAIN;
}

static short signalfd_poll(struct file *f)
{
	return signal_pending(thread_self()) & *set_of(f)
		       ? POLLIN | POLLRDNORM
		       : 0;
}

static struct event *signalfd_event(struct file *f)
{
	(void)f;
	return signal_arrived();
}

static void signalfd_close(struct file *f)
{
	heap_free(f->data);
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.event = signalfd_event,
	.close = signalfd_close,
};

static long signalfd_new(uint64_t set, int flags)
{
	uint64_t *data = heap_alloc(sizeof(*data));
	struct file *f = data ? file_new(&signalfd_ops,
					 O_RDONLY | (flags & O_NONBLOCK), data)
			      : NULL;

	if (!f) {
		heap_free(data);
		return -ENOMEM;
	}
	*data = set;
	return fd_add(f, 0, flags & O_CLOEXEC);
}

long sys_signalfd4(int fd, const uint64_t *mask, size_t size, int flags)
{
	struct file *f;
	uint64_t set;

	if (size != 8 || flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (!user_readable(mask, 8))
		return -EFAULT;
	set = *mask & ~SIGNAL_ALWAYS;
	if (fd == -1)
		return signalfd_new(set, flags);
	f = fd_get(fd);
	if (f && f->ops == &signalfd_ops) {
		*set_of(f) = set;
		file_put(f);
		return fd;
	}
	if (f)
		file_put(f);
	return f ? -EINVAL : -EBADF;
}

long sys_signalfd(int fd, const uint64_t *mask, size_t size)
{
	return sys_signalfd4(fd, mask, size, 0);
}
