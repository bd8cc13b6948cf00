/* SPDX-License-Identifier: ISC */
/*
 * sendmsg and recvmsg: several buffers, and what may come with a message:
 *
 *     SCM_RIGHTS        open files; the receiver gets numbers of its own
 *     SCM_CREDENTIALS   who sends: always process 1, root
 *
 * Sockets of the network have none of it; their calls are socket.c's. sendmmsg
 * and recvmmsg are loops, for both kinds.
 */
#include <errno.h>
#include <fata/heap.h>
#include <libc/clock.h>
#include <libc/local.h>
#include <libc/user.h>
#include <string.h>

void extras_drop(struct extras *x)
{
	for (unsigned i = 0; i < x->n; i++)
		file_put(x->files[i]);
	x->n = 0;
}

/* The files of one control message. */
static int take_files(const struct cmsghdr *c, struct extras *x)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (size_t i = 0; i < n; i++) {
		struct file *f;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		if (x->n == LOCAL_FILES)
			return -EINVAL;
		f = fd_get(fd);
		if (!f)
			return -EBADF;
		x->files[x->n++] = f;
	}
	return 0;
}

/* All control messages of a message to be sent. */
static int control_in(const struct msghdr *m, struct extras *x)
{
	size_t at = 0, left;
	int err = 0;

	if (m->msg_controllen && !user_readable(m->msg_control,
						m->msg_controllen))
		return -EFAULT;
	while (!err && m->msg_controllen - at >= sizeof(struct cmsghdr)) {
		const struct cmsghdr *c =
			(const void *)((char *)m->msg_control + at);

		left = m->msg_controllen - at;
		if (c->cmsg_len < sizeof(*c) || c->cmsg_len > left)
			return -EINVAL;
		if (c->cmsg_level != SOL_SOCKET)
			err = 0;
		else if (c->cmsg_type == SCM_RIGHTS)
			err = take_files(c, x);
		else if (c->cmsg_type != SCM_CREDENTIALS)
			err = -EINVAL;
		at += CMSG_ALIGN(c->cmsg_len);
		if (at > m->msg_controllen)
			break;
	}
	return err;
}

static long send_message(struct file *f, const struct msghdr *m, int flags,
			 struct extras *x)
{
	struct local_name name;
	long r = user_iov(m->msg_iov, (int)m->msg_iovlen, false);

	if (r >= 0)
		r = control_in(m, x);
	if (r >= 0 && m->msg_name)
		r = local_name_in(m->msg_name, m->msg_namelen, &name);
	if (r < 0)
		return r;
	return local_send_all(f, m->msg_name ? &name : NULL,
			      (struct pieces){m->msg_iov, (int)m->msg_iovlen,
					      0},
			      flags, x);
}

long call_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct file *f = local_get(fd);
	struct extras *x;
	long r = -EFAULT;

	if (!f)
		return sys_sendmsg ? sys_sendmsg(fd, m, flags)
				   : call_sendto(fd, NULL, 0, 0, NULL, 0);
	x = heap_calloc(1, sizeof(*x));
	if (!x)
		r = -ENOMEM;
	else if (flags & MSG_OOB)
		r = -EOPNOTSUPP;
	else if (user_readable(m, sizeof(*m)))
		r = send_message(f, m, flags, x);
	if (x)
		extras_drop(x);
	heap_free(x);
	file_put(f);
	return r;
}

/* Where the next control message goes. */
struct control {
	char *p;
	size_t room, used;
	int flags; /* MSG_CTRUNC */
};

static void *control_add(struct control *c, int type, size_t size)
{
	struct cmsghdr *h = (void *)(c->p + c->used);

	if (c->room - c->used < CMSG_LEN(size)) {
		c->flags |= MSG_CTRUNC;
		return NULL;
	}
	memset(h, 0, sizeof(*h));
	h->cmsg_len = CMSG_LEN(size);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = type;
	c->used += c->room - c->used < CMSG_SPACE(size) ? CMSG_LEN(size)
							: CMSG_SPACE(size);
	return CMSG_DATA(h);
}

/* Numbers for the files, as many as there is room for. */
static void files_out(struct control *c, struct extras *x, bool cloexec)
{
	size_t left = c->room - c->used;
	size_t n = left > CMSG_LEN(0) ? (left - CMSG_LEN(0)) / sizeof(int) : 0;
	int *fds;

	if (n < x->n)
		c->flags |= MSG_CTRUNC;
	else
		n = x->n;
	fds = n ? control_add(c, SCM_RIGHTS, n * sizeof(int)) : NULL;
	for (size_t i = 0; fds && i < n; i++) {
		file_get(x->files[i]);
		fds[i] = fd_add(x->files[i], 0, cloexec);
	}
	extras_drop(x);
}

static long control_out(struct file *f, struct msghdr *m, int flags,
			struct extras *x)
{
	struct control c = {.p = m->msg_control, .room = m->msg_controllen};
	struct ucred *who;

	if (c.room && !user_writable(c.p, c.room))
		return -EFAULT;
	if (local_of(f)->credentials) {
		who = control_add(&c, SCM_CREDENTIALS, sizeof(*who));
		if (who)
			*who = (struct ucred){.pid = 1};
	}
	if (x->n)
		files_out(&c, x, flags & MSG_CMSG_CLOEXEC);
	m->msg_controllen = (socklen_t)c.used;
	m->msg_flags = c.flags;
	return 0;
}

static long receive_message(struct file *f, struct msghdr *m, int flags,
			    struct extras *x)
{
	struct pieces p = {m->msg_iov, (int)m->msg_iovlen, 0};
	ssize_t room = user_iov(m->msg_iov, p.n, true), r;
	int err;

	r = room < 0 ? room : local_receive_some(f, p, flags, x);
	if (r < 0)
		return r;
	if (!user_writable(m, sizeof(*m)))
		return -EFAULT;
	if (m->msg_name) {
		err = local_name_out(&x->from, m->msg_name, &m->msg_namelen);
		if (err)
			return err;
	}
	err = (int)control_out(f, m, flags, x);
	if (err)
		return err;
	if (local_of(f)->type != SOCK_STREAM && x->whole > (size_t)room) {
		m->msg_flags |= MSG_TRUNC;
		if (flags & MSG_TRUNC)
			r = (ssize_t)x->whole;
	}
	return r;
}

long call_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct file *f = local_get(fd);
	struct extras *x;
	long r = -EFAULT;

	if (!f)
		return sys_recvmsg ? sys_recvmsg(fd, m, flags)
				   : call_recvfrom(fd, NULL, 0, 0, NULL, NULL);
	x = heap_calloc(1, sizeof(*x));
	if (!x)
		r = -ENOMEM;
	else if (flags & MSG_OOB)
		r = -EOPNOTSUPP;
	else if (user_writable(m, sizeof(*m)))
		r = receive_message(f, m, flags, x);
	if (x)
		extras_drop(x);
	heap_free(x);
	file_put(f);
	return r;
}

long call_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	n = n > 1024 ? 1024 : n;
	for (unsigned i = 0; i < n; i++) {
		long r = -EFAULT;

		if (user_writable(&m[i], sizeof(m[i])))
			r = call_sendmsg(fd, &m[i].msg_hdr, flags);
		if (r < 0)
			return i ? (long)i : r;
		m[i].msg_len = (unsigned)r;
	}
	return n;
}

/* The time is looked at after each message, as on Linux. */
long call_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags,
		   const struct timespec *time)
{
	uint64_t deadline = FATA_FOREVER;
	long err = 0;
	unsigned i;

	if (time)
		err = clock_deadline_of(CLOCK_MONOTONIC, false, time,
					&deadline);
	if (err)
		return err;
	n = n > 1024 ? 1024 : n;
	for (i = 0; i < n && clock_mono_ns() < deadline; i++) {
		long r = -EFAULT;

		if (user_writable(&m[i], sizeof(m[i])))
			r = call_recvmsg(fd, &m[i].msg_hdr,
					 flags & ~MSG_WAITFORONE);
		if (r < 0)
			return i ? (long)i : r;
		m[i].msg_len = (unsigned)r;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
	}
	return i;
}
