/* SPDX-License-Identifier: ISC */
/* Counters as files: eventfd, and timerfd, whose counter a timer advances. */
#include <errno.h>
#include <fata/heap.h>
#include <fata/timer.h>
#include <libc/clock.h>
#include <libc/file.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <poll.h>
#include <string.h>

#define SEMAPHORE 1
#define TFD_ABSTIME 1

struct counter {
	uint64_t value;
	bool semaphore; /* a read takes 1 */
	struct event event;
	/* timerfd */
	int clock;
	struct timer timer;
	uint64_t next, interval; /* monotonic; next == 0: disarmed */
};

static ssize_t counter_read(struct file *f, void *p, size_t n, uint64_t *pos)
{
	struct counter *c = f->data;
	uint64_t got = c->semaphore ? 1 : c->value;

	(void)pos;
	if (n < sizeof(got))
		return -EINVAL;
	if (!c->value)
		return -EAGAIN;
	c->value -= got;
	memcpy(p, &got, sizeof(got));
	event_signal(&c->event);
	return sizeof(got);
}

static ssize_t counter_write(struct file *f, const void *p, size_t n,
			     uint64_t *pos)
{
	struct counter *c = f->data;
	uint64_t more;

	(void)pos;
	if (n < sizeof(more))
		return -EINVAL;
	memcpy(&more, p, sizeof(more));
	if (more == UINT64_MAX)
		return -EINVAL;
	if (more > UINT64_MAX - 1 - c->value)
		return -EAGAIN;
	c->value += more;
	event_signal(&c->event);
	/* all of what was given counts as written, so that nobody goes on */
	return (ssize_t)n;
}

static short counter_poll(struct file *f)
{
	struct counter *c = f->data;

	return (short)((c->value ? POLLIN | POLLRDNORM : 0) |
		       (c->value < UINT64_MAX - 1 && f->ops->write
				? POLLOUT | POLLWRNORM
				: 0));
}

static struct event *counter_event(struct file *f)
{
	return &((struct counter *)f->data)->event;
}

static void counter_close(struct file *f)
{
	struct counter *c = f->data;

	timer_cancel(&c->timer);
	heap_free(c);
}

static int counter_stat(struct file *f, struct stat *s)
{
	(void)f;
	s->st_mode = 0600;
	s->st_nlink = 1;
	return 0;
}

static const struct file_ops eventfd_ops = {
	.read = counter_read,
	.write = counter_write,
	.poll = counter_poll,
	.event = counter_event,
	.stat = counter_stat,
	.close = counter_close,
};

static const struct file_ops timerfd_ops = {
	.read = counter_read,
	.poll = counter_poll,
	.event = counter_event,
	.stat = counter_stat,
	.close = counter_close,
};

static long counter_open(const struct file_ops *ops, const struct counter *from,
			 int flags)
{
	struct counter *c = heap_alloc(sizeof(*c));
	struct file *f;

	if (!c)
		return -ENOMEM;
	*c = *from;
	f = file_new(ops, O_RDWR | (flags & O_NONBLOCK), c);
	if (!f) {
		heap_free(c);
		return -ENOMEM;
	}
	return fd_add(f, 0, flags & O_CLOEXEC);
}

long sys_eventfd2(unsigned value, int flags)
{
	struct counter c = {.value = value, .semaphore = flags & SEMAPHORE};

	if (flags & ~(SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	return counter_open(&eventfd_ops, &c, flags);
}

long sys_eventfd(unsigned value)
{
	return sys_eventfd2(value, 0);
}

long sys_timerfd_create(int clock, int flags)
{
	struct counter c = {.clock = clock};
	uint64_t now;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK) || clock_read(clock, &now) ||
	    clock < 0)
		return -EINVAL;
	return counter_open(&timerfd_ops, &c, flags);
}

static void expire(void *arg)
{
	struct counter *c = arg;
	uint64_t now = clock_mono_ns();

	c->value++;
	if (c->interval) {
		/* those that were missed count too */
		uint64_t missed = (now - c->next) / c->interval;

		c->value += missed;
		c->next += (missed + 1) * c->interval;
		timer_set(&c->timer, c->next, expire, c);
	} else {
		c->next = 0;
	}
	event_signal(&c->event);
}

static struct itimerspec left(const struct counter *c)
{
	uint64_t now = clock_mono_ns();
	uint64_t rest = !c->next ? 0 : c->next > now ? c->next - now : 1;

	return (struct itimerspec){clock_timespec(c->interval),
				   clock_timespec(rest)};
}

static long settime(struct counter *c, int flags, const struct itimerspec *t)
{
	uint64_t interval, first, deadline;
	int err = clock_ns(&t->it_interval, &interval);

	if (!err)
		err = clock_ns(&t->it_value, &first);
	if (!err)
		err = clock_deadline_of(c->clock, flags & TFD_ABSTIME,
					&t->it_value, &deadline);
	if (err)
		return err;
	timer_cancel(&c->timer);
	c->value = 0;
	c->interval = interval;
	/* 0 means never; a point in the past is due at once */
	c->next = !first ? 0 : deadline ? deadline : 1;
	if (c->next)
		timer_set(&c->timer, c->next, expire, c);
	return 0;
}

static struct file *timerfd_get(int fd, long *err)
{
	struct file *f = fd_get(fd);

	*err = f ? -EINVAL : -EBADF;
	if (f && f->ops != &timerfd_ops) {
		file_put(f);
		f = NULL;
	}
	return f;
}

long sys_timerfd_settime(int fd, int flags, const struct itimerspec *new,
			 struct itimerspec *old)
{
	struct itimerspec was;
	struct file *f;
	long r;

	if (flags & ~3)
		return -EINVAL;
	if (!user_readable(new, sizeof(*new)) ||
	    (old && !user_writable(old, sizeof(*old))))
		return -EFAULT;
	f = timerfd_get(fd, &r);
	if (!f)
		return r;
	was = left(f->data);
	r = settime(f->data, flags, new);
	if (!r && old)
		*old = was;
	file_put(f);
	return r;
}

long sys_timerfd_gettime(int fd, struct itimerspec *now)
{
	struct file *f;
	long r;

	if (!user_writable(now, sizeof(*now)))
		return -EFAULT;
	f = timerfd_get(fd, &r);
	if (!f)
		return r;
	*now = left(f->data);
	file_put(f);
	return 0;
}
