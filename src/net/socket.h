/* SPDX-License-Identifier: ISC */
/*
 * Sockets over lwIP, for libc: TCP, UDP and raw IP. No call blocks: what cannot
 * go on is -EAGAIN (or -EINPROGRESS), and the socket's event is signalled when
 * it may.
 */
#ifndef FATA_NET_SOCKET_H
#define FATA_NET_SOCKET_H

#include <fata/event.h>
#include <lwip/ip_addr.h>
#include <stdbool.h>
#include <sys/types.h>

/* One end of a connection. */
struct endpoint {
	ip_addr_t address;
	uint16_t port; /* host order */
};

enum socket_kind {
	SOCKET_TCP,
	SOCKET_UDP,
	SOCKET_RAW,
};

/* A datagram that has arrived, or a part of a stream. */
struct socket_packet {
	struct socket_packet *next;
	struct pbuf *p;
	struct endpoint from;
};

struct tcp_pcb;

struct socket {
	enum socket_kind kind;
	bool v6, v6_only, reuse;
	bool listening, connected, connecting;
	bool eof, no_read, no_write;
	bool asked;   /* a stream: the program wants to know of data */
	bool crowded; /* datagrams: the interface's queue was full */
	uint8_t protocol; /* of a raw socket */
	int error;	  /* errno, told once by SO_ERROR or the next call */
	/* options that libc keeps here, with linger_s; RST at the end */
	bool reset_at_close, linger, corked;
	void *pcb; /* struct tcp_pcb, udp_pcb or raw_pcb; NULL: dead */
	struct event event;
	/* received and not read yet */
	struct socket_packet *first, *last;
	uint32_t stream_at; /* a stream's offset in the first */
	uint32_t queued;    /* bytes */
	/* tcp_memory.c: bytes; those that were read since it was set */
	uint32_t window, taken;
	/* tcp_time.c: ticks; when nothing was due, and a time-out that stays */
	uint32_t heard;
	int16_t doubled, sa, sv; /* ... and what lwIP knew before that */
	int linger_s;
	/* accepted connections that wait */
	struct socket *pending, *pending_last;
	struct socket *next; /* in that list, or in that of the crowded */
	struct endpoint local, peer;
};

/* 0 and *s; -ENOMEM. Starts the stack. */
int socket_new(enum socket_kind kind, bool v6, uint8_t protocol,
	       struct socket **s);

/* Close for the program; what was sent is still delivered. Frees s. */
void socket_close(struct socket *s);

/* 0, -EADDRINUSE, -EADDRNOTAVAIL, -ENODEV, -EINVAL */
int socket_bind(struct socket *s, const struct endpoint *e);

/* 0, -EOPNOTSUPP, -ENOMEM, -EADDRINUSE */
int socket_listen(struct socket *s, int backlog);

/* 0 and *accepted; -EAGAIN, -EINVAL */
int socket_accept(struct socket *s, struct socket **accepted);

/*
 * Datagrams: the peer from now on. TCP: -EINPROGRESS, and later poll tells; or
 * -EISCONN, -EALREADY, -ENETUNREACH ...
 */
int socket_connect(struct socket *s, const struct endpoint *e);

/*
 * Bytes taken; -EAGAIN, -EPIPE, -ENOTCONN, -EMSGSIZE, -EDESTADDRREQ ... `to`
 * may be NULL.
 */
ssize_t socket_send(struct socket *s, const void *data, size_t n,
		    const struct endpoint *to, bool more);

/*
 * Bytes received, 0 at the end of a stream; -EAGAIN, -ENOTCONN, the socket's
 * error. *whole (may be NULL): the datagram's real size.
 */
ssize_t socket_receive(struct socket *s, void *data, size_t n, bool peek,
		       struct endpoint *from, size_t *whole);

/* 0 or -ENOTCONN */
int socket_shutdown(struct socket *s, bool read, bool write);

/* POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP that hold now. */
short socket_poll(struct socket *s);

/* Bytes that can be read now. */
size_t socket_available(const struct socket *s);

/* The pending error, which is forgotten. */
int socket_take_error(struct socket *s);

/* Both ends as they are now. */
void socket_names(struct socket *s, struct endpoint *local,
		  struct endpoint *peer);

/* errno, negative, for an err_t of lwIP's. */
int socket_errno(int err);

/* The interfaces have room again: called by the stack. */
void socket_room(void);

/*
 * scope.c: an address's sin6_scope_id; then, before it is used, which interface
 * that is and whether there is such a one. `choose`: of several, the first. 0,
 * -EINVAL, -ENETUNREACH, -ENODEV, -EADDRNOTAVAIL.
 */
void scope_set(ip_addr_t *a, uint32_t number);
int scope_reach(const struct socket *s, ip_addr_t *a, bool choose);
int scope_bind(const struct socket *s, ip_addr_t *a);

/* socket_tcp.c: a stream's own parts. */
int tcp_socket_listen(struct socket *s, int backlog);
int tcp_socket_connect(struct socket *s, const struct endpoint *e);
ssize_t tcp_socket_send(struct socket *s, const void *data, size_t n,
			bool more);
ssize_t tcp_socket_receive(struct socket *s, void *data, size_t n, bool peek);
void tcp_socket_close(struct socket *s);
void tcp_socket_ended(struct tcp_pcb *pcb);
int tcp_socket_shutdown(struct socket *s);
short tcp_socket_poll(struct socket *s);
void tcp_socket_start(struct socket *s);

#endif
