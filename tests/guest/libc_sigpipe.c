/* SPDX-License-Identifier: ISC */
/*
 * Writing where nobody reads any more: EPIPE for who ignores SIGPIPE or has a
 * handler for it, without a signal for send() with MSG_NOSIGNAL, and the end of
 * a program that does nothing about it, which says why.
 * guest: exit 141
 * guest: image says ended by signal 13 \(SIGPIPE\)
 */
#include <errno.h>
#include <lib/guest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile sig_atomic_t got;

static void handler(int sig)
{
	got = sig;
}

/* Ends whose other ends are closed. */
static int a_pipe(void)
{
	int fd[2];

	check_equal(pipe(fd), 0);
	close(fd[0]);
	return fd[1];
}

static int a_socket(void)
{
	int fd[2];

	check_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	close(fd[0]);
	return fd[1];
}

static void refused(int fd)
{
	struct iovec two[2] = {{"ab", 2}, {"cd", 2}};

	errno = 0;
	check(write(fd, "x", 1) == -1 && errno == EPIPE);
	errno = 0;
	check(writev(fd, two, 2) == -1 && errno == EPIPE);
	close(fd);
}

int main(void)
{
	int s = a_socket();

	check(send(s, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
	close(s);
	signal(SIGPIPE, SIG_IGN);
	refused(a_pipe());
	refused(a_socket());
	signal(SIGPIPE, handler);
	refused(a_pipe());
	check_equal(got, SIGPIPE);
	got = 0;
	refused(a_socket());
	check_equal(got, SIGPIPE);
	signal(SIGPIPE, SIG_DFL);
	write(a_pipe(), "x", 1);
	still_alive();
}
