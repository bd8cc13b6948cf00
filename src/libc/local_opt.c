/* SPDX-License-Identifier: ISC */
/*
 * Options of sockets within the guest (local.h); those of the network's are
 * sockopt.c's.
 */
#include <errno.h>
#include <libc/clock.h>
#include <libc/local.h>
#include <libc/user.h>
#include <string.h>

static long option_int(const struct local *s, int name, int *out)
{
	switch (name) {
	case SO_TYPE:
		*out = s->type;
		return 0;
	case SO_DOMAIN:
		*out = AF_UNIX;
		return 0;
	case SO_ACCEPTCONN:
		*out = s->listening;
		return 0;
	case SO_PASSCRED:
		*out = s->credentials;
		return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:
		*out = LOCAL_LIMIT;
		return 0;
	case SO_ERROR:
	case SO_PROTOCOL:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
		*out = 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static long get_option(const struct file *f, int name, void *value,
		       unsigned *size)
{
	union {
		int number;
		struct ucred who;
		struct timeval time;
	} u = {.number = 0};
	unsigned n = sizeof(int);
	long r = 0;

	if (name == SO_PEERCRED) {
		u.who = (struct ucred){.pid = 1};
		n = sizeof(u.who);
	} else if (name == SO_RCVTIMEO || name == SO_SNDTIMEO) {
		u.time = clock_timeval(f->timeout[name == SO_SNDTIMEO]);
		n = sizeof(u.time);
	} else {
		r = option_int(local_of(f), name, &u.number);
	}
	if (r)
		return r;
	n = n < *size ? n : *size;
	memcpy(value, &u, n);
	*size = n;
	return 0;
}

static long set_time(struct file *f, bool write, const struct timeval *t,
		     unsigned size)
{
	if (size < sizeof(*t))
		return -EINVAL;
	if (t->tv_sec < 0 || t->tv_usec < 0 || t->tv_usec >= 1000000)
		return -EDOM;
	f->timeout[write] = (uint64_t)t->tv_sec * FATA_NS_PER_S +
			    (uint64_t)t->tv_usec * 1000;
	return 0;
}

static long set_option(struct file *f, int name, const void *value,
		       unsigned size)
{
	int number;

	if (name == SO_RCVTIMEO || name == SO_SNDTIMEO)
		return set_time(f, name == SO_SNDTIMEO, value, size);
	if (size < sizeof(int))
		return -EINVAL;
	memcpy(&number, value, sizeof(number));
	switch (name) {
	case SO_PASSCRED:
		local_of(f)->credentials = number;
		return 0;
	case SO_SNDBUF: /* sizes are as they are */
	case SO_RCVBUF:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

long call_setsockopt(int fd, int level, int name, const void *value,
		     unsigned size)
{
	struct file *f = local_get(fd);
	long r = -EFAULT;

	if (!f)
		return NETWORK(sys_setsockopt, fd, level, name, value, size);
	if (level != SOL_SOCKET)
		r = -ENOPROTOOPT;
	else if (user_readable(value, size))
		r = set_option(f, name, value, size);
	file_put(f);
	return r;
}

long call_getsockopt(int fd, int level, int name, void *value, unsigned *size)
{
	struct file *f = local_get(fd);
	long r = -EFAULT;

	if (!f)
		return NETWORK(sys_getsockopt, fd, level, name, value, size);
	if (level != SOL_SOCKET)
		r = -ENOPROTOOPT;
	else if (user_writable(size, sizeof(*size)) &&
		 user_writable(value, *size))
		r = get_option(f, name, value, size);
	file_put(f);
	return r;
}
