/* SPDX-License-Identifier: ISC */
/*
 * proto.c - frames between the tool and the lab's agent (see proto.h).
 *
 * Linked into both ends, so that they agree. Nothing here allocates; a length
 * is checked before a byte of the data is read.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "proto.h"

void lab_frame_set(struct lab_frame *f, enum lab_type type, const void *data,
		   size_t len)
{
	memset(&f->head, 0, sizeof(f->head));
	f->head.len = (uint32_t)len;
	f->head.type = (uint8_t)type;
	if (len && data != f->data)
		memmove(f->data, data, len);
	f->done = 0;
	f->total = sizeof(f->head) + len;
}

/* Receives up to byte `upto` of the frame. 1: there, 0: would block. */
static int recv_upto(int fd, struct lab_frame *f, size_t upto)
{
	while (f->done < upto) {
		char *at = f->done < sizeof(f->head)
				   ? (char *)&f->head + f->done
				   : f->data + f->done - sizeof(f->head);
		ssize_t n = recv(fd, at, upto - f->done, MSG_DONTWAIT);

		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		f->done += (size_t)n;
	}
	return 1;
}

int lab_frame_recv(int fd, struct lab_frame *f)
{
	int rc = recv_upto(fd, f, sizeof(f->head));

	if (rc != 1)
		return rc;
	if (f->head.len > LAB_FRAME_MAX || f->head.zero[0] || f->head.zero[1] ||
	    f->head.zero[2])
		return -EPROTO;
	return recv_upto(fd, f, sizeof(f->head) + f->head.len);
}

int lab_frame_send(int fd, struct lab_frame *f)
{
	while (f->done < f->total) {
		struct iovec iov[2] = {
			{(char *)&f->head + f->done, 0},
			{f->data, f->head.len},
		};
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
		ssize_t n;

		if (f->done < sizeof(f->head)) {
			iov[0].iov_len = sizeof(f->head) - f->done;
		} else {
			size_t skip = f->done - sizeof(f->head);

			iov[1].iov_base = f->data + skip;
			iov[1].iov_len = f->head.len - skip;
			msg.msg_iov++;
			msg.msg_iovlen = 1;
		}
		n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		f->done += (size_t)n;
	}
	f->total = 0;
	return 1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_for(int fd, struct lab_frame *f, int ms, short events,
		    int (*move)(int, struct lab_frame *))
{
	int64_t end = now_ms() + ms;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int rc = move(fd, f);
		int64_t left = end - now_ms();

		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

int lab_frame_recv_wait(int fd, struct lab_frame *f, int ms)
{
	f->done = 0;
	return wait_for(fd, f, ms, POLLIN, lab_frame_recv);
}

int lab_frame_send_wait(int fd, struct lab_frame *f, int ms)
{
	return wait_for(fd, f, ms, POLLOUT, lab_frame_send);
}

int lab_send(int fd, struct lab_frame *f, enum lab_type type, const void *data,
	     size_t len, int ms)
{
	lab_frame_set(f, type, data, len);
	return lab_frame_send_wait(fd, f, ms);
}

int lab_result(const struct lab_frame *f)
{
	int32_t value;

	if (f->head.type != LAB_RESULT || f->head.len != sizeof(value))
		return -EPROTO;
	memcpy(&value, f->data, sizeof(value));
	return value;
}
