/* SPDX-License-Identifier: ISC */
/*
 * Descriptors of the stack's sockets, and what poll sees of them; sock.h draws
 * it. Interface: sock_fd.h. Descriptors' numbers are the host's, so its own
 * rules hold for O_NONBLOCK and FD_CLOEXEC.
 */
#include "unix/sock_fd.h"

#include "net/socket.h"
#include "net/stack.h"
#include "unix/host.h"

#include <errno.h>
#include <fata/task.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS 65536

static struct sock *table[FDS];

struct sock *sock_of(int fd)
{
	return fd >= 0 && fd < FDS ? table[fd] : NULL;
}

bool sock_has(int fd)
{
	return sock_of(fd) != NULL;
}

void sock_put(struct sock *k)
{
	if (--k->refs)
		return;
	socket_close(k->s);
	stack_flush();
	REAL(close)(k->end);
	free(k);
}

/* --- mirroring ---------------------------------------------------------- */

static char junk[4096];

static void mirror(struct sock *k)
{
	short state = socket_poll(k->s);
	bool readable = state & ~(POLLOUT | POLLWRNORM | POLLPRI);
	bool full = !(state & (POLLOUT | POLLERR | POLLHUP));

	if (readable && !k->readable)
		REAL(send)(k->end, junk, 1, MSG_DONTWAIT);
	if (!readable && k->readable)
		REAL(recv)(k->fd, junk, 1, MSG_DONTWAIT);
	k->readable = readable;
	if (full && !k->full)
		while (REAL(send)(k->fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
			;
	if (!full && k->full)
		while (REAL(recv)(k->end, junk, sizeof(junk), MSG_DONTWAIT) > 0)
			;
	k->full = full;
}

static int follow(void *arg)
{
	struct sock *k = arg;

	while (!k->closed) {
		uint64_t seen = event_count(&k->s->event);

		mirror(k);
		event_wait(&k->s->event, &seen, FATA_FOREVER);
	}
	sock_put(k);
	return 0;
}

void sock_polled(int fd)
{
	static const struct task_attr attr = {.name = "socket"};
	struct sock *k = sock_of(fd);
	const int least = 1;

	if (!k)
		return;
	if (!k->mirrored) {
		REAL(setsockopt)
		(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
		if (fata_task_spawn(NULL, &attr, follow, k))
			return;
		k->mirrored = true;
		k->refs++;
	}
	mirror(k);
}

void sock_settle(struct sock *k)
{
	if (k->mirrored)
		mirror(k);
}

/* --- descriptors -------------------------------------------------------- */

void sock_closed(int fd)
{
	struct sock *k = sock_of(fd);

	if (!k)
		return;
	table[fd] = NULL;
	for (int i = 0; k->refs > 1u + k->mirrored && i < FDS; i++) {
		if (table[i] == k) { /* it has another name */
			k->fd = i;
			sock_put(k);
			return;
		}
	}
	k->closed = true;
	if (k->mirrored)
		event_signal(&k->s->event);
	sock_put(k);
}

void sock_duplicated(int fd, int copy)
{
	struct sock *k = sock_of(fd);

	if (!k || copy < 0 || copy >= FDS)
		return;
	table[copy] = k;
	k->refs++;
}

int sock_new_fd(struct socket *s, int flags)
{
	struct sock *k = calloc(1, sizeof(*k));
	int pair[2];

	if (!k || REAL(socketpair)(AF_UNIX, SOCK_STREAM, 0, pair)) {
		free(k);
		socket_close(s);
		return k ? -errno : -ENOMEM;
	}
	*k = (struct sock){.s = s, .fd = pair[0], .end = pair[1], .refs = 1};
	if (pair[0] >= FDS) {
		REAL(close)(pair[0]);
		sock_put(k);
		return -EMFILE;
	}
	fcntl(pair[1], F_SETFD, FD_CLOEXEC);
	if (flags & SOCK_CLOEXEC)
		fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	if (flags & SOCK_NONBLOCK)
		fcntl(pair[0], F_SETFL, O_NONBLOCK);
	table[pair[0]] = k;
	return pair[0];
}
