/* SPDX-License-Identifier: ISC */
/*
 * Sockets as files, and their system calls; the work is net/socket.c's. What
 * moves data is in sockio.c.
 *
 * socket() itself stands here and not in musl's archive: a program that calls
 * it links this file, and with it the whole TCP/IP stack; others do not.
 */
#include <errno.h>
#include <libc/file.h>
#include <libc/local.h>
#include <libc/resolv.h>
#include <libc/socket.h>
#include <libc/user.h>
#include <net/socket.h>
#include <net/stack.h>
#include <poll.h>
#include <sys/syscall.h>

static struct socket *of(const struct file *f)
{
	return f->data;
}

static ssize_t op_read(struct file *f, void *p, size_t n, uint64_t *pos)
{
	(void)pos;
	return socket_receive(of(f), p, n, false, NULL, NULL);
}

static ssize_t op_write(struct file *f, const void *p, size_t n, uint64_t *pos)
{
	(void)pos;
	return sockio_told(socket_send(of(f), p, n, NULL, of(f)->corked), 0);
}

static short op_poll(struct file *f)
{
	return socket_poll(of(f));
}

static struct event *op_event(struct file *f)
{
	return &of(f)->event;
}

static void op_close(struct file *f)
{
	socket_close(of(f));
}

static int op_stat(struct file *f, struct stat *s)
{
	(void)f;
	s->st_mode = S_IFSOCK | 0777;
	return 0;
}

static long op_ioctl(struct file *f, unsigned command, uint64_t arg)
{
	int *n = (int *)arg;

	if (command != 0x541b) /* FIONREAD */
		return sockif_ioctl(command, n);
	if (!user_writable(n, sizeof(*n)))
		return -EFAULT;
	*n = (int)socket_available(of(f));
	return 0;
}

static const struct file_ops ops = {
	.read = op_read,
	.write = op_write,
	.poll = op_poll,
	.event = op_event,
	.gathers = true,
	.close = op_close,
	.stat = op_stat,
	.ioctl = op_ioctl,
};

struct file *socket_file(int fd, int *error)
{
	struct file *f = fd_get(fd);

	*error = f ? -ENOTSOCK : -EBADF;
	if (f && f->ops != &ops) {
		file_put(f);
		return NULL;
	}
	return f;
}

int socket_is_stream(int fd)
{
	int rc;
	struct file *f = socket_file(fd, &rc);

	if (!f)
		return rc;
	rc = of(f)->kind == SOCKET_TCP;
	file_put(f);
	return rc;
}

static long new_file(struct socket *s, int flags)
{
	struct file *f = file_new(
		&ops, O_RDWR | (flags & SOCK_NONBLOCK ? O_NONBLOCK : 0), s);

	if (!f) {
		socket_close(s);
		return -ENOMEM;
	}
	return fd_add(f, 0, flags & SOCK_CLOEXEC);
}

/*
 * Programs with sockets resolve names and ask of interfaces: those files are
 * linked with this.
 */
static void (*const resolver)(void) __attribute__((used)) = resolv_prepare;
static long (*const interfaces)(unsigned, void *) __attribute__((used)) =
	sockif_ioctl;

long sys_socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), rc;
	struct socket *s;

	if (domain == AF_UNIX)
		return local_socket(type, protocol);
	if (domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_RAW)
		return -ESOCKTNOSUPPORT;
	if ((kind == SOCK_STREAM && protocol && protocol != 6) ||
	    (kind == SOCK_DGRAM && protocol && protocol != 17) ||
	    protocol < 0 || protocol > 255)
		return -EPROTONOSUPPORT;
	rc = socket_new(kind == SOCK_STREAM  ? SOCKET_TCP
			: kind == SOCK_DGRAM ? SOCKET_UDP
					     : SOCKET_RAW,
			domain == AF_INET6, (uint8_t)protocol, &s);
	return rc ? rc : new_file(s, type);
}

/* musl's, word for word in effect; see the top of this file. */
int socket(int domain, int type, int protocol)
{
	extern int *__errno_location(void);
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(__NR_socket), "D"(domain), "S"(type),
			   "d"(protocol)
			 : "rcx", "r11", "memory");
	if (r >= 0)
		return (int)r;
	*__errno_location() = (int)-r;
	return -1;
}

long sys_bind(int fd, const void *address, unsigned size)
{
	struct endpoint e;
	int rc;
	struct file *f = socket_file(fd, &rc);

	if (!f)
		return rc;
	rc = sockaddr_in(of(f), address, size, &e);
	if (!rc && !ip_addr_isany(&e.address) &&
	    !ip_addr_isloopback(&e.address))
		/* it may be about to become ours */
		rc = stack_wait_address(&e.address);
	if (!rc)
		rc = socket_bind(of(f), &e);
	file_put(f);
	return rc;
}

long sys_listen(int fd, int backlog)
{
	int rc;
	struct file *f = socket_file(fd, &rc);

	if (!f)
		return rc;
	rc = socket_listen(of(f), backlog);
	file_put(f);
	return rc;
}

long sys_accept4(int fd, void *address, unsigned *size, int flags)
{
	struct endpoint local, peer;
	struct socket *s;
	int rc;
	struct file *f = socket_file(fd, &rc);
	uint64_t deadline;

	if (!f)
		return rc;
	deadline = file_deadline(f, false);
	for (;;) {
		uint64_t seen = event_count(&of(f)->event);

		rc = socket_accept(of(f), &s);
		if (rc != -EAGAIN)
			break;
		rc = sockio_wait(f, 0, &seen, deadline);
		if (rc)
			break;
	}
	if (!rc) {
		socket_names(s, &local, &peer);
		rc = sockaddr_out(s, &peer, address, size);
		if (rc)
			socket_close(s);
		else
			rc = (int)new_file(s, flags);
	}
	file_put(f);
	return rc;
}

long sys_accept(int fd, void *address, unsigned *size)
{
	return sys_accept4(fd, address, size, 0);
}

long sys_connect(int fd, const void *address, unsigned size)
{
	struct endpoint e;
	int rc;
	struct file *f = socket_file(fd, &rc);
	uint64_t deadline;
	struct socket *s;

	if (!f)
		return rc;
	s = of(f);
	deadline = file_deadline(f, true);
	rc = sockaddr_in(s, address, size, &e);
	if (!rc && !ip_addr_isloopback(&e.address))
		rc = stack_wait_address(&e.address);
	if (!rc)
		rc = socket_connect(s, &e);
	stack_flush();
	while (rc == -EINPROGRESS && !(f->flags & O_NONBLOCK)) {
		uint64_t seen = event_count(&s->event);

		int err =
			s->connecting ? sockio_wait(f, 0, &seen, deadline) : 0;

		if (err) /* it goes on; the deadline is told as Linux does */
			rc = err == -EAGAIN ? -EINPROGRESS : err;
		else if (!s->connecting)
			rc = s->connected ? 0 : -socket_take_error(s);
		if (err)
			break;
	}
	file_put(f);
	return rc;
}

static long name(int fd, void *address, unsigned *size, bool peer)
{
	struct endpoint ends[2];
	int rc;
	struct file *f = socket_file(fd, &rc);

	if (!f)
		return rc;
	socket_names(of(f), &ends[0], &ends[1]);
	rc = peer && !of(f)->connected
		     ? -ENOTCONN
		     : sockaddr_out(of(f), &ends[peer], address, size);
	file_put(f);
	return rc;
}

long sys_getsockname(int fd, void *address, unsigned *size)
{
	return name(fd, address, size, false);
}

long sys_getpeername(int fd, void *address, unsigned *size)
{
	return name(fd, address, size, true);
}

/* These stand here so that this file brings the others along. */
long sys_sendto(int fd, const void *p, size_t n, int flags, const void *to,
		unsigned size)
{
	return sockio_send(fd, p, n, flags, to, size);
}

long sys_recvfrom(int fd, void *p, size_t n, int flags, void *from,
		  unsigned *size)
{
	return sockio_receive(fd, p, n, flags, from, size);
}

long sys_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return sockmsg_send(fd, m, flags);
}

long sys_recvmsg(int fd, struct msghdr *m, int flags)
{
	return sockmsg_receive(fd, m, flags);
}

long sys_shutdown(int fd, int how)
{
	int rc;
	struct file *f;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return -EINVAL;
	f = socket_file(fd, &rc);
	if (!f)
		return rc;
	rc = socket_shutdown(of(f), how != SHUT_WR, how != SHUT_RD);
	file_put(f);
	return rc;
}

/* The file's own, or the socket's. */
static int set_option(struct file *f, int level, int option, const void *value,
		      unsigned size)
{
	if (level == SOL_SOCKET &&
	    (option == SO_RCVTIMEO || option == SO_SNDTIMEO))
		return sockopt_set_time(&f->timeout[option == SO_SNDTIMEO],
					value, size);
	return sockopt_set(of(f), level, option, value, size);
}

static int get_option(struct file *f, int level, int option, void *value,
		      unsigned *size)
{
	if (level == SOL_SOCKET &&
	    (option == SO_RCVTIMEO || option == SO_SNDTIMEO))
		return sockopt_get_time(f->timeout[option == SO_SNDTIMEO],
					value, size);
	return sockopt_get(of(f), level, option, value, size);
}

long sys_setsockopt(int fd, int level, int option, const void *value,
		    unsigned size)
{
	int rc;
	struct file *f = socket_file(fd, &rc);

	if (!f)
		return rc;
	rc = user_readable(value, size)
		     ? set_option(f, level, option, value, size)
		     : -EFAULT;
	file_put(f);
	return rc;
}

long sys_getsockopt(int fd, int level, int option, void *value, unsigned *size)
{
	int rc;
	struct file *f = socket_file(fd, &rc);

	if (!f)
		return rc;
	rc = user_writable(size, sizeof(*size)) && user_writable(value, *size)
		     ? get_option(f, level, option, value, size)
		     : -EFAULT;
	file_put(f);
	return rc;
}
