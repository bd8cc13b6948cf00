/* SPDX-License-Identifier: ISC */
/*
 * A load for a web server, from dom0:
 *
 *     client ADDRESS PATH SIZE CONNECTIONS REQUESTS keep|close NAME
 *
 * asks for PATH, of SIZE bytes, so many times over so many connections at the
 * same time: each has one request on its way. `close`: a connection for each
 * request. Prints lines "NAME-WHAT UNIT VALUE": requests per second, and the
 * time from (connecting and) asking to the answer's last byte, the median and
 * the 99th percentile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 1000

static struct connection {
	int fd;
	char head[1024]; /* of the answer, as far as it has come */
	size_t got;      /* bytes of the whole answer */
	size_t whole;    /* how long it will be; 0: not known yet */
	double start;
} connections[MOST];

static struct sockaddr_in server;
static char request[300], buffer[1 << 17];
static size_t size;
static int set, keep;
static unsigned wanted, begun, done;
static double *took;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void ask(struct connection *c)
{
	size_t n = strlen(request);

	c->got = c->whole = 0;
	if (send(c->fd, request, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("send");
}

/* It is asked when it is there. */
static void begin(struct connection *c)
{
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};
	int on = 1;

	c->start = now();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (struct sockaddr *)&server, sizeof(server)) &&
	    errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(set, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll");
}

static void begun_one(struct connection *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	epoll_ctl(set, EPOLL_CTL_MOD, c->fd, &e);
	ask(c);
}

/* The next request, if there is one. */
static void next(struct connection *c)
{
	if (!keep)
		close(c->fd);
	if (begun == wanted)
		return;
	begun++;
	if (!keep) {
		begin(c);
		return;
	}
	c->start = now();
	ask(c);
}

/* The end of the head tells how long the answer is. */
static void look_at_head(struct connection *c, const char *p, size_t n)
{
	const char *end;

	if (c->got + n >= sizeof(c->head))
		n = sizeof(c->head) - 1 - c->got;
	memcpy(c->head + c->got, p, n);
	c->head[c->got + n] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (!end)
		return;
	if (strncmp(c->head, "HTTP/1.1 200 ", 13)) {
		printf("the server says: %.40s\n", c->head);
		exit(1);
	}
	c->whole = (size_t)(end + 4 - c->head) + size;
}

static void readable(struct connection *c)
{
	ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		die("recv");
	if (!c->whole)
		look_at_head(c, buffer, (size_t)n);
	c->got += (size_t)n;
	if (c->got > c->whole && c->whole) {
		puts("the answer is too long");
		exit(1);
	}
	/* a connection that is not kept has its end to tell, too */
	if (n && (!c->whole || c->got < c->whole || !keep))
		return;
	if (c->got != c->whole) {
		puts("the answer is too short");
		exit(1);
	}
	took[done++] = now() - c->start;
	next(c);
}

static void load(unsigned count)
{
	for (unsigned i = 0; i < count; i++, begun++)
		begin(&connections[i]);
	while (done < wanted) {
		struct epoll_event e[64];
		int n = epoll_wait(set, e, 64, 20000);

		if (n <= 0)
			die("no answer");
		for (int i = 0; i < n; i++) {
			if (e[i].events & EPOLLOUT)
				begun_one(e[i].data.ptr);
			else
				readable(e[i].data.ptr);
		}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	unsigned count;
	double start;

	if (argc != 8) {
		fputs("usage: client ADDRESS PATH SIZE CONNECTIONS REQUESTS "
		      "keep|close NAME\n",
		      stderr);
		return 2;
	}
	size = strtoul(argv[3], NULL, 10);
	count = (unsigned)atoi(argv[4]);
	wanted = (unsigned)atoi(argv[5]);
	keep = !strcmp(argv[6], "keep");
	if (!count || count > MOST || wanted < count)
		return 2;
	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", argv[2], argv[1],
		 keep ? "" : "Connection: close\r\n");
	server.sin_family = AF_INET;
	server.sin_port = htons(80);
	inet_pton(AF_INET, argv[1], &server.sin_addr);
	set = epoll_create1(0);
	took = calloc(wanted, sizeof(*took));
	start = now();
	load(count);
	printf("%s-rate requests/s %.0f\n", argv[7], wanted / (now() - start));
	qsort(took, wanted, sizeof(*took), by_value);
	printf("%s-p50 us %.1f\n", argv[7], took[wanted / 2] * 1e6);
	printf("%s-p99 us %.1f\n", argv[7], took[wanted * 99 / 100] * 1e6);
	return 0;
}
