/* SPDX-License-Identifier: ISC */
/*
 * Sockets of the program's own TCP/IP stack (src/net), as descriptors of Linux.
 *
 *     descriptor -- one end of a socket pair; the other end is ours
 *          |        nothing is ever sent over it: it only lets poll, select
 *          |        and epoll see what the stack's socket would say
 *     table[fd] -- struct sock -- struct socket (src/net/socket.h)
 *
 * Calls on such a descriptor go to the stack (stack_sock.c); on all others to
 * the host, as tasks make them (sock.c). A program has its own stack when it
 * was given an interface (net.c), and the host's sockets else.
 *
 * Mirroring: from the first poll (select, epoll_ctl) of a descriptor on, a task
 * keeps the pair like the socket: a byte lies in it for "readable", it is full
 * for "not writable".
 */
#ifndef FATA_UNIX_SOCK_H
#define FATA_UNIX_SOCK_H

#include <fata/base.h>
#include <sys/socket.h>
#include <sys/uio.h>

/*
 * What io.c must know of the stack's descriptors; NULL until the first one, so
 * that a program without sockets does not link the stack.
 */
struct sock_ops {
	bool (*owns)(int fd);
	/* As the calls of that name: a count, or -1 and errno. */
	ssize_t (*readv)(int fd, const struct iovec *v, int n);
	ssize_t (*writev)(int fd, const struct iovec *v, int n);
	/* The descriptor is about to be polled: mirror it. */
	void (*polled)(int fd);
	/* It was closed, or is one more name of a socket. */
	void (*closed)(int fd);
	void (*duplicated)(int fd, int copy);
};

extern const struct sock_ops *unix_sock_ops;

static inline bool sock_owns(int fd)
{
	return unix_sock_ops && unix_sock_ops->owns(fd);
}

/* --- stack_sock.c: the calls, on the stack's descriptors; -errno -------- */

/* Should a socket of this domain be the stack's? */
bool stack_sock_wanted(int domain);

int stack_sock_socket(int domain, int type, int protocol);
int stack_sock_bind(int fd, const struct sockaddr *a, socklen_t size);
int stack_sock_listen(int fd, int backlog);
int stack_sock_accept(int fd, struct sockaddr *a, socklen_t *size, int flags);
int stack_sock_connect(int fd, const struct sockaddr *a, socklen_t size);
int stack_sock_name(int fd, struct sockaddr *a, socklen_t *size, bool peer);
ssize_t stack_sock_send(int fd, const void *p, size_t n, int flags,
			const struct sockaddr *to, socklen_t size);
ssize_t stack_sock_receive(int fd, void *p, size_t n, int flags,
			   struct sockaddr *from, socklen_t *size);
int stack_sock_shutdown(int fd, int how);
int stack_sock_set(int fd, int level, int name, const void *value,
		   socklen_t size);
int stack_sock_get(int fd, int level, int name, void *value, socklen_t *size);
size_t stack_sock_available(int fd);

#endif
