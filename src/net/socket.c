/* SPDX-License-Identifier: ISC */
/*
 * Sockets of every kind; streams have their own parts in socket_tcp.c.
 */
#include <errno.h>
#include <fata/heap.h>
#include <lwip/raw.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>
#include <net/socket.h>
#include <net/stack.h>
#include <poll.h>
#include <string.h>

/* Bytes of datagrams that wait for the program at the most. */
#define QUEUE_MAX (256 * 1024)

int socket_errno(int err)
{
	static const uint8_t map[] = {
		[-ERR_OK] = 0,		    [-ERR_MEM] = ENOMEM,
		[-ERR_BUF] = ENOBUFS,	    [-ERR_TIMEOUT] = ETIMEDOUT,
		[-ERR_RTE] = ENETUNREACH,   [-ERR_INPROGRESS] = EINPROGRESS,
		[-ERR_VAL] = EINVAL,	    [-ERR_WOULDBLOCK] = EAGAIN,
		[-ERR_USE] = EADDRINUSE,    [-ERR_ALREADY] = EALREADY,
		[-ERR_ISCONN] = EISCONN,    [-ERR_CONN] = ENOTCONN,
		[-ERR_IF] = ENETDOWN,	    [-ERR_ABRT] = ETIMEDOUT,
		[-ERR_RST] = ECONNRESET,    [-ERR_CLSD] = ENOTCONN,
		[-ERR_ARG] = EIO,
	};

	return err <= 0 && -err < (int)sizeof(map) ? -map[-err] : -EIO;
}

static void queue(struct socket *s, struct pbuf *p, const ip_addr_t *from,
		  u16_t port)
{
	struct socket_packet *k = NULL;

	if (!s->no_read && s->queued + p->tot_len <= QUEUE_MAX)
		k = heap_alloc(sizeof(*k));
	if (!k) {
		pbuf_free(p);
		return;
	}
	*k = (struct socket_packet){.p = p, .from = {*from, port}};
	if (s->first)
		s->last->next = k;
	else
		s->first = k;
	s->last = k;
	s->queued += p->tot_len;
	event_signal(&s->event);
}

static void udp_received(void *arg, struct udp_pcb *pcb, struct pbuf *p,
			 const ip_addr_t *from, u16_t port)
{
	(void)pcb;
	queue(arg, p, from, port);
}

/*
 * Every raw socket of the protocol sees a copy, over IPv6 without the headers
 * before it (RFC 3542, 3); lwIP goes on with its own.
 */
static u8_t raw_received(void *arg, struct raw_pcb *pcb, struct pbuf *p,
			 const ip_addr_t *from)
{
	struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

	(void)pcb;
	if (copy) {
		stack_copied += p->tot_len;
		if (IP_IS_V6(from))
			pbuf_remove_header(copy, ip_current_header_tot_len());
		queue(arg, copy, from, 0);
	}
	return 0;
}

static bool sums_icmp6(const struct socket *s)
{
	return s->kind == SOCKET_RAW && s->v6 && s->protocol == IP6_NEXTH_ICMP6;
}

static void *new_pcb(struct socket *s)
{
	u8_t type = s->v6 ? IPADDR_TYPE_ANY : IPADDR_TYPE_V4;

	switch (s->kind) {
	case SOCKET_TCP:
		return tcp_new_ip_type(type);
	case SOCKET_UDP:
		return udp_new_ip_type(type);
	default:
		return raw_new_ip_type(s->v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4,
				       s->protocol);
	}
}

#define ICMP6_SUM 2 /* where a message has its checksum */

/* That of ICMPv6 is the system's to make (RFC 3542, 3.1). */
static void start_raw(struct socket *s)
{
	struct raw_pcb *pcb = s->pcb;

	raw_recv(pcb, raw_received, s);
	if (!sums_icmp6(s))
		return;
	pcb->chksum_reqd = 1;
	pcb->chksum_offset = ICMP6_SUM;
}

int socket_new(enum socket_kind kind, bool v6, uint8_t protocol,
	       struct socket **out)
{
	struct socket *s;
	int rc = stack_start();

	if (rc)
		return rc;
	s = heap_calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->kind = kind;
	s->v6 = v6;
	s->protocol = protocol;
	s->pcb = new_pcb(s);
	if (!s->pcb) {
		heap_free(s);
		return -ENOMEM;
	}
	if (kind == SOCKET_TCP)
		tcp_socket_start(s);
	else if (kind == SOCKET_UDP)
		udp_recv(s->pcb, udp_received, s);
	else
		start_raw(s);
	*out = s;
	return 0;
}

/*
 * Datagrams that an interface has no room for are not dropped: their socket
 * waits, as one of Linux's waits for its share of the interface's queue.
 */
static struct socket *crowded;

void socket_room(void)
{
	while (crowded) {
		struct socket *s = crowded;

		crowded = s->next;
		s->next = NULL;
		s->crowded = false;
		event_signal(&s->event);
	}
}

static void leave_crowd(struct socket *s)
{
	struct socket **at = &crowded;

	if (!s->crowded)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
}

void socket_close(struct socket *s)
{
	leave_crowd(s);
	if (s->kind == SOCKET_TCP) {
		tcp_socket_close(s);
	} else {
		while (s->first) {
			struct socket_packet *k = s->first;

			s->first = k->next;
			pbuf_free(k->p);
			heap_free(k);
		}
		if (s->kind == SOCKET_UDP)
			udp_remove(s->pcb);
		else
			raw_remove(s->pcb);
	}
	heap_free(s);
}

int socket_bind(struct socket *s, const struct endpoint *e)
{
	ip_addr_t a = e->address;
	int rc;

	if (!s->pcb || s->listening || s->connected)
		return -EINVAL;
	if (s->kind == SOCKET_TCP && ((struct tcp_pcb *)s->pcb)->local_port)
		return -EINVAL; /* once; lwIP would not notice */
	rc = scope_bind(s, &a);
	if (rc)
		return rc;
	if (s->v6 && !s->v6_only && ip_addr_isany(&a))
		a = *IP_ANY_TYPE;
	if (s->reuse)
		ip_set_option((struct ip_pcb *)s->pcb, SOF_REUSEADDR);
	switch (s->kind) {
	case SOCKET_TCP:
		return socket_errno(tcp_bind(s->pcb, &a, e->port));
	case SOCKET_UDP:
		return socket_errno(udp_bind(s->pcb, &a, e->port));
	default:
		return socket_errno(raw_bind(s->pcb, &a));
	}
}

int socket_listen(struct socket *s, int backlog)
{
	return s->kind == SOCKET_TCP ? tcp_socket_listen(s, backlog)
				     : -EOPNOTSUPP;
}

int socket_accept(struct socket *s, struct socket **out)
{
	struct socket *n = s->pending;

	if (!s->listening)
		return -EINVAL;
	if (!n)
		return -EAGAIN;
	s->pending = n->next;
	n->next = NULL;
	if (n->pcb)
		tcp_backlog_accepted((struct tcp_pcb *)n->pcb);
	*out = n;
	return 0;
}

int socket_connect(struct socket *s, const struct endpoint *e)
{
	struct endpoint to = *e;
	int rc;

	if (s->kind == SOCKET_TCP)
		return tcp_socket_connect(s, e);
	rc = scope_reach(s, &to.address, false);
	if (!rc)
		rc = socket_errno(
			s->kind == SOCKET_UDP
				? udp_connect(s->pcb, &to.address, to.port)
				: raw_connect(s->pcb, &to.address));
	if (rc)
		return rc;
	s->peer = to;
	s->connected = true;
	return 0;
}

static ssize_t send_datagram(struct socket *s, const void *data, size_t n,
			     const struct endpoint *to)
{
	struct endpoint there;
	struct pbuf *p;
	err_t err;
	int rc = 0;

	if (!to && !s->connected)
		return -EDESTADDRREQ;
	if (n > 65507)
		return -EMSGSIZE;
	if (sums_icmp6(s) && n < ICMP6_SUM + 2)
		return -EINVAL;
	if (to) {
		there = *to;
		rc = scope_reach(s, &there.address, true);
	}
	if (rc)
		return rc;
	p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)n, PBUF_RAM);
	if (!p)
		return -ENOBUFS;
	pbuf_take(p, data, (u16_t)n);
	stack_copied += n;
	if (sums_icmp6(s))
		memset((char *)p->payload + ICMP6_SUM, 0, 2);
	if (s->kind == SOCKET_UDP)
		err = to ? udp_sendto(s->pcb, p, &there.address, there.port)
			 : udp_send(s->pcb, p);
	else
		err = to ? raw_sendto(s->pcb, p, &there.address)
			 : raw_send(s->pcb, p);
	pbuf_free(p);
	stack_flush();
	if (err != ERR_MEM)
		return err == ERR_OK ? (ssize_t)n : socket_errno(err);
	if (!frames_full())
		return -ENOBUFS;
	if (!s->crowded) {
		s->crowded = true;
		s->next = crowded;
		crowded = s;
	}
	return -EAGAIN;
}

ssize_t socket_send(struct socket *s, const void *data, size_t n,
		    const struct endpoint *to, bool more)
{
	if (s->kind == SOCKET_TCP)
		return tcp_socket_send(s, data, n, more);
	return s->no_write ? -EPIPE : send_datagram(s, data, n, to);
}

ssize_t socket_receive(struct socket *s, void *data, size_t n, bool peek,
		       struct endpoint *from, size_t *whole)
{
	struct socket_packet *k = s->first;
	u16_t got;

	if (s->kind == SOCKET_TCP)
		return tcp_socket_receive(s, data, n, peek);
	if (!k)
		return s->no_read ? 0
		       : s->error ? -socket_take_error(s)
				  : -EAGAIN;
	got = pbuf_copy_partial(k->p, data, n > 0xffff ? 0xffff : (u16_t)n, 0);
	stack_copied += got;
	if (from)
		*from = k->from;
	if (whole)
		*whole = k->p->tot_len;
	if (peek)
		return got;
	s->queued -= k->p->tot_len;
	s->first = k->next;
	pbuf_free(k->p);
	heap_free(k);
	return got;
}

int socket_shutdown(struct socket *s, bool read, bool write)
{
	if (!s->connected)
		return -ENOTCONN;
	s->no_read |= read;
	if (write && !s->no_write) {
		s->no_write = true;
		if (s->kind == SOCKET_TCP)
			tcp_socket_shutdown(s);
	}
	event_signal(&s->event);
	return 0;
}

short socket_poll(struct socket *s)
{
	if (s->kind == SOCKET_TCP)
		return tcp_socket_poll(s);
	return (s->crowded ? 0 : POLLOUT | POLLWRNORM) |
	       (s->first || s->no_read ? POLLIN | POLLRDNORM : 0);
}

size_t socket_available(const struct socket *s)
{
	if (s->kind == SOCKET_TCP)
		return s->queued;
	return s->first ? s->first->p->tot_len : 0;
}

int socket_take_error(struct socket *s)
{
	int error = s->error;

	s->error = 0;
	return error;
}

/* Of a datagram socket that has a peer: where it will send from. */
static void choose_source(struct socket *s)
{
	struct netif *netif;
	const ip_addr_t *a;

	if (s->kind == SOCKET_TCP || !s->connected ||
	    !ip_addr_isany(&s->local.address))
		return;
	netif = ip_route(&s->local.address, &s->peer.address);
	a = netif ? ip_netif_get_local_ip(netif, &s->peer.address) : NULL;
	if (a)
		s->local.address = *a;
}

void socket_names(struct socket *s, struct endpoint *local,
		  struct endpoint *peer)
{
	struct ip_pcb *ip = s->pcb;

	if (ip) {
		s->local.address = ip->local_ip;
		s->peer.address = ip->remote_ip;
	}
	if (ip && s->kind == SOCKET_TCP) {
		struct tcp_pcb *t = s->pcb;

		s->local.port = t->local_port;
		s->peer.port = s->listening ? 0 : t->remote_port;
	} else if (ip && s->kind == SOCKET_UDP) {
		s->local.port = ((struct udp_pcb *)ip)->local_port;
		s->peer.port = ((struct udp_pcb *)ip)->remote_port;
	}
	choose_source(s);
	*local = s->local;
	*peer = s->peer;
}
