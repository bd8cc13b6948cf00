/* SPDX-License-Identifier: ISC */
/*
 * qmp.c - a client for QEMU's machine protocol (see qmp.h).
 *
 * QEMU sends each answer as one line of JSON that starts with "return" or
 * "error"; lines that start otherwise are the greeting and events. So the
 * first key decides, and no parser is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab_int.h"
#include "qmp.h"

/* Copies a JSON string's content, up to its closing quote. */
static void unquote(const char *from, char *to, size_t size)
{
	size_t n = 0;

	while (*from && *from != '"' && n + 1 < size) {
		char c = *from++;

		if (c == '\\' && *from) {
			c = *from++;
			if (c == 'n')
				c = '\n';
			else if (c == 'r')
				continue;
			else if (c == 't')
				c = '\t';
		}
		to[n++] = c;
	}
	to[n] = 0;
}

/* Reads up to the end of a line; leaves it in q->text, without the newline. */
static int read_line(struct qmp *q)
{
	int64_t end = lab_now_ms() + QMP_WAIT_MS;

	for (;;) {
		struct pollfd p = {.fd = q->fd, .events = POLLIN};
		char *newline = memchr(q->buf, '\n', q->have);
		int64_t left = end - lab_now_ms();
		ssize_t n;

		if (newline) {
			size_t len = (size_t)(newline - q->buf) + 1;

			memcpy(q->text, q->buf, len - 1);
			q->text[len - 1] = 0;
			memmove(q->buf, q->buf + len, q->have - len);
			q->have -= len;
			return 0;
		}
		if (q->have == sizeof(q->buf))
			return -EPROTO;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(q->fd, q->buf + q->have, sizeof(q->buf) - q->have);
		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			q->have += (size_t)n;
	}
}

/* The answer to the command that was sent. */
static int read_answer(struct qmp *q)
{
	for (;;) {
		int rc = read_line(q);
		const char *desc;

		if (rc)
			return rc;
		if (!strncmp(q->text, "{\"return\"", 9))
			return 0;
		if (strncmp(q->text, "{\"error\"", 8))
			continue;
		desc = strstr(q->text, "\"desc\": \"");
		if (desc)
			unquote(desc + 9, q->text, sizeof(q->text));
		return -EREMOTEIO;
	}
}

static int send_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int qmp_command(struct qmp *q, const char *command, const char *arguments)
{
	char line[4096];
	int n = snprintf(line, sizeof(line),
			 "{\"execute\": \"%s\", \"arguments\": %s}\n", command,
			 arguments ? arguments : "{}");
	int rc;

	if (n < 0 || (size_t)n >= sizeof(line))
		return -E2BIG;
	rc = send_all(q->fd, line, (size_t)n);
	return rc ? rc : read_answer(q);
}

int qmp_human(struct qmp *q, const char *line)
{
	char arguments[2048];
	char *text;
	int rc;

	if (strpbrk(line, "\"\\"))
		return -EINVAL;
	if ((size_t)snprintf(arguments, sizeof(arguments),
			     "{\"command-line\": \"%s\"}",
			     line) >= sizeof(arguments))
		return -E2BIG;
	rc = qmp_command(q, "human-monitor-command", arguments);
	if (rc)
		return rc;
	text = strstr(q->text, ": \"");
	if (text)
		unquote(text + 3, q->text, sizeof(q->text));
	return 0;
}

int qmp_open(struct qmp *q, const char *dir, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (dirfd < 0)
		return -errno;
	/* A socket's name has at most 107 bytes; a folder's may have more. */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dirfd,
		 name);
	q->have = 0;
	q->text[0] = 0;
	q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (q->fd < 0 || connect(q->fd, (struct sockaddr *)&a, sizeof(a)))
		rc = -errno;
	close(dirfd);
	if (rc == 0)
		rc = qmp_command(q, "qmp_capabilities", NULL);
	if (rc)
		qmp_close(q);
	return rc;
}

void qmp_close(struct qmp *q)
{
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}
