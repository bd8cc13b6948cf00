/* SPDX-License-Identifier: ISC */
/*
 * lab_session.c - commands and files in dom0, by way of its agent.
 *
 * Each request is one connection to 127.0.0.1, which QEMU's user network hands
 * to the agent (lab/proto.h). Closing it ends what the request started.
 *
 * Interface: see lab.h. QEMU accepts a connection before dom0 does, so a peer
 * counts as there only when it has said hello.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../lab/proto.h"
#include "lab_int.h"
#include "qmp.h"

#define HELLO_WAIT_MS 10000
#define MOVE_WAIT_MS  60000

struct session {
	struct lab_paths paths;
	struct lab_instance instance;
	int sock;
	int active; /* counted: the lock that keeps the lab running */
	struct lab_frame rx, tx;
};

static int dial(int port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int greet(int fd, struct lab_frame *f, int ms)
{
	size_t n = strlen(LAB_GREETING);
	int rc = lab_send(fd, f, LAB_HELLO, LAB_GREETING, n, ms);

	if (!rc)
		rc = lab_frame_recv_wait(fd, f, ms);
	if (rc)
		return rc;
	return f->head.type == LAB_HELLO && f->head.len == n &&
			       !memcmp(f->data, LAB_GREETING, n)
		       ? 0
		       : -EPROTO;
}

int lab_let_run(const struct lab_paths *p, int run)
{
	struct qmp *q = malloc(sizeof(*q));
	int rc = q ? qmp_open(q, p->run, "qmp.sock") : -ENOMEM;

	if (!rc) {
		rc = qmp_command(q, run ? "cont" : "stop", NULL);
		qmp_close(q);
	}
	free(q);
	return rc;
}

/* A counted lab's clock leaps over idle time, so it would burn a CPU for
 * nothing: it runs only while someone holds the lock. */
static int keep_running(struct session *s)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/active", s->paths.run);
	s->active = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->active < 0 || flock(s->active, LOCK_SH))
		return -errno;
	return lab_let_run(&s->paths, 1);
}

static void close_session(struct session *s)
{
	if (s->sock >= 0)
		close(s->sock);
	if (s->active >= 0) {
		if (flock(s->active, LOCK_EX | LOCK_NB) == 0)
			lab_let_run(&s->paths, 0);
		close(s->active);
	}
	free(s);
}

/* Connects to the lab that runs; NULL, with *rc set and said, if it cannot. */
static struct session *open_session(int *rc)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		*rc = -ENOMEM;
		return NULL;
	}
	s->sock = -1;
	s->active = -1;
	*rc = lab_find_paths(&s->paths);
	if (*rc == 0 && lab_find_instance(&s->paths, &s->instance))
		*rc = lab_error(-ESRCH,
				"no lab runs; start one with `fata lab up`");
	else if (*rc == 0 && s->instance.options.counted &&
		 (*rc = keep_running(s)))
		lab_error(*rc, "the lab does not go on: %s", strerror(-*rc));
	if (*rc == 0) {
		s->sock = dial(s->instance.port);
		*rc = s->sock < 0 ? s->sock
				  : greet(s->sock, &s->rx, HELLO_WAIT_MS);
		if (*rc)
			lab_error(*rc, "dom0 does not answer: %s",
				  strerror(-*rc));
	}
	if (*rc == 0)
		return s;
	close_session(s);
	return NULL;
}

int lab_wait_agent(int port, int ms, int set_clock)
{
	int64_t end = lab_now_ms() + ms;
	struct lab_frame *f = malloc(sizeof(*f));
	int64_t now = (int64_t)time(NULL);
	int fd, rc;

	if (!f)
		return -ENOMEM;
	do {
		fd = dial(port);
		rc = fd < 0 ? fd : greet(fd, f, (int)(end - lab_now_ms()));
		if (rc == 0)
			break;
		if (fd >= 0)
			close(fd);
		lab_sleep_ms(50);
	} while (lab_now_ms() < end);
	if (rc == 0 && set_clock) {
		rc = lab_send(fd, f, LAB_TIME, &now, sizeof(now), ms);
		if (!rc)
			rc = lab_frame_recv_wait(fd, f, ms);
		if (!rc)
			rc = lab_result(f);
	}
	if (rc == 0)
		close(fd);
	free(f);
	return rc;
}

/* --- commands ---------------------------------------------------------- */

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

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		struct pollfd w = {.fd = fd, .events = POLLOUT};

		if (n < 0 && errno == EAGAIN)
			poll(&w, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
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
	return fd < 0 ? 0 : write_all(fd, f->data, f->head.len);
}

/* argv as one frame of strings. */
static int send_argv(struct session *s, char *const argv[])
{
	size_t n = 0;

	for (int i = 0; argv[i]; i++) {
		size_t len = strlen(argv[i]) + 1;

		if (len > LAB_FRAME_MAX - n)
			return -E2BIG;
		memcpy(s->tx.data + n, argv[i], len);
		n += len;
	}
	return lab_send(s->sock, &s->tx, LAB_EXEC, s->tx.data, n, MOVE_WAIT_MS);
}

/* Reads `in` into the free outgoing frame; at its end closes it. */
static void take_input(struct session *s, int *in)
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
static int take_output(struct session *s, struct sink *k)
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

static int pump(struct session *s, int in, struct sink *k)
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
	struct session *s = open_session(&rc);

	if (!s)
		return rc;
	signal(SIGPIPE, SIG_IGN);
	if (raw && in >= 0 && isatty(in))
		make_raw(in);
	rc = send_argv(s, argv);
	if (!rc)
		rc = pump(s, in, k);
	restore_terminal();
	close_session(s);
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

/* --- files ------------------------------------------------------------- */

static int wait_result(struct session *s)
{
	int rc = lab_frame_recv_wait(s->sock, &s->rx, MOVE_WAIT_MS);

	return rc ? rc : lab_result(&s->rx);
}

static int send_file(struct session *s, int fd)
{
	for (;;) {
		ssize_t n = read(fd, s->tx.data, LAB_FRAME_MAX);
		int rc;

		if (n < 0)
			return -errno;
		rc = lab_send(s->sock, &s->tx, LAB_DATA, s->tx.data, (size_t)n,
			      MOVE_WAIT_MS);
		/* an early answer (no such folder) says why the peer left */
		if (rc)
			return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
		if (n == 0)
			return 0;
	}
}

static int put_open(struct session *s, int fd, const char *dom0_path)
{
	size_t len = strlen(dom0_path);
	struct stat st;
	uint32_t mode;
	int rc;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (len > LAB_FRAME_MAX - sizeof(mode))
		return -ENAMETOOLONG;
	mode = st.st_mode & 07777;
	memcpy(s->tx.data, &mode, sizeof(mode));
	memcpy(s->tx.data + sizeof(mode), dom0_path, len);
	rc = lab_send(s->sock, &s->tx, LAB_PUT, s->tx.data, sizeof(mode) + len,
		      MOVE_WAIT_MS);
	if (!rc)
		rc = send_file(s, fd);
	return rc ? rc : wait_result(s);
}

int lab_put(const char *host_path, const char *dom0_path)
{
	int fd = open(host_path, O_RDONLY | O_CLOEXEC);
	struct session *s;
	int rc;

	if (fd < 0)
		return lab_error(-errno, "%s: %s", host_path, strerror(errno));
	s = open_session(&rc);
	if (s) {
		rc = put_open(s, fd, dom0_path);
		if (rc)
			lab_error(rc, "put %s to dom0's %s: %s", host_path,
				  dom0_path, strerror(-rc));
		close_session(s);
	}
	close(fd);
	return rc;
}

static int receive_file(struct session *s, int fd)
{
	for (;;) {
		int rc = lab_frame_recv_wait(s->sock, &s->rx, MOVE_WAIT_MS);

		if (rc)
			return rc;
		if (s->rx.head.type == LAB_RESULT)
			return lab_result(&s->rx);
		if (s->rx.head.type != LAB_DATA)
			return -EPROTO;
		rc = write_all(fd, s->rx.data, s->rx.head.len);
		if (rc)
			return rc;
	}
}

static int get_open(struct session *s, const char *dom0_path,
		    const char *host_path)
{
	char tmp[PATH_MAX];
	int fd, rc;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.get.%d", host_path,
			     (int)getpid()) >= sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	rc = lab_send(s->sock, &s->tx, LAB_GET, dom0_path, strlen(dom0_path),
		      MOVE_WAIT_MS);
	if (!rc)
		rc = receive_file(s, fd);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(tmp, host_path))
		rc = -errno;
	if (rc)
		unlink(tmp);
	return rc;
}

int lab_get(const char *dom0_path, const char *host_path)
{
	struct session *s;
	int rc;

	if (strlen(dom0_path) > LAB_FRAME_MAX)
		return lab_error(-ENAMETOOLONG, "the name is too long");
	s = open_session(&rc);
	if (!s)
		return rc;
	rc = get_open(s, dom0_path, host_path);
	if (rc)
		lab_error(rc, "get dom0's %s to %s: %s", dom0_path, host_path,
			  strerror(-rc));
	close_session(s);
	return rc;
}
