/* SPDX-License-Identifier: ISC */
/*
 * Streams. lwIP calls back into the socket; the socket may be gone before its
 * connection is (then the callbacks have been taken away), and the connection
 * before the socket (then pcb is NULL).
 */
#include <errno.h>
#include <fata/heap.h>
#include <lwip/tcp.h>
#include <net/socket.h>
#include <net/stack.h>
#include <poll.h>
#include <string.h>

/* A stream is writable when there is room for so much. */
#define STREAM_ROOM 32768

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct socket *s = arg;

	(void)pcb;
	(void)err;
	if (!p)
		s->eof = true;
	else if (s->no_read) {
		tcp_memory_read(s, p->tot_len);
		pbuf_free(p);
	} else {
		struct socket_packet *k = heap_alloc(sizeof(*k));

		if (!k)
			return ERR_MEM; /* lwIP offers it again */
		*k = (struct socket_packet){.p = p};
		if (s->first)
			s->last->next = k;
		else
			s->first = k;
		s->last = k;
		s->queued += p->tot_len;
		tcp_memory_came(s, pcb);
	}
	event_signal(&s->event);
	return ERR_OK;
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t n)
{
	struct socket *s = arg;

	(void)n;
	tcp_time_acked(s, pcb);
	tcp_cut_acked(pcb);
	event_signal(&s->event);
	return ERR_OK;
}

/*
 * Both ends are closed, and lwIP forgets the connection without a word; the
 * program may have it open still.
 */
void tcp_socket_ended(struct tcp_pcb *pcb)
{
	struct socket *s = pcb->callback_arg;
	struct endpoint local, peer;

	tcp_cut_forget(pcb);
	if (!s)
		return;
	socket_names(s, &local, &peer); /* they are kept in it */
	s->pcb = NULL;
	event_signal(&s->event);
}

/* The connection is gone: reset, timed out, refused. */
static void failed(void *arg, err_t err)
{
	struct socket *s = arg;

	tcp_cut_forget(s->pcb);
	s->pcb = NULL;
	s->error = err == ERR_RST && s->connecting ? ECONNREFUSED
						   : -socket_errno(err);
	s->connecting = s->connected = false;
	event_signal(&s->event);
}

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct socket *s = arg;

	(void)err;
	tcp_cut_connected(pcb);
	tcp_time_connected(s, pcb);
	tcp_memory_start(s, pcb);
	s->connecting = false;
	s->connected = true;
	event_signal(&s->event);
	return ERR_OK;
}

void tcp_socket_start(struct socket *s)
{
	tcp_arg(s->pcb, s);
	tcp_recv(s->pcb, received);
	tcp_sent(s->pcb, sent);
	tcp_err(s->pcb, failed);
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct socket *s = arg, *n;

	if (err != ERR_OK || !pcb)
		return ERR_VAL;
	n = heap_calloc(1, sizeof(*n));
	if (!n) {
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	n->kind = SOCKET_TCP;
	n->v6 = s->v6;
	n->connected = true;
	n->pcb = pcb;
	tcp_cut_connected(pcb);
	tcp_time_connected(n, pcb);
	tcp_memory_start(n, pcb);
	tcp_socket_start(n);
	tcp_backlog_delayed(pcb);
	if (s->pending)
		s->pending_last->next = n;
	else
		s->pending = n;
	s->pending_last = n;
	event_signal(&s->event);
	return ERR_OK;
}

int tcp_socket_listen(struct socket *s, int backlog)
{
	struct tcp_pcb *l;
	err_t err;

	backlog = backlog < 1 ? 1 : backlog > 255 ? 255 : backlog;
	if (s->listening) {
		tcp_backlog_set((struct tcp_pcb_listen *)s->pcb, (u8_t)backlog);
		return 0;
	}
	if (!s->pcb || s->connected || s->connecting)
		return -EINVAL;
	l = tcp_listen_with_backlog_and_err(s->pcb, (u8_t)backlog, &err);
	if (!l)
		return socket_errno(err);
	s->pcb = l;
	s->listening = true;
	tcp_arg(l, s);
	tcp_accept(l, accepted);
	tcp_time_listen(l);
	tcp_find_listen(l);
	return 0;
}

int tcp_socket_connect(struct socket *s, const struct endpoint *e)
{
	ip_addr_t to = e->address;
	struct tcp_pcb *p = s->pcb;
	u16_t bound;
	err_t err;
	int rc;

	if (s->connected)
		return -EISCONN;
	if (s->connecting)
		return -EALREADY;
	if (!p || s->listening)
		return s->error ? -socket_take_error(s) : -EINVAL;
	rc = scope_reach(s, &to, false);
	if (rc)
		return rc;
	if (tcp_find_prepare(p))
		return -ENOMEM;
	bound = p->local_port;
	if (!bound)
		p->local_port = tcp_port_for(&to, e->port);
	if (!p->local_port)
		return -EADDRNOTAVAIL;
	tcp_time_connect(p);
	err = tcp_connect(p, &to, e->port, connected);
	if (err != ERR_OK) {
		p->local_port = bound;
		return socket_errno(err);
	}
	tcp_find_add(p);
	s->connecting = true;
	return -EINPROGRESS;
}

ssize_t tcp_socket_send(struct socket *s, const void *data, size_t n, bool more)
{
	const char *p = data;
	size_t done = 0, chunk;

	if (s->error)
		return -socket_take_error(s);
	if (s->connecting)
		return -EAGAIN;
	if (!s->pcb || s->no_write)
		return s->connected || s->no_write || !s->pcb ? -EPIPE
							      : -ENOTCONN;
	if (!s->connected)
		return -ENOTCONN;
	/* whole segments, as many as 16 bits can count */
	chunk = 0xffff - 0xffff % tcp_cut_prepare(s->pcb);
	while (done < n) {
		size_t room = tcp_cut_room(s->pcb);
		size_t part = n - done;
		u8_t flags = TCP_WRITE_FLAG_COPY;

		part = part < room ? part : room;
		part = part < chunk ? part : chunk;
		if (!part)
			break;
		if (done + part < n || more)
			flags |= TCP_WRITE_FLAG_MORE;
		if (tcp_write(s->pcb, p + done, (u16_t)part, flags) != ERR_OK)
			break;
		done += part;
	}
	stack_copied += done;
	if (done && tcp_cut_output(s->pcb))
		stack_wake();
	stack_flush();
	return done || !n ? (ssize_t)done : -EAGAIN;
}

/* Forget n bytes at the front of the stream. */
static void consume(struct socket *s, size_t n)
{
	s->queued -= (uint32_t)n;
	tcp_memory_read(s, n);
	while (n) {
		struct socket_packet *k = s->first;
		size_t rest = k->p->tot_len - s->stream_at;

		if (n < rest) {
			s->stream_at += (uint32_t)n;
			return;
		}
		n -= rest;
		s->stream_at = 0;
		s->first = k->next;
		pbuf_free(k->p);
		heap_free(k);
	}
}

ssize_t tcp_socket_receive(struct socket *s, void *data, size_t n, bool peek)
{
	size_t got = 0;
	uint32_t at = s->stream_at;

	if (s->connected && !s->asked)
		tcp_memory_asked(s);
	for (struct socket_packet *k = s->first; k && got < n; k = k->next) {
		size_t part = k->p->tot_len - at;

		part = part < n - got ? part : n - got;
		pbuf_copy_partial(k->p, (char *)data + got, (u16_t)part,
				  (u16_t)at);
		got += part;
		at = 0;
	}
	stack_copied += got;
	if (got && !peek) {
		consume(s, got);
		stack_flush();
	}
	if (got || !n || s->eof || s->no_read)
		return (ssize_t)got;
	if (s->error)
		return -socket_take_error(s);
	return s->pcb && (s->connected || s->connecting) ? -EAGAIN : -ENOTCONN;
}

int tcp_socket_shutdown(struct socket *s)
{
	if (s->pcb && s->connected)
		tcp_shutdown(s->pcb, 0, 1);
	stack_flush();
	return 0;
}

static void drop_stream(struct socket *s)
{
	while (s->first) {
		struct socket_packet *k = s->first;

		s->first = k->next;
		pbuf_free(k->p);
		heap_free(k);
	}
}

void tcp_socket_close(struct socket *s)
{
	bool unread = s->first || s->reset_at_close;

	while (s->pending) {
		struct socket *n = s->pending;

		s->pending = n->next;
		tcp_socket_close(n);
		heap_free(n);
	}
	drop_stream(s);
	if (!s->pcb)
		return;
	tcp_cut_forget(s->pcb);
	tcp_arg(s->pcb, NULL);
	if (s->listening) {
		tcp_accept(s->pcb, NULL);
	} else {
		tcp_recv(s->pcb, NULL);
		tcp_sent(s->pcb, NULL);
		tcp_err(s->pcb, NULL);
		tcp_poll(s->pcb, NULL, 0);
		tcp_memory_close(s->pcb);
	}
	/* Unread data is told to the peer by a reset (RFC 2525, 2.17). */
	if (!s->listening && unread)
		tcp_abort(s->pcb);
	else if (tcp_close(s->pcb) != ERR_OK && !s->listening)
		tcp_abort(s->pcb);
	s->pcb = NULL;
	stack_flush();
}

short tcp_socket_poll(struct socket *s)
{
	short events = 0;

	if (s->listening)
		return s->pending ? POLLIN | POLLRDNORM : 0;
	if (s->connected && !s->asked)
		tcp_memory_asked(s);
	if (s->first || s->eof || s->no_read || s->error)
		events |= POLLIN | POLLRDNORM;
	if (s->eof)
		events |= POLLRDHUP;
	if (s->error)
		events |= POLLERR | POLLOUT;
	if (!s->pcb && !s->connecting)
		events |= POLLHUP | POLLOUT;
	if (s->connected && s->pcb && tcp_cut_room(s->pcb) >= STREAM_ROOM)
		events |= POLLOUT | POLLWRNORM;
	return events;
}
