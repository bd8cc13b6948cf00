/* SPDX-License-Identifier: ISC */
/*
 * poll and select: wait for any of many files.
 *
 *     1. note the count of each file's event
 *     2. ask each file what holds now; anything? done
 *     3. wait for any event beyond the noted counts; back to 1
 *
 * What happens between 2 and 3 counts as later than 1, so it ends the wait.
 */
#include <errno.h>
#include <fata/heap.h>
#include <libc/clock.h>
#include <libc/file.h>
#include <libc/poll.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <poll.h>
#include <string.h>

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)
#define FEW 16

/* One watched number; a negative one is skipped. */
struct watch {
	struct file *file;
	struct event_wait wait;
};

static int examine(struct pollfd *p, struct watch *w, unsigned n)
{
	int ready = 0;

	for (unsigned i = 0; i < n; i++) {
		short now = POLLNVAL;

		p[i].revents = 0;
		if (p[i].fd < 0)
			continue;
		if (w[i].file) {
			if (w[i].wait.event)
				w[i].wait.seen = event_count(w[i].wait.event);
			now = file_poll(w[i].file);
		}
		p[i].revents = (short)(now & (p[i].events | ALWAYS));
		ready += !!p[i].revents;
	}
	return ready;
}

/* Wait until one of the events has been signalled. */
static int wait_any(struct watch *w, unsigned n, struct event_wait *list,
		    uint64_t deadline)
{
	static struct event never;
	unsigned k = 0;
	int r;

	for (unsigned i = 0; i < n; i++)
		if (w[i].wait.event)
			list[k++] = w[i].wait;
	if (!k)
		list[k++] = (struct event_wait){&never, event_count(&never)};
	r = event_wait_any(list, k, deadline);
	return r == -ECANCELED ? -EINTR : r;
}

static void open_files(const struct pollfd *p, struct watch *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct file *f = p[i].fd >= 0 ? fd_get(p[i].fd) : NULL;

		w[i] = (struct watch){.file = f};
		if (f && f->ops->event)
			w[i].wait.event = f->ops->event(f);
	}
}

static int loop(struct pollfd *p, struct watch *w, unsigned n,
		struct event_wait *list, uint64_t deadline)
{
	for (;;) {
		int r = examine(p, w, n);

		if (r)
			return r;
		r = wait_any(w, n, list, deadline);
		if (r == -ETIMEDOUT)
			return 0;
		if (r < 0)
			return r;
	}
}

int poll_files(struct pollfd *p, unsigned n, uint64_t deadline)
{
	struct watch few[FEW], *w = few;
	struct event_wait few_waits[FEW + 1], *list = few_waits;
	void *memory = NULL;
	int r;

	if (n > FEW) {
		memory = heap_alloc(n * (sizeof(*w) + sizeof(*list)));
		if (!memory)
			return -ENOMEM;
		w = memory;
		list = (void *)(w + n);
	}
	file_turn();
	open_files(p, w, n);
	r = loop(p, w, n, list, deadline);
	for (unsigned i = 0; i < n; i++)
		if (w[i].file)
			file_put(w[i].file);
	heap_free(memory);
	return r;
}

static long poll_until(struct pollfd *p, uint64_t n, uint64_t deadline)
{
	struct pollfd *copy;
	int r;

	if (n > fd_limit())
		return -EINVAL;
	if (!user_writable(p, n * sizeof(*p)))
		return -EFAULT;
	/* On a copy: the program's memory may be gone after the wait. */
	copy = heap_alloc(n ? n * sizeof(*p) : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, p, n * sizeof(*p));
	r = poll_files(copy, (unsigned)n, deadline);
	if (r >= 0 && user_writable(p, n * sizeof(*p)))
		memcpy(p, copy, n * sizeof(*p));
	heap_free(copy);
	return r;
}

long sys_poll(struct pollfd *p, uint64_t n, int ms)
{
	return poll_until(p, n,
			  ms < 0 ? FATA_FOREVER
				 : clock_deadline((uint64_t)ms *
						  FATA_NS_PER_MS));
}

static int deadline_of(const struct timespec *time, uint64_t *deadline)
{
	*deadline = FATA_FOREVER;
	if (!time)
		return 0;
	return clock_deadline_of(CLOCK_MONOTONIC, false, time, deadline);
}

long sys_ppoll(struct pollfd *p, uint64_t n, const struct timespec *time,
	       const uint64_t *mask, size_t size)
{
	uint64_t deadline, old;
	long r = deadline_of(time, &deadline);

	if (!r)
		r = signal_mask_begin(mask, size, &old);
	if (r)
		return r;
	r = poll_until(p, n, deadline);
	signal_mask_end(mask, old);
	return r;
}

/* --- select -------------------------------------------------------------- */

#define SET_BITS 64

enum { SET_READ, SET_WRITE, SET_EXCEPT };

static const short asked[3] = {POLLIN, POLLOUT, POLLPRI};
static const short answers[3] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR,
				 POLLPRI};

static bool in_set(const uint64_t *set, unsigned fd)
{
	return set && set[fd / SET_BITS] >> fd % SET_BITS & 1;
}

/* The files that are in any set, as poll wants them; how many. */
static unsigned gather(struct pollfd *p, unsigned n, uint64_t *const set[3])
{
	unsigned k = 0;

	for (unsigned fd = 0; fd < n; fd++) {
		short events = 0;

		for (unsigned s = 0; s < 3; s++)
			if (in_set(set[s], fd))
				events |= asked[s];
		if (events)
			p[k++] = (struct pollfd){(int)fd, events, 0};
	}
	return k;
}

/* poll's answers into the sets; the number of bits. */
static int scatter(const struct pollfd *p, unsigned k, unsigned n,
		   uint64_t *const set[3])
{
	int bits = 0;

	for (unsigned s = 0; s < 3; s++) {
		if (!set[s])
			continue;
		memset(set[s], 0, (n + SET_BITS - 1) / SET_BITS * 8);
		for (unsigned i = 0; i < k; i++) {
			if (!(p[i].events & asked[s]) ||
			    !(p[i].revents & answers[s]))
				continue;
			set[s][p[i].fd / SET_BITS] |= 1ull << p[i].fd %
							      SET_BITS;
			bits++;
		}
	}
	return bits;
}

static bool sets_ok(uint64_t *const set[3], unsigned n)
{
	for (unsigned s = 0; s < 3; s++)
		if (set[s] && !user_writable(set[s], (n + SET_BITS - 1) /
							     SET_BITS * 8))
			return false;
	return true;
}

static long select_until(int n, uint64_t *const set[3], uint64_t deadline)
{
	struct pollfd *p;
	unsigned k;
	int r;

	if (n < 0)
		return -EINVAL;
	if ((unsigned)n > fd_limit())
		n = (int)fd_limit();
	if (!sets_ok(set, (unsigned)n))
		return -EFAULT;
	p = heap_alloc(n ? (unsigned)n * sizeof(*p) : 1);
	if (!p)
		return -ENOMEM;
	k = gather(p, (unsigned)n, set);
	r = poll_files(p, k, deadline);
	for (unsigned i = 0; r > 0 && i < k; i++)
		if (p[i].revents & POLLNVAL)
			r = -EBADF;
	if (r >= 0)
		r = sets_ok(set, (unsigned)n) ? scatter(p, k, (unsigned)n, set)
					      : -EFAULT;
	heap_free(p);
	return r;
}

long sys_select(int n, uint64_t *in, uint64_t *out, uint64_t *except,
		struct timeval *time)
{
	uint64_t *const set[3] = {in, out, except};
	uint64_t deadline = FATA_FOREVER;
	long r;

	if (time) {
		struct timespec t;

		if (!user_readable(time, sizeof(*time)))
			return -EFAULT;
		t = (struct timespec){time->tv_sec, time->tv_usec * 1000};
		if (clock_ns(&t, &deadline))
			return -EINVAL;
		deadline = clock_deadline(deadline);
	}
	r = select_until(n, set, deadline);
	/* Linux says how much time was left. */
	if (time && user_writable(time, sizeof(*time))) {
		uint64_t now = clock_mono_ns();

		*time = clock_timeval(deadline > now ? deadline - now : 0);
	}
	return r;
}

/* The last argument points at a pair: a signal mask and its size. */
long sys_pselect6(int n, uint64_t *in, uint64_t *out, uint64_t *except,
		  const struct timespec *time, const uint64_t *pair)
{
	uint64_t *const set[3] = {in, out, except};
	const uint64_t *mask = NULL;
	uint64_t deadline, old;
	long r = deadline_of(time, &deadline);

	if (!r && pair) {
		if (!user_readable(pair, 16))
			return -EFAULT;
		mask = (const uint64_t *)pair[0];
	}
	if (!r)
		r = signal_mask_begin(mask, pair ? pair[1] : 8, &old);
	if (r)
		return r;
	r = select_until(n, set, deadline);
	signal_mask_end(mask, old);
	return r;
}
