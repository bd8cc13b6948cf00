/* SPDX-License-Identifier: ISC */
/*
 * The system calls of sockets. They are linked only into programs that call
 * socket(), so table.c refers to them weakly.
 */
#ifndef FATA_LIBC_SOCKET_H
#define FATA_LIBC_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define WEAK __attribute__((weak))

long sys_socket(int domain, int type, int protocol) WEAK;
long sys_bind(int fd, const void *address, unsigned size) WEAK;
long sys_listen(int fd, int backlog) WEAK;
long sys_accept(int fd, void *address, unsigned *size) WEAK;
long sys_accept4(int fd, void *address, unsigned *size, int flags) WEAK;
long sys_connect(int fd, const void *address, unsigned size) WEAK;
long sys_getsockname(int fd, void *address, unsigned *size) WEAK;
long sys_getpeername(int fd, void *address, unsigned *size) WEAK;
long sys_sendto(int fd, const void *p, size_t n, int flags, const void *to,
		unsigned size) WEAK;
long sys_recvfrom(int fd, void *p, size_t n, int flags, void *from,
		  unsigned *size) WEAK;
long sys_sendmsg(int fd, const struct msghdr *m, int flags) WEAK;
long sys_recvmsg(int fd, struct msghdr *m, int flags) WEAK;
long sys_shutdown(int fd, int how) WEAK;
long sys_setsockopt(int fd, int level, int name, const void *value,
		    unsigned size) WEAK;
long sys_getsockopt(int fd, int level, int name, void *value,
		    unsigned *size) WEAK;

/* sockio.c, sockopt.c, sockaddr.c, sockmsg.c, sockif.c: parts of socket.c. */
struct socket;
struct endpoint;
struct file;

/* The socket of a number, with a reference; NULL and *error. */
struct file *socket_file(int fd, int *error);

/* As sendto() and recvfrom(). */
long sockio_send(int fd, const void *p, size_t n, int flags, const void *to,
		 unsigned size);
long sockio_receive(int fd, void *p, size_t n, int flags, void *from,
		    unsigned *size);

/* What a write ended with: a writer that does not look at errors ends. */
ssize_t sockio_told(ssize_t r, int flags);

/*
 * Wait for the socket to change. 0, -EAGAIN if it may not wait (any longer),
 * -EINTR.
 */
int sockio_wait(struct file *f, int flags, uint64_t *seen, uint64_t deadline);

long sockmsg_send(int fd, const struct msghdr *m, int flags);
long sockmsg_receive(int fd, struct msghdr *m, int flags);

/*
 * SIOCGIF...: what is asked of interfaces, on any socket. 0, -EFAULT, -ENODEV,
 * -ENOTTY: another command.
 */
long sockif_ioctl(unsigned command, void *arg);

/* 1: TCP, 0: another socket, -EBADF, -ENOTSOCK. */
int socket_is_stream(int fd);

int sockopt_set(struct socket *s, int level, int name, const void *value,
		unsigned size);
int sockopt_get(struct socket *s, int level, int name, void *value,
		unsigned *size);

/* SO_RCVTIMEO, SO_SNDTIMEO: a struct timeval, kept in ns. */
int sockopt_set_time(uint64_t *ns, const void *value, unsigned size);
int sockopt_get_time(uint64_t ns, void *value, unsigned *size);

/* A program's address, checked. 0, -EFAULT, -EINVAL, -EAFNOSUPPORT. */
int sockaddr_in(const struct socket *s, const void *address, unsigned size,
		struct endpoint *e);

/* To the program: as much as fits; *size becomes the whole. 0 or -EFAULT. */
int sockaddr_out(const struct socket *s, const struct endpoint *e,
		 void *address, unsigned *size);

#endif
