/* SPDX-License-Identifier: ISC */
/*
 * Sending and receiving on sockets within the guest: where they wait, and the
 * calls without ancillary data (local.h).
 */
#include <errno.h>
#include <libc/local.h>
#include <libc/signal.h>
#include <libc/user.h>

ssize_t local_send_all(struct file *f, const struct local_name *name,
		       struct pieces p, int flags, struct extras *x)
{
	uint64_t deadline = local_deadline(f, true);
	struct local *s = local_of(f), *to = NULL;
	ssize_t done = 0, r = 0;

	if (name && s->type == SOCK_DGRAM)
		r = local_find(name, s->type, &to);
	else if (name && !s->connected)
		r = -EOPNOTSUPP;
	while (!r) {
		struct local *at = to ? to : s;
		uint64_t seen = event_count(&at->event);

		r = user_iov(p.v, p.n, false);
		if (r >= 0)
			r = local_send(s, to, &p, x);
		if (r >= 0) {
			done += r;
			if (s->type != SOCK_STREAM || p.n <= 0 || !r)
				break;
			r = 0;
			continue;
		}
		if (r == -EAGAIN)
			r = local_wait(f, at, flags, &seen, deadline);
	}
	if (to)
		local_put(to);
	if (r == -EPIPE && !done && !(flags & MSG_NOSIGNAL))
		signal_self(SIGPIPE);
	return done || r > 0 ? done : r;
}

ssize_t local_receive_some(struct file *f, struct pieces p, int flags,
			   struct extras *x)
{
	uint64_t deadline = local_deadline(f, false);
	struct local *s = local_of(f);
	ssize_t done = 0, r;

	for (;;) {
		uint64_t seen = event_count(&s->event);

		r = user_iov(p.v, p.n, true);
		if (r >= 0)
			r = local_receive(s, &p, flags & MSG_PEEK, x);
		if (r >= 0) {
			done += r;
			if (!r || !(flags & MSG_WAITALL) || flags & MSG_PEEK ||
			    s->type != SOCK_STREAM || p.n <= 0 || x->n)
				break;
			continue;
		}
		if (r == -EAGAIN)
			r = local_wait(f, s, flags, &seen, deadline);
		if (r)
			break;
	}
	return done ? done : r;
}

long call_sendto(int fd, const void *p, size_t n, int flags, const void *to,
		 unsigned size)
{
	struct file *f = local_get(fd);
	struct iovec v = {(void *)(uintptr_t)p, n};
	struct local_name name;
	long r;

	if (!f)
		return NETWORK(sys_sendto, fd, p, n, flags, to, size);
	r = flags & MSG_OOB ? -EOPNOTSUPP : 0;
	if (!r && to)
		r = local_name_in(to, size, &name);
	if (!r)
		r = local_send_all(f, to ? &name : NULL,
				   (struct pieces){&v, 1, 0}, flags, NULL);
	file_put(f);
	return r;
}

long call_recvfrom(int fd, void *p, size_t n, int flags, void *from,
		   unsigned *size)
{
	struct file *f = local_get(fd);
	struct iovec v = {p, n};
	struct extras x;
	long r;

	if (!f)
		return NETWORK(sys_recvfrom, fd, p, n, flags, from, size);
	x.n = 0;
	x.whole = 0;
	x.from.size = 0;
	r = flags & MSG_OOB ? -EOPNOTSUPP
			    : local_receive_some(f, (struct pieces){&v, 1, 0},
						 flags, &x);
	extras_drop(&x); /* there is no place for files here */
	if (r >= 0 && flags & MSG_TRUNC &&
	    local_of(f)->type != SOCK_STREAM)
		r = (long)x.whole;
	if (r >= 0 && from) {
		int err = local_name_out(&x.from, from, size);

		r = err ? err : r;
	}
	file_put(f);
	return r;
}
