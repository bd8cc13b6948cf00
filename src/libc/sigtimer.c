/* SPDX-License-Identifier: ISC */
/*
 * Timers that end in a signal: alarm, setitimer, and POSIX timers. Those that
 * measure the CPU's time measure real time here: the guest does nothing else.
 */
#include <core/list.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/timer.h>
#include <libc/clock.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/user.h>
#include <sys/time.h>

struct signal_timer {
	struct list all;
	int id, clock, sig, tid; /* tid 0: to the program; sig 0: none */
	uint64_t value;
	struct timer timer;
	uint64_t next, interval;
	unsigned overrun;
};

static struct list all = LIST_INIT(all);
static struct signal_timer interval_timers[3] = {
	{.sig = SIGALRM}, {.sig = SIGVTALRM}, {.sig = SIGPROF}};

static void send(const struct signal_timer *t)
{
	struct thread *to = t->tid ? thread_find(t->tid) : NULL;

	if (to)
		signal_thread(to, t->sig, SI_TIMER, t->value);
	else if (!t->tid && t->sig)
		signal_process_with(t->sig, SI_TIMER, t->value);
}

static uint64_t earlier(uint64_t a, const struct signal_timer *t)
{
	return t->next && (!a || t->next < a) ? t->next : a;
}

/* The first of all of them may have changed. */
static void changed(void)
{
	uint64_t first = 0;

	for (unsigned i = 0; i < 3; i++)
		first = earlier(first, &interval_timers[i]);
	list_for_each (l, &all)
		first = earlier(first,
				list_entry(l, struct signal_timer, all));
	signal_alarm(first);
}

static void expire(void *arg)
{
	struct signal_timer *t = arg;

	t->overrun = 0;
	if (t->interval) {
		uint64_t missed = (clock_mono_ns() - t->next) / t->interval;

		t->overrun = (unsigned)missed;
		t->next += (missed + 1) * t->interval;
		timer_set(&t->timer, t->next, expire, t);
	} else {
		t->next = 0;
	}
	changed();
	send(t);
}

static void expire_due(struct signal_timer *t, uint64_t now)
{
	if (!t->next || t->next > now)
		return;
	timer_cancel(&t->timer);
	expire(t);
}

void signal_timers(void)
{
	uint64_t now = clock_mono_ns();

	for (unsigned i = 0; i < 3; i++)
		expire_due(&interval_timers[i], now);
	list_for_each (l, &all)
		expire_due(list_entry(l, struct signal_timer, all), now);
}

static void arm(struct signal_timer *t, uint64_t next, uint64_t interval)
{
	timer_cancel(&t->timer);
	t->next = next;
	t->interval = interval;
	if (next)
		timer_set(&t->timer, next, expire, t);
	changed();
}

static uint64_t rest(const struct signal_timer *t)
{
	uint64_t now = clock_mono_ns();

	return !t->next ? 0 : t->next > now ? t->next - now : 1;
}

long sys_alarm(unsigned seconds)
{
	struct signal_timer *t = &interval_timers[0];
	uint64_t left = rest(t);

	arm(t, seconds ? clock_deadline(seconds * FATA_NS_PER_S) : 0, 0);
	return (long)((left + FATA_NS_PER_S - 1) / FATA_NS_PER_S);
}

static struct itimerval left_of(const struct signal_timer *t)
{
	uint64_t ns = rest(t);

	if (ns && ns < 1000)
		ns = 1000; /* 0 would say: not armed */
	return (struct itimerval){clock_timeval(t->interval),
				  clock_timeval(ns)};
}

static int micro_ns(const struct timeval *v, uint64_t *ns)
{
	struct timespec t = {v->tv_sec, v->tv_usec * 1000};

	if (v->tv_usec < 0 || v->tv_usec >= 1000000)
		return -EINVAL;
	return clock_ns(&t, ns);
}

long sys_getitimer(unsigned which, struct itimerval *now)
{
	if (which > 2)
		return -EINVAL;
	if (!user_writable(now, sizeof(*now)))
		return -EFAULT;
	*now = left_of(&interval_timers[which]);
	return 0;
}

long sys_setitimer(unsigned which, const struct itimerval *new,
		   struct itimerval *old)
{
	struct itimerval was;
	uint64_t first, interval;

	if (which > 2)
		return -EINVAL;
	if (!user_readable(new, sizeof(*new)) ||
	    (old && !user_writable(old, sizeof(*old))))
		return -EFAULT;
	if (micro_ns(&new->it_value, &first) ||
	    micro_ns(&new->it_interval, &interval))
		return -EINVAL;
	was = left_of(&interval_timers[which]);
	arm(&interval_timers[which], first ? clock_deadline(first) : 0,
	    interval);
	if (old)
		*old = was;
	return 0;
}

/* --- POSIX timers --------------------------------------------------------- */

/* The kernel's struct sigevent. */
struct notify {
	uint64_t value;
	int sig, how, tid;
};

enum { NOTIFY_SIGNAL = 0, NOTIFY_NONE = 1, NOTIFY_THREAD = 4 };

static struct signal_timer *find(int id)
{
	list_for_each (l, &all) {
		struct signal_timer *t =
			list_entry(l, struct signal_timer, all);

		if (t->id == id)
			return t;
	}
	return NULL;
}

long sys_timer_create(int clock, const struct notify *n, int *id)
{
	static int last = -1;
	struct signal_timer *t;
	uint64_t now;

	if (clock_read(clock, &now) || clock < 0)
		return -EINVAL;
	if ((n && !user_readable(n, sizeof(*n))) || !user_writable(id, 4))
		return -EFAULT;
	if (n && (n->how & ~5 || (n->how != NOTIFY_NONE &&
				  (n->sig < 1 || n->sig > 64))))
		return -EINVAL;
	if (n && n->how == NOTIFY_THREAD && !thread_find(n->tid))
		return -EINVAL;
	t = heap_calloc(1, sizeof(*t));
	if (!t)
		return -EAGAIN;
	t->id = ++last;
	t->clock = clock;
	t->sig = !n ? SIGALRM : n->how == NOTIFY_NONE ? 0 : n->sig;
	t->tid = n && n->how == NOTIFY_THREAD ? n->tid : 0;
	t->value = n ? n->value : (uint64_t)t->id;
	list_add_last(&all, &t->all);
	*id = t->id;
	return 0;
}

long sys_timer_settime(int id, int flags, const struct itimerspec *new,
		       struct itimerspec *old)
{
	struct signal_timer *t = find(id);
	uint64_t first, interval, deadline;
	int err;

	if (!t || flags & ~TIMER_ABSTIME)
		return -EINVAL;
	if (!user_readable(new, sizeof(*new)) ||
	    (old && !user_writable(old, sizeof(*old))))
		return -EFAULT;
	if (clock_ns(&new->it_value, &first) ||
	    clock_ns(&new->it_interval, &interval))
		return -EINVAL;
	err = clock_deadline_of(t->clock, flags & TIMER_ABSTIME,
				&new->it_value, &deadline);
	if (err)
		return err;
	if (old)
		*old = (struct itimerspec){clock_timespec(t->interval),
					   clock_timespec(rest(t))};
	arm(t, !first ? 0 : deadline ? deadline : 1, interval);
	return 0;
}

long sys_timer_gettime(int id, struct itimerspec *now)
{
	struct signal_timer *t = find(id);

	if (!t)
		return -EINVAL;
	if (!user_writable(now, sizeof(*now)))
		return -EFAULT;
	*now = (struct itimerspec){clock_timespec(t->interval),
				   clock_timespec(rest(t))};
	return 0;
}

long sys_timer_getoverrun(int id)
{
	struct signal_timer *t = find(id);

	return t ? (long)t->overrun : -EINVAL;
}

long sys_timer_delete(int id)
{
	struct signal_timer *t = find(id);

	if (!t)
		return -EINVAL;
	arm(t, 0, 0);
	list_remove(&t->all);
	heap_free(t);
	return 0;
}
