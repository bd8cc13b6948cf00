/* SPDX-License-Identifier: ISC */
/*
 * A TCP proxy: what comes in on a port goes on to another machine, and back.
 * A thread for each connection; an end of one direction is passed on while the
 * other still runs.
 */
#include <arpa/inet.h>
#include <fata/manifest.h>
#include <fata/param.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

FATA_NAME("proxy", "passes TCP connections on");
FATA_NET("lan");

static int64_t port = 80;
FATA_PARAM_INT(port, "port", "80", "the TCP port to listen on");
static const char *to;
FATA_PARAM_STRING(to, "to", "", "HOST:PORT that connections go on to");

#define PIECE 16384

static struct addrinfo *target;

static int send_all(int s, const char *p, size_t n)
{
	while (n) {
		ssize_t done = send(s, p, n, MSG_NOSIGNAL);

		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* What has come on one side goes to the other: 1, 0 at its end, -1. */
static int pass(int from, int on, char *data)
{
	ssize_t n = recv(from, data, PIECE, 0);

	if (n < 0)
		return -1;
	if (!n)
		return shutdown(on, SHUT_WR) ? -1 : 0;
	return send_all(on, data, (size_t)n) ? -1 : 1;
}

static void *connection(void *arg)
{
	struct pollfd p[2] = {{.fd = (int)(intptr_t)arg, .events = POLLIN},
			      {.events = POLLIN}};
	char *data = malloc(PIECE);
	int ends[2] = {p[0].fd, socket(target->ai_family, SOCK_STREAM, 0)};
	int ended = 0;

	p[1].fd = ends[1];
	if (!data || ends[1] < 0 ||
	    connect(ends[1], target->ai_addr, target->ai_addrlen)) {
		perror("proxy: connect");
		ended = 2;
	}
	while (ended < 2 && poll(p, 2, -1) > 0) {
		for (int i = 0; i < 2; i++) {
			int rc = p[i].revents ? pass(ends[i], ends[!i], data)
					      : 1;

			if (rc < 0)
				ended = 2;
			if (rc)
				continue;
			p[i].fd = -1; /* no longer looked at */
			ended++;
		}
	}
	free(data);
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return NULL;
}

/* HOST:PORT; the host may be a name, or an IPv6 address in brackets. */
static int find_target(const char *text)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char host[256];
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	int rc;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (!n || n >= sizeof(host) || !colon[1]) {
		fprintf(stderr, "proxy: --to: expected HOST:PORT\n");
		return -1;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	rc = getaddrinfo(host, colon + 1, &hints, &target);
	if (rc)
		fprintf(stderr, "proxy: %s: %s\n", host, gai_strerror(rc));
	return rc;
}

int main(void)
{
	int s = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
	struct sockaddr_in6 here = {.sin6_family = AF_INET6,
				    .sin6_addr = in6addr_any,
				    .sin6_port = htons((uint16_t)port)};
	pthread_attr_t attr;

	if (find_target(to))
		return 1;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || bind(s, (struct sockaddr *)&here, sizeof(here)) ||
	    listen(s, 128)) {
		perror("proxy");
		return 1;
	}
	printf("proxy: port %d to %s\n", (int)port, to);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 32768);
	for (;;) {
		int c = accept(s, NULL, NULL);
		pthread_t t;

		if (c >= 0 && pthread_create(&t, &attr, connection,
					     (void *)(intptr_t)c))
			close(c);
	}
}
