/* SPDX-License-Identifier: ISC */
/*
 * lab_session.c - the connection to dom0's agent.
 *
 * Each request is one connection to 127.0.0.1, which QEMU's user network hands
 * to the agent (lab/proto.h). Closing it ends what the request started. QEMU
 * accepts a connection before dom0 does, so a peer counts as there only when it
 * has said hello.
 *
 * Interface: lab_session.h, and lab_int.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab_session.h"
#include "qmp.h"

#define HELLO_WAIT_MS 10000

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
static int keep_running(struct lab_session *s)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/active", s->paths.run);
	s->active = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->active < 0 || flock(s->active, LOCK_SH))
		return -errno;
	return lab_let_run(&s->paths, 1);
}

void lab_session_close(struct lab_session *s)
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

struct lab_session *lab_session_open(int *rc)
{
	struct lab_session *s = calloc(1, sizeof(*s));

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
	lab_session_close(s);
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

int lab_write_all(int fd, const char *p, size_t len)
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
