/* SPDX-License-Identifier: ISC */
/*
 * Sockets within the guest: pairs, names, connections, datagrams, files sent
 * along, times; and epoll over many of them. It also passes as a Linux program
 * in an empty directory (__FATA_UNIX__).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <lib/guest.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* libc's would bring the network along, with which a dom0 is too large. */
#define socket(domain, type, protocol)                                         \
	(int)syscall(SYS_socket, domain, type, protocol)

static struct sockaddr_un name(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strcpy(a.sun_path, path);
	return a;
}

static void *feed(void *arg)
{
	char *block = malloc(100000);
	int fd = *(int *)arg;

	memset(block, 'x', 100000);
	for (int i = 0; i < 10; i++)
		check_equal(write(fd, block, 100000), 100000);
	free(block);
	check_equal(shutdown(fd, SHUT_WR), 0);
	return NULL;
}

static void streams(void)
{
	int fds[2], n;
	char text[4096];
	long sum = 0, r;
	struct stat s;
	pthread_t t;

	check_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	check(!fstat(fds[0], &s) && S_ISSOCK(s.st_mode));
	check_equal(write(fds[0], "abc", 3), 3);
	check_equal(write(fds[0], "def", 3), 3);
	check(!ioctl(fds[1], FIONREAD, &n) && n == 6);
	check_equal(recv(fds[1], text, 100, MSG_PEEK), 6);
	check_equal(read(fds[1], text, 4), 4);
	check(!memcmp(text, "abcd", 4));
	check_equal(recv(fds[1], text, 100, MSG_DONTWAIT), 2);
	fails(recv(fds[1], text, 100, MSG_DONTWAIT), EAGAIN);
	/* more than fits at once; then the end */
	pthread_create(&t, NULL, feed, &fds[0]);
	while ((r = read(fds[1], text, sizeof(text))) > 0)
		sum += r;
	check_equal(r, 0);
	check_equal(sum, 1000000);
	pthread_join(t, NULL);
	fails(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	check_equal(write(fds[1], "y", 1), 1); /* the other way is open */
	close(fds[1]);
	check_equal(read(fds[0], text, 10), 1);
	check_equal(read(fds[0], text, 10), 0);
	struct pollfd p = {fds[0], POLLIN, 0};
	check_equal(poll(&p, 1, 0), 1);
	check(p.revents & POLLIN && p.revents & POLLHUP);
	close(fds[0]);
}

static void *serve(void *arg)
{
	struct sockaddr_un a;
	socklen_t size = sizeof(a);
	char text[10];
	int fd = accept(*(int *)arg, (void *)&a, &size);

	check(fd >= 0);
	check_equal(size, 2); /* the client has no name */
	size = sizeof(a);
	check_equal(getpeername(fd, (void *)&a, &size), 0);
	check_equal(size, 2);
	fails(syscall(SYS_accept4, *(int *)arg, NULL, NULL, 1), EINVAL);
	check_equal(recv(fd, text, 5, MSG_WAITALL), 5);
	check_equal(send(fd, text, 5, 0), 5);
	close(fd);
	return NULL;
}

static void connections(const char *path, unsigned length)
{
	struct sockaddr_un a = name(path), got;
	socklen_t size = offsetof(struct sockaddr_un, sun_path) + length;
	int server = socket(AF_UNIX, SOCK_STREAM, 0), fd, other;
	char text[10];
	pthread_t t;

	memcpy(a.sun_path, path, length);
	check_equal(bind(server, (void *)&a, size), 0);
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	fails(bind(other, (void *)&a, size), EADDRINUSE);
	fails(connect(other, (void *)&a, size), ECONNREFUSED);
	check_equal(listen(server, 2), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	fails(send(fd, "x", 1, 0), ENOTCONN);
	check_equal(connect(fd, (void *)&a, size), 0);
	fails(connect(fd, (void *)&a, size), EISCONN);
	pthread_create(&t, NULL, serve, &server);
	check_equal(write(fd, "he", 2), 2);
	check_equal(write(fd, "llo", 3), 3);
	check_equal(read(fd, text, 10), 5);
	check_equal(read(fd, text, 10), 0);
	pthread_join(t, NULL);
	size = sizeof(got);
	check_equal(getsockname(server, (void *)&got, &size), 0);
	check_equal(size, offsetof(struct sockaddr_un, sun_path) + length);
	check(!memcmp(got.sun_path, path, length));
	close(fd);
	close(server);
	fails(connect(other, (void *)&a, size), ECONNREFUSED);
	close(other);
	if (*path)
		check_equal(unlink(path), 0);
	a = name("/nowhere");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	fails(connect(fd, (void *)&a, sizeof(a)), ENOENT);
	close(fd);
}

static void datagrams(void)
{
	struct sockaddr_un a = name("one"), b = name("two"), from;
	int one = socket(AF_UNIX, SOCK_DGRAM, 0);
	int two = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t size = sizeof(from);
	char text[100];
	int pair[2];

	check_equal(bind(one, (void *)&a, sizeof(a)), 0);
	check_equal(bind(two, (void *)&b, sizeof(b)), 0);
	check_equal(sendto(one, "to two", 6, 0, (void *)&b, sizeof(b)), 6);
	check_equal(sendto(one, "", 0, 0, (void *)&b, sizeof(b)), 0);
	check_equal(recvfrom(two, text, 3, MSG_TRUNC, (void *)&from, &size), 6);
	check(!strcmp(from.sun_path, "one"));
	check_equal(recv(two, text, 10, 0), 0);
	check_equal(connect(two, (void *)&a, sizeof(a)), 0);
	check_equal(send(two, "back", 4, 0), 4);
	check_equal(recv(one, text, 10, 0), 4);
	char *large = calloc(1, 300000);
	fails(sendto(one, large, 300000, 0, (void *)&b, sizeof(b)), EMSGSIZE);
	free(large);
	close(one);
	fails(send(two, "gone", 4, 0), ECONNREFUSED);
	close(two);
	unlink("one");
	unlink("two");
	check_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	check_equal(send(pair[0], "one", 3, 0), 3);
	check_equal(send(pair[0], "four", 4, 0), 4);
	check_equal(recv(pair[1], text, 100, 0), 3);
	check_equal(recv(pair[1], text, 100, 0), 4);
	close(pair[0]);
	check_equal(recv(pair[1], text, 100, 0), 0);
	close(pair[1]);
}

static union {
	struct cmsghdr header;
	char room[CMSG_SPACE(2 * sizeof(int)) + CMSG_SPACE(12)];
} control;

/* Two files and a few bytes in two buffers. */
static void send_files(int to, int a, int b)
{
	struct iovec v[2] = {{(void *)"file", 4}, {(void *)"s", 1}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
	int fds[2] = {a, b};

	m.msg_control = &control;
	m.msg_controllen = CMSG_SPACE(sizeof(fds));
	control.header.cmsg_len = CMSG_LEN(sizeof(fds));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	check_equal(sendmsg(to, &m, 0), 5);
}

static void files_along(void)
{
	char text[10] = "";
	struct iovec v = {text, sizeof(text)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	int pair[2], ends[2], fds[2], on = 1;
	struct ucred who;
	socklen_t size = sizeof(who);

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !pipe(ends));
	check_equal(write(pair[0], "first", 5), 5);
	send_files(pair[0], ends[0], ends[1]);
	close(ends[0]);
	close(ends[1]);
	check_equal(write(pair[0], "last", 4), 4);
	m.msg_control = &control;
	m.msg_controllen = sizeof(control);
	/* not on to "last" */
	check_equal(recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC), 10);
	check(!memcmp(text, "firstfiles", 10));
	check_equal(control.header.cmsg_len, CMSG_LEN(sizeof(fds)));
	memcpy(fds, CMSG_DATA(&control.header), sizeof(fds));
	check_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	check(write(fds[1], "pipe", 4) == 4 && read(fds[0], text, 10) == 4);
	close(fds[0]);
	close(fds[1]);
	/* no room for them: they are closed, the bytes come */
	check_equal(recv(pair[1], text, 10, 0), 4);
	send_files(pair[0], 0, 1);
	m.msg_control = NULL;
	m.msg_controllen = 0;
	check_equal(recvmsg(pair[1], &m, 0), 5);
	check_equal(m.msg_flags & MSG_CTRUNC, MSG_CTRUNC);
	/* who it is */
	check(!getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, &size));
	check_equal(who.pid, getpid());
	check(!setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	check_equal(write(pair[0], "me", 2), 2);
	m.msg_control = &control;
	m.msg_controllen = sizeof(control);
	check_equal(recvmsg(pair[1], &m, 0), 2);
	check_equal(control.header.cmsg_type, SCM_CREDENTIALS);
	/* in flight when both ends are closed */
	send_files(pair[0], 0, 1);
	close(pair[0]);
	close(pair[1]);
}

static void many_messages(void)
{
	char text[4][8];
	struct iovec v[4];
	struct mmsghdr m[4] = {0};
	int pair[2];

	check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	for (int i = 0; i < 4; i++) {
		v[i] = (struct iovec){text[i], (size_t)(i + 1)};
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	check_equal(sendmmsg(pair[0], m, 4, 0), 4);
	for (int i = 0; i < 4; i++)
		v[i].iov_len = 8;
	check_equal(recvmmsg(pair[1], m, 3, MSG_WAITFORONE, NULL), 3);
	check_equal(m[2].msg_len, 3);
	check_equal(recvmmsg(pair[1], m, 4, MSG_WAITFORONE, NULL), 1);
	check_equal(m[0].msg_len, 4);
	close(pair[0]);
	close(pair[1]);
}

static long ms_since(const struct timespec *a)
{
	struct timespec b;

	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a->tv_sec) * 1000 +
	       (b.tv_nsec - a->tv_nsec) / 1000000;
}

static void times(void)
{
	struct timeval t = {0, 20000};
	char *block = calloc(1, 300000);
	struct timespec a;
	int pair[2];

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	check(!setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	check(!setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)));
	clock_gettime(CLOCK_MONOTONIC, &a);
	fails(read(pair[0], block, 1), EAGAIN);
	fails(recv(pair[0], block, 1, 0), EAGAIN);
	check(ms_since(&a) >= 39);
	check(send(pair[0], block, 300000, 0) > 100000);
	fails(send(pair[0], block, 1, 0), EAGAIN);
	free(block);
	close(pair[0]);
	close(pair[1]);
}

#define MANY 200

static void watch(int set, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	check_equal(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e), 0);
}

static void sets(void)
{
	int set = epoll_create1(0), outer = epoll_create1(0), fds[MANY][2];
	struct epoll_event got[8];
	int seen = 0;

	for (int i = 0; i < MANY; i++) {
		check(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]));
		watch(set, fds[i][0], EPOLLIN | (i % 2 ? 0u : EPOLLET));
	}
	watch(outer, set, EPOLLIN);
	fails(epoll_ctl(set, EPOLL_CTL_ADD, set, got), EINVAL);
	got[0] = (struct epoll_event){.events = EPOLLIN};
	fails(epoll_ctl(set, EPOLL_CTL_ADD, outer, got), ELOOP);
	check_equal(epoll_wait(outer, got, 8, 0), 0);
	for (int i = 0; i < 20; i++)
		check_equal(write(fds[i * 7][1], "x", 1), 1);
	check_equal(epoll_wait(outer, got, 8, -1), 1);
	check_equal(got[0].data.fd, set);
	/* eight at a time, every one of the twenty; edges only once */
	for (int round = 0; round < 3; round++)
		seen += epoll_wait(set, got, 8, 0);
	check(seen >= 20);
	for (int round = 0; round < 4; round++)
		for (int n = epoll_wait(set, got, 8, 0); n > 0; n--)
			check(!(got[n - 1].data.fd == fds[0][0]));
	/* what is emptied is not reported */
	for (int i = 0; i < 20; i++)
		check_equal(read(fds[i * 7][0], got, 8), 1);
	check_equal(epoll_wait(set, got, 8, 0), 0);
	check_equal(epoll_wait(outer, got, 8, 0), 0);
	/* closed ones leave */
	close(fds[3][0]);
	close(fds[4][1]);
	check_equal(epoll_wait(set, got, 8, 0), 1);
	check_equal(got[0].data.fd, fds[4][0]);
	check(got[0].events & EPOLLHUP);
	for (int i = 0; i < MANY; i++) {
		close(fds[i][1]);
		if (i != 3)
			close(fds[i][0]);
	}
	close(set);
	close(outer);
}

int main(void)
{
#ifndef __FATA_UNIX__
	check_equal(chdir("/tmp"), 0);
#endif
	signal(SIGPIPE, SIG_IGN);
	streams();
	connections("server", 7);
	connections("\0hidden", 7);
	datagrams();
	files_along();
	many_messages();
	times();
	sets();
	check_equal(dup(0), 3); /* nothing is left open */
	return 0;
}
