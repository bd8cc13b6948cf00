/* SPDX-License-Identifier: ISC */
/*
 * The stack's sockets as descriptors (sock.h draws it): sock_fd.c keeps the
 * table and mirrors sockets, stack_sock.c makes the calls.
 *
 * Interface: a struct sock lives as long as a name or a call refers to it.
 */
#ifndef FATA_UNIX_SOCK_FD_H
#define FATA_UNIX_SOCK_FD_H

#include <fata/base.h>

struct socket;

struct sock {
	struct socket *s;
	int fd;        /* the program's, the first of its names */
	int end;       /* ours of the pair */
	unsigned refs; /* names, and calls under way */
	bool closed, mirrored, readable, full;
	uint64_t timeout[2]; /* ns of SO_RCVTIMEO, SO_SNDTIMEO; 0: none */
};

/* The socket behind a descriptor, or NULL. */
struct sock *sock_of(int fd);

/* As sock_ops in sock.h. */
bool sock_has(int fd);
void sock_polled(int fd);
void sock_closed(int fd);
void sock_duplicated(int fd, int copy);

/* Give back a reference. */
void sock_put(struct sock *k);

/* After each call: what it took away must not be seen by the next poll. */
void sock_settle(struct sock *k);

/* A descriptor for s, which it owns, also on an error; SOCK_* flags. */
int sock_new_fd(struct socket *s, int flags);

#endif
