/* SPDX-License-Identifier: ISC */
/*
 * agent.c - the lab's control agent: carries out what the `fata` tool asks for
 * in dom0.
 *
 * A shell on the serial line would mix the kernel's messages, the command's
 * output and its exit status; sshd would need keys, accounts and a megabyte of
 * libraries. This is a static program that runs commands and moves files.
 *
 * Interface: `fata-agent` listens on LAB_PORT of the control card's address
 * and returns once it does. Each connection is one request (proto.h) in one
 * process, so nothing that a request does can harm another one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define CONTROL_ADDRESS "10.0.3.15"

static int set_time(const struct lab_frame *f)
{
	struct timespec t = {0};
	int64_t seconds;

	if (f->head.len != sizeof(seconds))
		return -EPROTO;
	memcpy(&seconds, f->data, sizeof(seconds));
	t.tv_sec = seconds;
	return clock_settime(CLOCK_REALTIME, &t) ? -errno : 0;
}

static int request(int sock, struct lab_frame *f)
{
	switch (f->head.type) {
	case LAB_EXEC:
		return agent_exec(sock, f);
	case LAB_PUT:
		return agent_put(sock, f);
	case LAB_GET:
		return agent_get(sock, f);
	case LAB_TIME:
		return set_time(f);
	}
	return -EPROTO;
}

/* The peer closes first: then our last frame cannot be lost in a reset. */
static void linger(int sock)
{
	struct timeval patience = {.tv_sec = AGENT_PATIENCE_MS / 1000};
	char c[256];

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (recv(sock, c, sizeof(c), 0) > 0)
		;
}

static void session(int sock)
{
	static struct lab_frame f;
	int one = 1;
	int32_t result;

	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (lab_send(sock, &f, LAB_HELLO, LAB_GREETING, strlen(LAB_GREETING),
		     AGENT_PATIENCE_MS) ||
	    lab_frame_recv_wait(sock, &f, AGENT_PATIENCE_MS) ||
	    f.head.type != LAB_HELLO || f.head.len != strlen(LAB_GREETING) ||
	    memcmp(f.data, LAB_GREETING, f.head.len) ||
	    lab_frame_recv_wait(sock, &f, AGENT_PATIENCE_MS))
		return;
	result = request(sock, &f);
	if (result == -EPIPE)
		return;
	if (lab_send(sock, &f, LAB_RESULT, &result, sizeof(result),
		     AGENT_PATIENCE_MS) == 0)
		linger(sock);
}

static int listen_on(const char *address)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(LAB_PORT),
		.sin_addr.s_addr = inet_addr(address),
	};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 64)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void serve(int fd)
{
	for (;;) {
		int sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid;

		if (sock < 0) {
			/* out of descriptors or memory: it will pass */
			if (errno != EINTR && errno != ECONNABORTED)
				sleep(1);
			continue;
		}
		pid = fork();
		if (pid == 0) {
			close(fd);
			signal(SIGCHLD, SIG_DFL);
			session(sock);
			_exit(0);
		}
		close(sock); /* fork failed: the peer sees the end */
	}
}

int main(int argc, char **argv)
{
	/* An address is given where the agent is tested outside the lab. */
	int fd = listen_on(argc > 1 ? argv[1] : CONTROL_ADDRESS);
	pid_t pid;
	int null;

	if (fd < 0) {
		perror("fata-agent: cannot listen");
		return 1;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid = fork();
	if (pid < 0 || null < 0) {
		perror("fata-agent");
		return 1;
	}
	if (pid > 0)
		return 0;
	setsid();
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	serve(fd);
	return 0;
}
