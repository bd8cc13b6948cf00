/* SPDX-License-Identifier: ISC */
/*
 * epoll: a set of files that is kept between waits.
 *
 *     epoll    ready: items that may have something to report
 *       ^        |  \
 *       |      item  item  ...            item (silent)
 *       |        |     |                    |
 *     changed  file  file                 file -- watchers: its items
 *
 * A signal of a file's event puts its items on the ready list (the event tells
 * them, core/event.h), and a wait looks at that list alone: what it costs
 * depends on how many are ready, not on how many are in the set. A reported one
 * stays on the list, to be asked again by the next wait, unless it is
 * edge-triggered; one that turns out to have nothing leaves it.
 *
 * An item remembers which file it watches without holding it: when the last
 * number of a file is closed it leaves all sets (epoll_forget).
 *
 * A set can be in another one. Neither circles nor deep nests are made, since
 * signals are passed on by recursion.
 */
#include <core/event.h>
#include <core/list.h>
#include <errno.h>
#include <fata/heap.h>
#include <libc/clock.h>
#include <libc/epoll.h>
#include <libc/file.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#define DEEPEST 5 /* sets within sets; as Linux */

struct epoll_item {
	struct list link, ready;
	struct event_watch watch;
	struct epoll *set;
	struct file *file;
	struct epoll_item *next; /* of the same file */
	int fd;
	uint32_t events; /* 0: reported once, now disabled */
	uint64_t data;
};

struct epoll {
	struct file *file;
	struct list items, ready;
	struct event changed; /* there is something on the ready list */
};

static void make_ready(struct epoll_item *i)
{
	if (!i->events || !list_empty(&i->ready))
		return;
	list_add_last(&i->set->ready, &i->ready);
	event_signal(&i->set->changed);
}

static void signalled(struct event_watch *w)
{
	make_ready(list_entry(w, struct epoll_item, watch));
}

static void remove_item(struct epoll_item *i)
{
	struct epoll_item **at = &i->file->watchers;

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	event_unwatch(&i->watch);
	list_remove(&i->link);
	list_remove(&i->ready);
	heap_free(i);
}

void epoll_forget(struct file *f)
{
	while (f->watchers)
		remove_item(f->watchers);
}

/* What is to be reported of an item now. */
static uint32_t ready(struct epoll_item *i)
{
	uint32_t now = (uint16_t)file_poll(i->file);

	return i->events ? now & (i->events | EPOLLERR | EPOLLHUP) : 0;
}

static short epoll_poll(struct file *f)
{
	struct epoll *e = f->data;

	list_for_each (l, &e->ready) {
		struct epoll_item *i = list_entry(l, struct epoll_item, ready);

		if (ready(i))
			return POLLIN | POLLRDNORM;
		list_remove(&i->ready);
	}
	return 0;
}

static struct event *epoll_event(struct file *f)
{
	return &((struct epoll *)f->data)->changed;
}

static void epoll_close(struct file *f)
{
	struct epoll *e = f->data;

	list_for_each (l, &e->items)
		remove_item(list_entry(l, struct epoll_item, link));
	heap_free(e);
}

static const struct file_ops epoll_ops = {
	.poll = epoll_poll,
	.event = epoll_event,
	.close = epoll_close,
};

long sys_epoll_create1(int flags)
{
	struct epoll *e;
	struct file *f;

	if (flags & ~O_CLOEXEC)
		return -EINVAL;
	e = heap_calloc(1, sizeof(*e));
	f = e ? file_new(&epoll_ops, O_RDWR, e) : NULL;
	if (!f) {
		heap_free(e);
		return -ENOMEM;
	}
	e->file = f;
	list_init(&e->items);
	list_init(&e->ready);
	return fd_add(f, 0, flags & O_CLOEXEC);
}

long sys_epoll_create(int size)
{
	return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

static struct epoll_item *find(struct epoll *e, int fd, const struct file *f)
{
	struct epoll_item *i = f->watchers;

	while (i && (i->set != e || i->fd != fd))
		i = i->next;
	return i;
}

/* How many sets are nested from f on; more than DEEPEST: too many. */
static int depth(const struct file *f, const struct epoll *avoid)
{
	struct epoll *e = f->data;
	int most = 0;

	if (f->ops != &epoll_ops)
		return 0;
	if (e == avoid)
		return DEEPEST + 1;
	list_for_each (l, &e->items) {
		int d = depth(list_entry(l, struct epoll_item, link)->file,
			      avoid);

		most = d > most ? d : most;
	}
	return most + 1;
}

/* How many sets there are from this one up. */
static int height(const struct file *f)
{
	int most = 0;

	for (struct epoll_item *i = f->watchers; i; i = i->next) {
		int h = height(i->set->file);

		most = h > most ? h : most;
	}
	return most + 1;
}

static long add(struct epoll *e, int fd, struct file *f)
{
	struct epoll_item *i;

	if (!f->ops->event)
		return -EPERM;
	if (f->ops == &epoll_ops && depth(f, e) + height(e->file) > DEEPEST)
		return -ELOOP;
	i = heap_calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->set = e;
	i->file = f;
	i->fd = fd;
	i->next = f->watchers;
	f->watchers = i;
	list_init(&i->ready);
	list_add_last(&e->items, &i->link);
	event_watch(&i->watch, f->ops->event(f), signalled);
	return 0;
}

static long control(struct epoll *e, int op, int fd, struct file *f,
		    const struct epoll_event *event)
{
	struct epoll_item *i = find(e, fd, f);
	long r = 0;

	if (op < EPOLL_CTL_ADD || op > EPOLL_CTL_MOD)
		return -EINVAL;
	if (op == EPOLL_CTL_ADD ? !!i : !i)
		return i ? -EEXIST : -ENOENT;
	if (op == EPOLL_CTL_DEL) {
		remove_item(i);
		return 0;
	}
	if (op == EPOLL_CTL_ADD)
		r = add(e, fd, f);
	if (r)
		return r;
	i = find(e, fd, f);
	/* errors are always reported, even of nothing else */
	i->events = event->events | EPOLLERR | EPOLLHUP;
	memcpy(&i->data, &event->data, sizeof(i->data));
	make_ready(i); /* perhaps: the next wait asks it */
	return 0;
}

static struct file *epoll_get(int fd, long *err)
{
	struct file *f = fd_get(fd);

	*err = f ? -EINVAL : -EBADF;
	if (f && f->ops != &epoll_ops) {
		file_put(f);
		f = NULL;
	}
	return f;
}

long sys_epoll_ctl(int set, int op, int fd, const struct epoll_event *event)
{
	struct file *e, *f;
	long r;

	if (op != EPOLL_CTL_DEL && !user_readable(event, sizeof(*event)))
		return -EFAULT;
	e = epoll_get(set, &r);
	if (!e)
		return r;
	f = fd_get(fd);
	if (f && f != e)
		r = control(e->data, op, fd, f, event);
	else
		r = f ? -EINVAL : -EBADF;
	if (f)
		file_put(f);
	file_put(e);
	return r;
}

/*
 * Report up to max items of the ready list. Those that stay on it go to its
 * end, so that the next call begins with others.
 */
static int collect(struct epoll *e, struct epoll_event *out, int max)
{
	struct list again = LIST_INIT(again), *l;
	int n = 0;

	while (n < max && (l = list_pop(&e->ready)) != NULL) {
		struct epoll_item *i = list_entry(l, struct epoll_item, ready);
		uint32_t now = ready(i);

		if (!now)
			continue;
		out[n].events = now;
		memcpy(&out[n].data, &i->data, sizeof(i->data));
		n++;
		if (i->events & EPOLLONESHOT)
			i->events = 0;
		else if (!(i->events & EPOLLET))
			list_add_last(&again, l);
	}
	while ((l = list_pop(&again)) != NULL)
		list_add_last(&e->ready, l);
	return n;
}

static long epoll_until(int fd, struct epoll_event *out, int max,
			uint64_t deadline)
{
	struct epoll *e;
	struct file *f;
	uint64_t seen;
	long r;

	if (max <= 0 || max > 1 << 20)
		return -EINVAL;
	f = epoll_get(fd, &r);
	if (!f)
		return r;
	e = f->data;
	file_turn();
	do {
		seen = event_count(&e->changed);
		if (!user_writable(out, (size_t)max * sizeof(*out)))
			r = -EFAULT;
		else
			r = collect(e, out, max);
		if (r)
			break;
		r = event_wait(&e->changed, &seen, deadline);
	} while (r >= 0);
	file_put(f);
	if (r == -ECANCELED)
		return -EINTR;
	return r == -ETIMEDOUT ? 0 : r;
}

long sys_epoll_pwait(int fd, struct epoll_event *out, int max, int ms,
		     const uint64_t *mask, size_t size)
{
	uint64_t old;
	long r = signal_mask_begin(mask, size, &old);

	if (r)
		return r;
	r = epoll_until(fd, out, max,
			ms < 0 ? FATA_FOREVER
			       : clock_deadline((uint64_t)ms *
						FATA_NS_PER_MS));
	signal_mask_end(mask, old);
	return r;
}

long sys_epoll_wait(int fd, struct epoll_event *out, int max, int ms)
{
	return sys_epoll_pwait(fd, out, max, ms, NULL, 8);
}

long sys_epoll_pwait2(int fd, struct epoll_event *out, int max,
		      const struct timespec *time, const uint64_t *mask,
		      size_t size)
{
	uint64_t deadline = FATA_FOREVER, old;
	long r = 0;

	if (time)
		r = clock_deadline_of(CLOCK_MONOTONIC, false, time, &deadline);
	if (!r)
		r = signal_mask_begin(mask, size, &old);
	if (r)
		return r;
	r = epoll_until(fd, out, max, deadline);
	signal_mask_end(mask, old);
	return r;
}
