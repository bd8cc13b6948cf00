/* SPDX-License-Identifier: ISC */
/*
 * exec.c - runs one command in dom0 with its three streams on one socket.
 *
 * Interface: the command is the leader of a new session, so that its process
 * group can be ended as a whole when the peer goes away. When the command
 * itself has ended, what is still in its pipes is passed on and the result is
 * sent, even if a daemon that it left behind holds the pipes open.
 *
 * Every stream holds at most one frame here: a peer that does not read stops
 * the command, not this process, and is still seen when it closes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

#define ARGS_MAX     256
#define SHELL_CANT   127
#define TERM_WAIT_MS 2000

struct session {
	int sock;
	pid_t pid;
	int pidfd;
	int in;     /* the command's stdin; -1 = closed */
	int out[2]; /* its stdout and stderr; -1 = at end */
	int ended;
	int status;
	size_t fed; /* how much of the frame in `rx` went into `in` */
	int rx_full;
	struct lab_frame *rx;
	struct lab_frame *tx;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* argv from NUL-terminated strings; -EPROTO if that is not what they are. */
static int split_args(struct lab_frame *f, char **argv)
{
	size_t at = 0;
	int argc = 0;

	if (f->head.len == 0 || f->data[f->head.len - 1] != 0)
		return -EPROTO;
	while (at < f->head.len) {
		if (argc == ARGS_MAX)
			return -E2BIG;
		argv[argc++] = f->data + at;
		at += strlen(f->data + at) + 1;
	}
	argv[argc] = NULL;
	return 0;
}

static void child(char **argv, int in, int out, int err)
{
	setsid();
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	signal(SIGPIPE, SIG_DFL);
	if (chdir("/root"))
		_exit(SHELL_CANT);
	execvp(argv[0], argv);
	dprintf(2, "lab: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(SHELL_CANT);
}

static int start(struct session *s, char **argv)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
	    pipe2(err, O_CLOEXEC))
		return -errno;
	s->pid = fork();
	if (s->pid < 0)
		return -errno;
	if (s->pid == 0)
		child(argv, in[0], out[1], err[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	s->in = in[1];
	s->out[0] = out[0];
	s->out[1] = err[0];
	fcntl(s->in, F_SETFL, O_NONBLOCK);
	fcntl(s->out[0], F_SETFL, O_NONBLOCK);
	fcntl(s->out[1], F_SETFL, O_NONBLOCK);
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	return s->pidfd < 0 ? -errno : 0;
}

static int reap(struct session *s, int flags)
{
	int status;

	if (waitpid(s->pid, &status, flags) != s->pid)
		return 0;
	s->ended = 1;
	s->status = WIFEXITED(status) ? WEXITSTATUS(status)
				      : 128 + WTERMSIG(status);
	return 1;
}

/* The peer has gone: the group gets SIGTERM, then SIGKILL. */
static void end_group(struct session *s)
{
	struct pollfd p = {.fd = s->pidfd, .events = POLLIN};

	kill(-s->pid, SIGTERM);
	if (s->pidfd >= 0)
		poll(&p, 1, TERM_WAIT_MS);
	kill(-s->pid, SIGKILL);
	if (!s->ended)
		reap(s, 0);
}

/* Passes the frame in `rx` on; 1 = it is used up. */
static int feed(struct session *s)
{
	struct lab_frame *f = s->rx;
	int32_t sig;

	if (f->head.type == LAB_SIGNAL) {
		if (f->head.len != sizeof(sig))
			return -EPROTO;
		memcpy(&sig, f->data, sizeof(sig));
		kill(-s->pid, sig);
		return 1;
	}
	if (f->head.type != LAB_STDIN)
		return -EPROTO;
	if (f->head.len == 0)
		close_fd(&s->in);
	while (s->in >= 0 && s->fed < f->head.len) {
		ssize_t n =
			write(s->in, f->data + s->fed, f->head.len - s->fed);

		if (n >= 0)
			s->fed += (size_t)n;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			close_fd(&s->in); /* nobody reads: drop the rest */
	}
	s->fed = 0;
	return 1;
}

static int from_peer(struct session *s)
{
	int rc;

	if (!s->rx_full) {
		rc = lab_frame_recv(s->sock, s->rx);
		if (rc <= 0)
			return rc;
		s->rx_full = 1;
	}
	rc = feed(s);
	if (rc == 1) {
		s->rx_full = 0;
		s->rx->done = 0;
		return 0;
	}
	return rc;
}

/* Fills the free outgoing frame from stdout or stderr. */
static int from_command(struct session *s)
{
	static const enum lab_type type[2] = {LAB_STDOUT, LAB_STDERR};
	int i;

	for (i = 0; i < 2 && s->tx->total == 0; i++) {
		ssize_t n;

		if (s->out[i] < 0)
			continue;
		n = read(s->out[i], s->tx->data, LAB_FRAME_MAX);
		if (n > 0)
			lab_frame_set(s->tx, type[i], s->tx->data, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			close_fd(&s->out[i]);
	}
	return s->tx->total != 0;
}

static void wait_for_work(struct session *s)
{
	struct pollfd p[5] = {
		{.fd = s->sock, .events = POLLRDHUP},
		{.fd = s->rx_full ? s->in : -1, .events = POLLOUT},
		{.fd = s->tx->total ? -1 : s->out[0], .events = POLLIN},
		{.fd = s->tx->total ? -1 : s->out[1], .events = POLLIN},
		{.fd = s->ended ? -1 : s->pidfd, .events = POLLIN},
	};

	if (!s->rx_full)
		p[0].events |= POLLIN;
	if (s->tx->total)
		p[0].events |= POLLOUT;
	poll(p, 5, -1);
	if (p[0].revents & (POLLRDHUP | POLLHUP | POLLERR))
		s->sock = -1;
}

/* One step; 0 = go on, 1 = the command has ended and all is passed on. */
static int step(struct session *s)
{
	int rc;

	wait_for_work(s);
	if (s->sock < 0)
		return -EPIPE;
	rc = from_peer(s);
	if (rc < 0)
		return rc;
	rc = lab_frame_send(s->sock, s->tx);
	if (rc < 0)
		return rc;
	/* In this order: output is complete once the end has been seen. */
	if (!s->ended)
		reap(s, WNOHANG);
	while (s->tx->total == 0) {
		if (!from_command(s))
			return s->ended;
		rc = lab_frame_send(s->sock, s->tx);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int agent_exec(int sock, struct lab_frame *f)
{
	static struct lab_frame tx;
	struct session s = {.sock = sock,
			    .in = -1,
			    .out = {-1, -1},
			    .pidfd = -1,
			    .rx = f,
			    .tx = &tx};
	char *argv[ARGS_MAX + 1];
	int rc;

	rc = split_args(f, argv);
	if (rc)
		return rc;
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	rc = start(&s, argv);
	f->done = 0;
	while (rc == 0)
		rc = step(&s);
	if (rc < 0 && s.pid > 0) {
		end_group(&s);
		return rc == -ECONNRESET ? -EPIPE : rc;
	}
	return rc < 0 ? rc : s.status;
}
