/* SPDX-License-Identifier: ISC */
/*
 * Network interfaces of any kind: what programs call (fata/net.h), and how they
 * wait. What a kind does itself is behind net.h.
 */
#include <core/net.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/task.h>

static bool passed(uint64_t deadline)
{
	return deadline != FATA_FOREVER && clock_mono_ns() >= deadline;
}

int net_receive(struct net *n, struct net_frame **frames, unsigned max,
		uint64_t deadline)
{
	bool last = false;

	for (;;) {
		uint64_t seen = event_count(&n->on->readable);
		int got = n->ops->receive(n, frames, max), rc;

		/*
		 * All are taken: armed now, also when there is something to
		 * return, so that who waits for net_readable is woken.
		 */
		if (got == (int)max || n->ops->arm_receive(n))
			event_signal(&n->on->readable);
		if (got)
			return got;
		if (n->gone)
			return -ENODEV;
		if (last)
			return -ETIMEDOUT;
		/* Nothing but frames to drop: the others get their turn. */
		if (event_count(&n->on->readable) != seen && deadline)
			fata_yield();
		rc = deadline ? event_wait(&n->on->readable, &seen, deadline)
			      : -ETIMEDOUT;
		if (rc == -ECANCELED || !deadline)
			return rc;
		last = rc || passed(deadline);
	}
}

int net_send(struct net *n, struct net_frame **frames, unsigned count,
	     uint64_t deadline)
{
	unsigned done = 0;

	while (done < count) {
		uint64_t seen = event_count(&n->on->writable);
		int rc = n->gone ? -ENODEV
				 : n->ops->send(n, frames + done, count - done);

		if (rc < 0)
			return done ? (int)done : rc;
		done += (unsigned)rc;
		if (rc)
			continue;
		/* Full: be told of room, unless it is there. */
		if (n->ops->arm_send(n))
			continue;
		n->stat.tx_waits++;
		rc = event_wait(&n->on->writable, &seen, deadline);
		if (rc)
			return done ? (int)done : rc;
	}
	return (int)done;
}

struct event *net_readable(struct net *n)
{
	return &n->on->readable;
}

struct event *net_writable(struct net *n)
{
	return &n->on->writable;
}

struct event *net_changed(struct net *n)
{
	return &n->on->changed;
}

void net_info(struct net *n, struct net_info *info)
{
	if (n->ops->refresh)
		n->ops->refresh(n);
	*info = n->info;
}

void net_stat(struct net *n, struct net_stat *s)
{
	*s = n->stat;
}

int net_join(struct net *n, const unsigned char *group)
{
	if (!(group[0] & 1))
		return -EINVAL;
	return n->ops->join ? n->ops->join(n, group) : 0;
}

int net_leave(struct net *n, const unsigned char *group)
{
	if (!(group[0] & 1))
		return -ENOENT;
	return n->ops->leave ? n->ops->leave(n, group) : 0;
}

int net_filter(struct net *n, bool on)
{
	return n->ops->filter ? n->ops->filter(n, on) : -EOPNOTSUPP;
}
