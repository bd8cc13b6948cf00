/* SPDX-License-Identifier: ISC */
/*
 * Consoles of a Linux process: console 0 is standard input and output, others
 * are what boot parameter --channel says:
 *
 *     --channel NAME=pty          a new terminal, whose name the log tells
 *     --channel NAME=unix:PATH    a socket on which somebody listens
 *     --channel NAME=PATH         a FIFO, terminal or file, to read and write
 *
 *     writers -> buffer -> descriptor, as far as it takes without waiting
 *
 * As on Xen a writer waits for a reader that has stopped, but not longer than
 * `console-wait` in all; then what finds no room is dropped and counted. End of
 * file on the input reads as -EIO: nobody will ever type again.
 */
#include "core/console.h"
#include "core/param.h"
#include "unix/host.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fata/task.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

FATA_LOG_SOURCE("console");

#define CHUNK 4096 /* what a pipe that polls writable takes at once */

static uint64_t buffer_size = 16384;
FATA_PARAM_SIZE(buffer_size, "console-buffer", "16K",
		"console output kept while nobody reads it");
static uint64_t wait_ns = 500 * FATA_NS_PER_MS;
FATA_PARAM_TIME(wait_ns, "console-wait", "500ms",
		"how long output may wait for a reader before it is dropped");

struct console {
	const char *name;
	struct console *next;
	struct unix_watch in, out;
	bool open, in_watched, out_watched, file, eof;
	char *buffer; /* output that found no room */
	size_t size, head, used;
	uint64_t patience; /* ns that writers may still wait */
	struct event readable, writable;
	struct console_line line;
	struct console_stat stat;
	const char *target; /* of a channel */
};

static struct console main_console = {.in.fd = 0, .out.fd = 1};
static struct console *channels;

struct console *console_main(void)
{
	return &main_console;
}

struct console_line *console_line(struct console *c)
{
	return &c->line;
}

struct event *console_readable(struct console *c)
{
	return &c->readable;
}

void console_stat(struct console *c, struct console_stat *s)
{
	*s = c->stat;
}

/* --- output ------------------------------------------------------------- */

/* Give the descriptor what it takes now; how much that was. */
static size_t push(struct console *c, const char *text, size_t n)
{
	struct pollfd p = {.fd = c->out.fd, .events = POLLOUT};
	size_t done = 0;

	while (done < n) {
		size_t part = n - done < CHUNK ? n - done : CHUNK;
		ssize_t rc;

		if (!c->file && (REAL(poll)(&p, 1, 0) <= 0 ||
				 p.revents & (POLLERR | POLLNVAL)))
			break;
		rc = REAL(write)(c->out.fd, text + done, part);
		if (rc <= 0)
			break;
		done += (size_t)rc;
		c->patience = wait_ns;
	}
	return done;
}

static void drained(void *arg, uint32_t events);

static void drain(struct console *c)
{
	while (c->used) {
		size_t part = c->size - c->head, done;

		part = part < c->used ? part : c->used;
		done = push(c, c->buffer + c->head, part);
		c->head = (c->head + done) % c->size;
		c->used -= done;
		if (done < part)
			break;
	}
	if (c->used && !c->out_watched) {
		c->out.fn = drained;
		c->out.arg = c;
		c->out_watched = !unix_watch(&c->out, EPOLLOUT);
	} else if (!c->used && c->out_watched) {
		unix_unwatch(&c->out);
		c->out_watched = false;
	}
}

static void drained(void *arg, uint32_t events)
{
	struct console *c = arg;

	(void)events;
	if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLOUT)) {
		c->stat.broken = true; /* nobody will read this */
		c->stat.dropped += c->used;
		c->used = 0;
	}
	drain(c);
	event_signal(&c->writable);
}

/* Queue as much as fits; how many bytes of text that was. */
static size_t queue(struct console *c, const char *text, size_t n)
{
	size_t done = 0;

	drain(c);
	if (!c->used)
		done = push(c, text, n);
	if (done < n && !c->buffer) {
		c->size = buffer_size < 256 ? 256 : buffer_size;
		c->buffer = malloc(c->size);
	}
	while (c->buffer && done < n && c->used < c->size) {
		c->buffer[(c->head + c->used++) % c->size] = text[done];
		done++;
	}
	if (c->used)
		drain(c);
	c->stat.written += done;
	return done;
}

ssize_t console_write(struct console *c, const void *data, size_t n)
{
	const char *text = data;
	size_t done = queue(c, text, n);

	while (done < n && !c->stat.broken && c->patience) {
		int rc = console_await_room(&c->writable, &c->patience);

		if (rc)
			return rc;
		done += queue(c, text + done, n - done);
	}
	c->stat.dropped += n - done;
	return (ssize_t)n;
}

int console_flush(struct console *c, uint64_t deadline)
{
	drain(c);
	while (c->used && !c->stat.broken) {
		uint64_t seen = event_count(&c->writable);
		int rc = event_wait(&c->writable, &seen, deadline);

		if (rc)
			return rc;
	}
	return 0;
}

static void log_text(const char *text, size_t n)
{
	main_console.stat.dropped += n - queue(&main_console, text, n);
}

static void settle(void)
{
	struct console *c = &main_console;
	struct pollfd p = {.fd = c->out.fd, .events = POLLOUT};
	int ms = (int)(wait_ns / FATA_NS_PER_MS);

	for (drain(c); c->used && !c->stat.broken; drain(c))
		if (REAL(poll)(&p, 1, ms) <= 0 || !(p.revents & POLLOUT))
			break;
}

/* --- input -------------------------------------------------------------- */

static void arrived(void *arg, uint32_t events)
{
	struct console *c = arg;

	(void)events;
	event_signal(&c->readable);
}

/* Edges only: who does not read must not keep the loop awake. */
static void watch_input(struct console *c)
{
	if (c->in_watched)
		return;
	c->in_watched = true;
	c->in.fn = arrived;
	c->in.arg = c;
	if (unix_watch(&c->in, EPOLLIN | EPOLLET))
		event_signal(&c->readable); /* a file: always readable */
}

static ssize_t take_input(struct console *c, void *data, size_t n)
{
	struct pollfd p = {.fd = c->in.fd, .events = POLLIN};
	ssize_t rc;

	if (c->eof)
		return -EIO;
	if (REAL(poll)(&p, 1, 0) <= 0)
		return -EAGAIN;
	rc = REAL(read)(c->in.fd, data, n);
	if (rc < 0)
		return errno == EINTR ? -EAGAIN : -EIO;
	c->eof = rc == 0;
	c->stat.read += (size_t)rc;
	return rc ? rc : -EIO;
}

ssize_t console_read(struct console *c, void *data, size_t n, uint64_t deadline)
{
	watch_input(c);
	while (n) {
		uint64_t seen = event_count(&c->readable);
		ssize_t got = take_input(c, data, n);
		int rc;

		if (got != -EAGAIN)
			return got;
		rc = event_wait(&c->readable, &seen, deadline);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- start and channels ------------------------------------------------- */

static void begin(struct console *c)
{
	struct stat s;

	c->open = true;
	c->patience = wait_ns;
	c->line.silent = isatty(c->in.fd);
	c->file = !fstat(c->out.fd, &s) && S_ISREG(s.st_mode);
	c->stat.broken = false;
}

void unix_console_start(void)
{
	begin(&main_console);
	unix_log_to(log_text);
	unix_settle = settle;
}

static int add_channel(const char *value)
{
	const char *equals = strchr(value, '=');
	struct console *c;

	if (!equals || equals == value || !equals[1])
		return param_bad("bad channel (expected NAME=pty, "
				 "NAME=unix:PATH or NAME=PATH)");
	c = calloc(1, sizeof(*c));
	if (!c)
		return param_bad("no memory for it");
	c->name = strndup(value, (size_t)(equals - value));
	c->target = equals + 1;
	c->next = channels;
	channels = c;
	return 0;
}
FATA_PARAM_LIST(add_channel, "channel", "",
		"a further console: NAME=pty, NAME=unix:PATH, NAME=PATH");

static int open_pty(const char *name)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (fd < 0 || grantpt(fd) || unlockpt(fd))
		return -errno;
	if (!tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	/* held open, so that a reader who leaves is no end of file */
	open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	log_info("channel %s is %s", name, ptsname(fd));
	return fd;
}

static int open_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = REAL(socket)(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	if (!REAL(connect)(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -errno;
}

static int open_target(const struct console *c)
{
	int fd;

	if (!strcmp(c->target, "pty"))
		return open_pty(c->name);
	if (!strncmp(c->target, "unix:", 5))
		return open_socket(c->target + 5);
	fd = open(c->target, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int console_open(const char *name, struct console **out, uint64_t deadline)
{
	struct console *c = channels;
	int fd;

	while (c && strcmp(c->name, name))
		c = c->next;
	if (!c) /* on Xen it may be plugged in later */
		return fata_sleep_until(deadline) ? -ECANCELED : -ETIMEDOUT;
	if (!c->open) {
		fd = open_target(c);
		if (fd < 0) {
			log_error("channel %s: %s: %s", name, c->target,
				  strerror(-fd));
			return fd == -ENOMEM ? fd : -EIO;
		}
		c->in.fd = fd;
		c->out.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		begin(c);
	}
	*out = c;
	return 0;
}
