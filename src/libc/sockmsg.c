/* SPDX-License-Identifier: ISC */
/*
 * sendmsg and recvmsg: many buffers. What is sent is put together first, since
 * a datagram is one and a stream goes in few segments; a large message goes
 * buffer by buffer. A datagram is taken apart in a buffer of our own.
 */
#include <errno.h>
#include <fata/heap.h>
#include <libc/file.h>
#include <libc/socket.h>
#include <libc/user.h>
#include <string.h>

/* A message's buffers, checked; their sum or an error. */
static ssize_t message_size(const struct msghdr *m, bool write)
{
	if (!user_readable(m, sizeof(*m)))
		return -EFAULT;
	if (m->msg_iovlen > 1024)
		return -EMSGSIZE;
	return user_iov(m->msg_iov, (int)m->msg_iovlen, write);
}

/* All buffers at once. */
static ssize_t send_gathered(int fd, const struct msghdr *m, size_t n,
			     int flags)
{
	char *all = heap_alloc(n ? n : 1);
	size_t at = 0;
	ssize_t r;

	if (!all)
		return -ENOBUFS;
	for (int i = 0; i < (int)m->msg_iovlen; i++) {
		memcpy(all + at, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
		at += m->msg_iov[i].iov_len;
	}
	r = sys_sendto(fd, all, n, flags, m->msg_name, m->msg_namelen);
	heap_free(all);
	return r;
}

/* A stream takes one buffer after the other. */
static ssize_t send_each(int fd, const struct msghdr *m, int flags)
{
	ssize_t sum = 0, r;

	for (int i = 0; i < (int)m->msg_iovlen; i++) {
		int more = i + 1 < (int)m->msg_iovlen ? MSG_MORE : 0;

		r = sys_sendto(fd, m->msg_iov[i].iov_base,
			       m->msg_iov[i].iov_len, flags | more, NULL, 0);
		if (r < 0)
			return sum ? sum : r;
		sum += r;
		if ((size_t)r < m->msg_iov[i].iov_len)
			break;
	}
	return sum;
}

/* Ancillary data is not looked at: nothing that it could ask for is here. */
long sockmsg_send(int fd, const struct msghdr *m, int flags)
{
	ssize_t n = message_size(m, false);
	int stream = socket_is_stream(fd);

	if (stream < 0)
		return stream;
	if (n < 0)
		return n;
	if (m->msg_iovlen == 1)
		return sys_sendto(fd, m->msg_iov[0].iov_base,
				  m->msg_iov[0].iov_len, flags, m->msg_name,
				  m->msg_namelen);
	if (n > FILE_GATHER)
		return stream ? send_each(fd, m, flags) : -EMSGSIZE;
	return send_gathered(fd, m, (size_t)n, flags);
}

/* One datagram into all buffers. */
static ssize_t receive_scattered(int fd, struct msghdr *m, size_t n, int flags)
{
	size_t room = n < 65536 ? n : 65536, at = 0;
	char *all = heap_alloc(room ? room : 1);
	ssize_t r;

	if (!all)
		return -ENOBUFS;
	r = sys_recvfrom(fd, all, room, flags | MSG_TRUNC, m->msg_name,
			 m->msg_name ? &m->msg_namelen : NULL);
	if (r > (ssize_t)n)
		m->msg_flags |= MSG_TRUNC;
	for (int i = 0; i < (int)m->msg_iovlen && (ssize_t)at < r; i++) {
		size_t part = m->msg_iov[i].iov_len;
		size_t rest = (size_t)r < room ? (size_t)r - at : room - at;

		part = part < rest ? part : rest;
		/* the wait may have outlived the program's memory */
		if (!user_writable(m->msg_iov[i].iov_base, part)) {
			r = -EFAULT;
			break;
		}
		memcpy(m->msg_iov[i].iov_base, all + at, part);
		at += part;
	}
	heap_free(all);
	return r > (ssize_t)n && !(flags & MSG_TRUNC) ? (ssize_t)n : r;
}

static ssize_t receive_each(int fd, struct msghdr *m, int flags)
{
	ssize_t sum = 0, r;

	for (int i = 0; i < (int)m->msg_iovlen; i++) {
		if (!m->msg_iov[i].iov_len)
			continue;
		r = sys_recvfrom(fd, m->msg_iov[i].iov_base,
				 m->msg_iov[i].iov_len,
				 sum && !(flags & MSG_WAITALL)
					 ? flags | MSG_DONTWAIT
					 : flags,
				 NULL, NULL);
		if (r < 0)
			return sum ? sum : r;
		sum += r;
		if ((size_t)r < m->msg_iov[i].iov_len || flags & MSG_PEEK)
			break;
	}
	return sum;
}

long sockmsg_receive(int fd, struct msghdr *m, int flags)
{
	ssize_t n = message_size(m, true);
	int stream = socket_is_stream(fd);

	if (stream < 0)
		return stream;
	if (n < 0)
		return n;
	if (!user_writable(m, sizeof(*m)))
		return -EFAULT;
	m->msg_controllen = 0;
	m->msg_flags = 0;
	if (!stream)
		return receive_scattered(fd, m, (size_t)n, flags);
	m->msg_namelen = 0;
	return receive_each(fd, m, flags);
}
