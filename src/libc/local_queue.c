/* SPDX-License-Identifier: ISC */
/*
 * What is sent to sockets within the guest: messages in queues (local.h).
 *
 * A stream is a queue of messages too; reading goes over their borders, but not
 * on behind one that carries files. Sockets that are sent along and then hold
 * only each other are never freed: nobody looks for such circles.
 */
#include <errno.h>
#include <fata/heap.h>
#include <libc/local.h>
#include <string.h>

struct message {
	struct list link;
	size_t size, at; /* at: how much of a stream's has been read */
	struct local_name from;
	struct file **files;
	unsigned n_files;
	char data[];
};

static void free_message(struct message *m)
{
	for (unsigned i = 0; i < m->n_files; i++)
		file_put(m->files[i]);
	heap_free(m->files);
	heap_free(m);
}

void local_empty(struct local *s)
{
	struct list *l;

	while ((l = list_pop(&s->queue)) != NULL)
		free_message(list_entry(l, struct message, link));
	s->queued = 0;
}

size_t local_readable(const struct local *s)
{
	size_t n = 0;

	list_for_each (l, &s->queue) {
		struct message *m = list_entry(l, struct message, link);

		n += m->size - m->at;
		if (s->type != SOCK_STREAM)
			break;
	}
	return n;
}

static size_t length(const struct pieces *p)
{
	size_t sum = 0;

	for (int i = 0; i < p->n; i++)
		sum += p->v[i].iov_len;
	return sum - p->at;
}

/* Copy n bytes between a block and the pieces, which move on. */
static void copy(struct pieces *p, char *block, size_t n, bool out)
{
	while (n) {
		size_t part = p->v->iov_len - p->at;
		char *at = (char *)p->v->iov_base + p->at;

		part = part < n ? part : n;
		memcpy(out ? at : block, out ? block : at, part);
		block += part;
		n -= part;
		p->at += part;
		if (p->at == p->v->iov_len) {
			p->v++;
			p->n--;
			p->at = 0;
		}
	}
}

/* What keeps s from sending to `to`. */
static int may_send(struct local *s, struct local *to)
{
	if (s->no_write)
		return -EPIPE;
	if (!to && s->type == SOCK_DGRAM)
		return -EDESTADDRREQ;
	if (!to)
		return s->connected ? -EPIPE : -ENOTCONN;
	if (to->closed)
		return s->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	if (s->type == SOCK_DGRAM && to->peer && to->peer != s)
		return -EPERM;
	return to->no_read ? -EPIPE : 0;
}

/* How many of n bytes `to` has room for now; -EAGAIN, -EMSGSIZE. */
static ssize_t room_for(const struct local *to, size_t n)
{
	size_t room = to->queued < LOCAL_LIMIT ? LOCAL_LIMIT - to->queued : 0;

	if (to->type != SOCK_STREAM && n > LOCAL_LIMIT)
		return -EMSGSIZE;
	if (to->type != SOCK_STREAM)
		return room && (n <= room || !to->queued) ? (ssize_t)n
							   : -EAGAIN;
	return room ? (ssize_t)(n < room ? n : room) : -EAGAIN;
}

static struct message *new_message(const struct local *s, size_t n,
				   struct extras *x)
{
	struct message *m = heap_alloc(sizeof(*m) + n);

	if (!m)
		return NULL;
	*m = (struct message){.size = n, .from = s->name};
	if (x && x->n) {
		m->files = heap_alloc(x->n * sizeof(*m->files));
		if (!m->files) {
			heap_free(m);
			return NULL;
		}
		memcpy(m->files, x->files, x->n * sizeof(*m->files));
		m->n_files = x->n;
		x->n = 0;
	}
	return m;
}

ssize_t local_send(struct local *s, struct local *to, struct pieces *p,
		   struct extras *x)
{
	size_t n = length(p);
	struct message *m;
	ssize_t r;

	to = to ? to : s->peer;
	r = may_send(s, to);
	if (!r && !n && s->type == SOCK_STREAM)
		return 0;
	if (!r)
		r = room_for(to, n);
	if (r < 0)
		return r;
	m = new_message(s, (size_t)r, x);
	if (!m)
		return -ENOMEM;
	copy(p, m->data, m->size, false);
	list_add_last(&to->queue, &m->link);
	/* an empty datagram takes room as well */
	to->queued += m->size + 1;
	event_signal(&to->event);
	return r;
}

static void give_files(struct message *m, struct extras *x)
{
	if (!x || !m->n_files)
		return;
	memcpy(x->files, m->files, m->n_files * sizeof(*m->files));
	x->n = m->n_files;
	m->n_files = 0;
}

/* Of one message as much as there is room for; it goes when it is used up. */
static size_t take(struct local *s, struct message *m, struct pieces *p,
		   bool peek, struct extras *x)
{
	size_t n = m->size - m->at, room = length(p);

	if (x) {
		x->from = m->from;
		x->whole = n;
	}
	n = n < room ? n : room;
	copy(p, m->data + m->at, n, true);
	if (peek)
		return n;
	give_files(m, x);
	if (s->type == SOCK_STREAM && m->at + n < m->size) {
		m->at += n;
		s->queued -= n;
		return n;
	}
	s->queued -= m->size - m->at + 1;
	list_remove(&m->link);
	free_message(m);
	return n;
}

/* What an empty queue means. */
static ssize_t nothing(const struct local *s)
{
	if (s->listening)
		return -EINVAL;
	if (s->no_read)
		return 0;
	if (s->type == SOCK_DGRAM)
		return -EAGAIN;
	if (!s->connected)
		return -ENOTCONN;
	return s->peer && !s->peer->no_write ? -EAGAIN : 0;
}

/* Whoever waits to send to s has room. */
static void tell_room(struct local *s)
{
	event_signal(&s->event);
	if (s->peer)
		event_signal(&s->peer->event);
	list_for_each (l, &s->senders)
		event_signal(&list_entry(l, struct local, sending)->event);
}

ssize_t local_receive(struct local *s, struct pieces *p, bool peek,
		      struct extras *x)
{
	size_t done = 0;

	if (list_empty(&s->queue))
		return nothing(s);
	list_for_each (l, &s->queue) {
		struct message *m = list_entry(l, struct message, link);
		bool files = m->n_files;

		done += take(s, m, p, peek, x);
		if (s->type != SOCK_STREAM || files || !length(p))
			break;
	}
	if (!peek)
		tell_room(s);
	return (ssize_t)done;
}
