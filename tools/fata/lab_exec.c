/* SPDX-License-Identifier: ISC */
/*
 * lab_exec.c - commands in dom0, with streams and exit status of their own.
 *
 * Interface: lab_exec, lab_capture, lab_console of lab.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lab_session.h"

static struct termios saved_terminal;
static volatile sig_atomic_t terminal_fd = -1;

static void restore_terminal(void)
{
	if (terminal_fd >= 0)
		tcsetattr(terminal_fd, TCSANOW, &saved_terminal);
	terminal_fd = -1;
}

static void on_signal(int sig)
{
	restore_terminal();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &saved_terminal))
		return;
	t = saved_terminal;
	cfmakeraw(&t);
	t.c_oflag |= OPOST | ONLCR;
	if (tcsetattr(fd, TCSANOW, &t))
		return;
	terminal_fd = fd;
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
}

/* Where a command's output goes: descriptors, or a text. */
struct sink {
	int out, err;
	char *text;
	size_t size, used;
};

static int take(struct sink *k, const struct lab_frame *f)
{
	int fd = f->head.type == LAB_STDOUT ? k->out : k->err;

	if (k->text) {
		size_t room = k->size - 1 - k->used;
		size_t n = f->head.len < room ? f->head.len : room;

		memcpy(k->text + k->used, f->data, n);
		k->used += n;
		return 0;
	}
	return fd < 0 ? 0 : lab_write_all(fd, f->data, f->head.len);
}

/* argv as one frame of strings. */
static int send_argv(struct lab_session *s, char *const argv[])
{
	size_t n = 0;

	for (int i = 0; argv[i]; i++) {
		size_t len = strlen(argv[i]) + 1;

		if (len > LAB_FRAME_MAX - n)
			return -E2BIG;
		memcpy(s->tx.data + n, argv[i], len);
		n += len;
	}
	return lab_send(s->sock, &s->tx, LAB_EXEC, s->tx.data, n,
			LAB_MOVE_WAIT_MS);
}

/* Reads `in` into the free outgoing frame; at its end closes it. */
static void take_input(struct lab_session *s, int *in)
{
	ssize_t n = *in < 0 ? 0 : read(*in, s->tx.data, LAB_FRAME_MAX);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		*in = -1;
		n = 0;
	}
	lab_frame_set(&s->tx, LAB_STDIN, s->tx.data, (size_t)n);
}

/* Takes frames until one would block. 1: the result is in s->rx. */
static int take_output(struct lab_session *s, struct sink *k)
{
	for (;;) {
		int rc = lab_frame_recv(s->sock, &s->rx);

		if (rc <= 0)
			return rc;
		if (s->rx.head.type == LAB_RESULT)
			return 1;
		if (s->rx.head.type != LAB_STDOUT &&
		    s->rx.head.type != LAB_STDERR)
			return -EPROTO;
		rc = take(k, &s->rx);
		if (rc)
			return rc;
		s->rx.done = 0;
	}
}

static int pump(struct lab_session *s, int in, struct sink *k)
{
	int rc;

	s->rx.done = 0;
	if (in < 0)
		take_input(s, &in);
	for (;;) {
		struct pollfd p[2] = {
			{.fd = s->sock, .events = POLLIN},
			{.fd = s->tx.total ? -1 : in, .events = POLLIN},
		};

		rc = lab_frame_send(s->sock, &s->tx);
		if (rc < 0)
			return rc;
		if (s->tx.total)
			p[0].events |= POLLOUT;
		else
			p[1].fd = in;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		rc = take_output(s, k);
		if (rc)
			return rc < 0 ? rc : lab_result(&s->rx);
		if (!s->tx.total && p[1].revents)
			take_input(s, &in);
	}
}

static int run(char *const argv[], int in, struct sink *k, int raw)
{
	int rc;
	struct lab_session *s = lab_session_open(&rc);

	if (!s)
		return rc;
	signal(SIGPIPE, SIG_IGN);
	if (raw && in >= 0 && isatty(in))
		make_raw(in);
	rc = send_argv(s, argv);
	if (!rc)
		rc = pump(s, in, k);
	restore_terminal();
	lab_session_close(s);
	if (rc < 0)
		lab_error(rc, "%s: %s", argv[0],
			  rc == -EPIPE || rc == -ECONNRESET
				  ? "the lab or our output has gone"
				  : strerror(-rc));
	return rc;
}

int lab_exec(char *const argv[], int in, int out, int err, int raw)
{
	struct sink k = {.out = out, .err = err};

	return run(argv, in, &k, raw);
}

int lab_capture(const char *command, char *text, size_t size)
{
	char *argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
	struct sink k = {.text = text, .size = size};
	int rc = run(argv, -1, &k, 0);

	text[k.used] = 0;
	return rc;
}

int lab_console(const char *domain)
{
	char *argv[] = {"xl", "console", (char *)(uintptr_t)domain, NULL};

	return lab_exec(argv, 0, 1, 2, 1);
}
