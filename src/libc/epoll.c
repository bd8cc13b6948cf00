/* SPDX-License-Identifier: ISC */
/*
 * epoll: a set of files that is kept between waits.
 *
 * An item remembers which file it watches without holding it: when the last
 * number of a file is closed it leaves all sets (epoll_forget). It also
 * remembers the count of the file's event at its last report; an edge-triggered
 * item is reported only when there has been a signal since.
 *
 * A wait looks at every item, so it costs as much as poll; items with nothing
 * to report are asked again only when one of them was signalled.
 */
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

#define FEW 8

struct item {
	struct list link, all;
	struct epoll *set;
	struct file *file;
	int fd;
	uint32_t events;
	uint64_t data, reported; /* event's count + 1; 0: never */
};

struct epoll {
	struct list items;
	unsigned n;
	struct event changed; /* the set itself */
};

static struct list all_items = LIST_INIT(all_items);

static void remove_item(struct item *i)
{
	i->set->n--;
	i->file->epolls--;
	list_remove(&i->link);
	list_remove(&i->all);
	heap_free(i);
}

void epoll_forget(struct file *f)
{
	list_for_each (l, &all_items) {
		struct item *i = list_entry(l, struct item, all);

		if (i->file == f)
			remove_item(i);
	}
}

static uint64_t count_of(struct item *i)
{
	return event_count(i->file->ops->event(i->file)) + 1;
}

/* What is to be reported of an item now. */
static uint32_t ready(struct item *i)
{
	uint32_t now = (uint16_t)file_poll(i->file);

	now &= i->events | EPOLLERR | EPOLLHUP;
	if (!i->events || (i->events & EPOLLET && i->reported == count_of(i)))
		return 0;
	return now;
}

static short epoll_poll(struct file *f)
{
	struct epoll *e = f->data;

	list_for_each (l, &e->items)
		if (ready(list_entry(l, struct item, link)))
			return POLLIN | POLLRDNORM;
	return 0;
}

static void epoll_close(struct file *f)
{
	struct epoll *e = f->data;

	list_for_each (l, &e->items)
		remove_item(list_entry(l, struct item, link));
	heap_free(e);
}

static const struct file_ops epoll_ops = {
	.poll = epoll_poll,
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
	list_init(&e->items);
	return fd_add(f, 0, flags & O_CLOEXEC);
}

long sys_epoll_create(int size)
{
	return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

static struct item *find(struct epoll *e, int fd, const struct file *f)
{
	list_for_each (l, &e->items) {
		struct item *i = list_entry(l, struct item, link);

		if (i->fd == fd && i->file == f)
			return i;
	}
	return NULL;
}

static long add(struct epoll *e, int fd, struct file *f)
{
	struct item *i;

	if (!f->ops->event)
		return f->ops == &epoll_ops ? -EINVAL : -EPERM;
	i = heap_calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->set = e;
	i->file = f;
	i->fd = fd;
	f->epolls++;
	e->n++;
	list_add_last(&e->items, &i->link);
	list_add_last(&all_items, &i->all);
	return 0;
}

static long control(struct epoll *e, int op, int fd, struct file *f,
		    const struct epoll_event *event)
{
	struct item *i = find(e, fd, f);
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
	i->events = event->events;
	memcpy(&i->data, &event->data, sizeof(i->data));
	i->reported = 0;
	event_signal(&e->changed);
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
 * Report up to max items. Reported ones go to the end, so that the next call
 * begins with others.
 */
static int collect(struct epoll *e, struct epoll_event *out, int max)
{
	struct list done = LIST_INIT(done);
	int n = 0;

	list_for_each (l, &e->items) {
		struct item *i = list_entry(l, struct item, link);
		uint32_t now = n < max ? ready(i) : 0;

		if (!now)
			continue;
		out[n].events = now;
		memcpy(&out[n].data, &i->data, sizeof(i->data));
		n++;
		i->reported = count_of(i);
		if (i->events & EPOLLONESHOT)
			i->events = 0;
		list_remove(l);
		list_add_last(&done, l);
	}
	for (struct list *l; (l = list_pop(&done)) != NULL;)
		list_add_last(&e->items, l);
	return n;
}

/* Wait for a signal of any item, or a change of the set. */
static int wait_items(struct epoll *e, uint64_t deadline)
{
	struct event_wait few[FEW], *w = few;
	unsigned n = 0;
	int r;

	if (e->n + 1 > FEW) {
		w = heap_alloc((e->n + 1) * sizeof(*w));
		if (!w)
			return -ENOMEM;
	}
	w[n++] = (struct event_wait){&e->changed, event_count(&e->changed)};
	list_for_each (l, &e->items) {
		struct item *i = list_entry(l, struct item, link);
		struct event *event = i->file->ops->event(i->file);

		if (i->events)
			w[n++] = (struct event_wait){event,
						     event_count(event)};
	}
	r = event_wait_any(w, n, deadline);
	if (w != few)
		heap_free(w);
	return r == -ECANCELED ? -EINTR : r;
}

static long epoll_until(int fd, struct epoll_event *out, int max,
			uint64_t deadline)
{
	struct file *f;
	long r;

	if (max <= 0 || max > 1 << 20)
		return -EINVAL;
	f = epoll_get(fd, &r);
	if (!f)
		return r;
	do {
		if (!user_writable(out, (size_t)max * sizeof(*out)))
			r = -EFAULT;
		else
			r = collect(f->data, out, max);
		if (r)
			break;
		r = wait_items(f->data, deadline);
	} while (r >= 0);
	file_put(f);
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
