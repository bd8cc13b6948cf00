/* SPDX-License-Identifier: ISC */
/*
 * The system calls of sockets: to those within the guest (local.c), or, when
 * the number is not one of them, to the network's (socket.c), if the program
 * has that.
 *
 * socketpair() itself stands here and not in musl's archive, as socket() does
 * in socket.c: programs that call neither do not carry this.
 */
#include <errno.h>
#include <fata/clock.h>
#include <libc/local.h>
#include <libc/signal.h>
#include <libc/user.h>
#include <string.h>
#include <sys/syscall.h>

#define KINDS (SOCK_NONBLOCK | SOCK_CLOEXEC)

/* Linked along: one of each other file. */
__attribute__((used)) static const void *const parts[] = {
	(const void *)call_sendto,
	(const void *)call_sendmsg,
	(const void *)call_setsockopt,
};

long not_a_socket(int fd)
{
	struct file *f = fd_get(fd);

	if (!f)
		return -EBADF;
	file_put(f);
	return -ENOTSOCK;
}

int local_name_in(const void *address, unsigned size, struct local_name *n)
{
	const struct sockaddr_un *a = address;
	unsigned head = offsetof(struct sockaddr_un, sun_path);

	memset(n, 0, sizeof(*n));
	if (size < head || size > sizeof(*a))
		return -EINVAL;
	if (!user_readable(a, size))
		return -EFAULT;
	if (a->sun_family != AF_UNIX)
		return -EINVAL;
	n->size = size - head;
	memcpy(n->path, a->sun_path, n->size);
	/* a path ends at its NUL, which is counted */
	if (n->size && n->path[0]) {
		n->path[sizeof(n->path) - 1] = 0;
		n->size = (unsigned)strlen(n->path) + 1;
	}
	return 0;
}

int local_name_out(const struct local_name *n, void *address, unsigned *size)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	unsigned whole = offsetof(struct sockaddr_un, sun_path) + n->size;
	unsigned room;

	if (!user_writable(size, sizeof(*size)))
		return -EFAULT;
	room = *size < whole ? *size : whole;
	if (!user_writable(address, room))
		return -EFAULT;
	memcpy(a.sun_path, n->path, n->size);
	memcpy(address, &a, room);
	*size = whole;
	return 0;
}

/* 0, or what is wrong with a kind of socket. */
static long check_kind(int type, int protocol)
{
	int kind = type & ~KINDS;

	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return protocol && protocol != PF_UNIX ? -EPROTONOSUPPORT : 0;
}

long local_socket(int type, int protocol)
{
	long r = check_kind(type, protocol);
	struct local *s = r ? NULL : local_new(type & ~KINDS);

	return r ? r : s ? local_add(s, type) : -ENOMEM;
}

long call_socket(int domain, int type, int protocol)
{
	if (domain == AF_UNIX)
		return local_socket(type, protocol);
	return sys_socket ? sys_socket(domain, type, protocol) : -EAFNOSUPPORT;
}

/* Both as files, or neither. */
static long add_pair(struct local *a, struct local *b, int flags, int *fds)
{
	long first = local_add(a, flags), second = local_add(b, flags);

	if (first >= 0 && second >= 0) {
		fds[0] = (int)first;
		fds[1] = (int)second;
		return 0;
	}
	if (first >= 0)
		fd_remove((int)first);
	if (second >= 0)
		fd_remove((int)second);
	return first < 0 ? first : second;
}

long call_socketpair(int domain, int type, int protocol, int *fds)
{
	struct local *a, *b;
	long r = check_kind(type, protocol);

	if (domain != AF_UNIX)
		return domain == AF_INET || domain == AF_INET6 ? -EOPNOTSUPP
							       : -EAFNOSUPPORT;
	if (r)
		return r;
	if (!user_writable(fds, 2 * sizeof(*fds)))
		return -EFAULT;
	a = local_new(type & ~KINDS);
	b = local_new(type & ~KINDS);
	if (a && b) {
		local_pair(a, b);
		return add_pair(a, b, type, fds);
	}
	if (a)
		local_put(a);
	if (b)
		local_put(b);
	return -ENOMEM;
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
	extern int *__errno_location(void);
	register int *r10 __asm__("r10") = fds;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(__NR_socketpair), "D"(domain), "S"(type),
			   "d"(protocol), "r"(r10)
			 : "rcx", "r11", "memory");
	if (!r)
		return 0;
	*__errno_location() = (int)-r;
	return -1;
}

/* --- names, connections ------------------------------------------------------
 */

long call_bind(int fd, const void *address, unsigned size)
{
	struct file *f = local_get(fd);
	struct local_name n;
	long r;

	if (!f)
		return NETWORK(sys_bind, fd, address, size);
	r = local_name_in(address, size, &n);
	if (!r)
		r = local_bind(local_of(f), &n);
	file_put(f);
	return r;
}

long call_listen(int fd, int backlog)
{
	struct file *f = local_get(fd);
	long r;

	if (!f)
		return NETWORK(sys_listen, fd, backlog);
	r = local_listen(local_of(f), backlog);
	file_put(f);
	return r;
}

int local_wait(struct file *f, struct local *s, int flags, uint64_t *seen,
	       uint64_t deadline)
{
	int r;

	if (f->flags & O_NONBLOCK || flags & MSG_DONTWAIT) {
		file_turn();
		return -EAGAIN;
	}
	s->refs++;
	r = event_wait(&s->event, seen, deadline);
	local_put(s);
	if (r == -ETIMEDOUT)
		return -EAGAIN;
	return r ? signal_interrupted(deadline) : 0;
}

uint64_t local_deadline(const struct file *f, bool write)
{
	uint64_t ns = f->timeout[write];

	return ns ? clock_deadline(ns) : FATA_FOREVER;
}

long call_connect(int fd, const void *address, unsigned size)
{
	struct file *f = local_get(fd);
	uint64_t deadline;
	struct local_name n;
	long r;

	if (!f)
		return NETWORK(sys_connect, fd, address, size);
	deadline = local_deadline(f, true);
	r = local_name_in(address, size, &n);
	if (!r && !n.size)
		r = -EINVAL;
	while (!r) {
		struct local *at = NULL;
		uint64_t seen;

		r = local_connect(local_of(f), &n, &at);
		if (r != -EAGAIN)
			break;
		seen = event_count(&at->event);
		r = local_wait(f, at, 0, &seen, deadline);
		local_put(at);
	}
	file_put(f);
	return r;
}

long call_accept4(int fd, void *address, unsigned *size, int flags)
{
	struct file *f = local_get(fd);
	struct local *s = NULL;
	uint64_t deadline;
	long r;

	if (!f)
		return NETWORK(sys_accept4, fd, address, size, flags);
	deadline = local_deadline(f, false);
	do {
		uint64_t seen = event_count(&local_of(f)->event);

		r = flags & ~KINDS ? -EINVAL : local_accept(local_of(f), &s);
		if (r != -EAGAIN)
			break;
		r = local_wait(f, local_of(f), 0, &seen, deadline);
	} while (!r);
	if (!r) {
		struct local_name none = {0};

		r = local_add(s, flags);
		if (r >= 0 && address) {
			int err = local_name_out(s->peer ? &s->peer->name
							 : &none,
						 address, size);

			if (err) {
				fd_remove((int)r);
				r = err;
			}
		}
	}
	file_put(f);
	return r;
}

long call_accept(int fd, void *address, unsigned *size)
{
	struct file *f = local_get(fd);

	if (!f)
		return NETWORK(sys_accept, fd, address, size);
	file_put(f);
	return call_accept4(fd, address, size, 0);
}

long call_getsockname(int fd, void *address, unsigned *size)
{
	struct file *f = local_get(fd);
	long r;

	if (!f)
		return NETWORK(sys_getsockname, fd, address, size);
	r = local_name_out(&local_of(f)->name, address, size);
	file_put(f);
	return r;
}

long call_getpeername(int fd, void *address, unsigned *size)
{
	struct file *f = local_get(fd);
	struct local *peer;
	long r;

	if (!f)
		return NETWORK(sys_getpeername, fd, address, size);
	peer = local_of(f)->peer;
	r = peer ? local_name_out(&peer->name, address, size) : -ENOTCONN;
	file_put(f);
	return r;
}

long call_shutdown(int fd, int how)
{
	struct file *f = local_get(fd);
	long r = 0;

	if (!f)
		return NETWORK(sys_shutdown, fd, how);
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		r = -EINVAL;
	else if (!local_of(f)->connected)
		r = -ENOTCONN;
	else
		local_shutdown(local_of(f), how != SHUT_WR, how != SHUT_RD);
	file_put(f);
	return r;
}
