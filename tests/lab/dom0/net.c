/* SPDX-License-Identifier: ISC */
/*
 * dom0's side of net.sh:  net WHAT ADDRESS [N]
 *
 *     in MB        sends that much; the guest sums it up; both are compared
 *     out MB       has the guest send that much; the same
 *     udp N        N datagrams of growing sizes, each echoed, ten may be lost
 *     short N      N connections, 200 at a time, each echoes; in the guest with
 *                  a thread for each, and with one for all, in turn
 *     open N       N connections at the same time, each echoes twice
 *     stat 1       what the guest says of its memory and its card
 *     ask PORT     sends stdin as a datagram, prints what comes back
 *
 * After `short` and `open` the guest must use as much memory as before. Frames
 * are counted apart: up to 512 are kept for reuse, and what was sent is
 * collected when the next one is.
 * Exit status 0 when all was as it should be.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../lib/noise.h"

#define BATCH 200   /* connections that are begun together */
#ifndef SLACK
#define SLACK 8192  /* bytes that the guest may use more, whatever happened */
#endif
#define FRAMES 300  /* in use at the most: the send ring's, some received */

static const char *address;
static unsigned char data[1 << 16], back[1 << 16];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* "10.0.2.40", or "fe80::1%xenbr0" */
static socklen_t parse(struct sockaddr_storage *out, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	char text[100], *card;

	memset(out, 0, sizeof(*out));
	snprintf(text, sizeof(text), "%s", address);
	card = strchr(text, '%');
	if (!card) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		inet_pton(AF_INET, text, &v4->sin_addr);
		return sizeof(*v4);
	}
	*card++ = '\0';
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	v6->sin6_scope_id = if_nametoindex(card);
	inet_pton(AF_INET6, text, &v6->sin6_addr);
	return sizeof(*v6);
}

static int to(int type, uint16_t port)
{
	struct timeval limit = {.tv_sec = type == SOCK_DGRAM ? 2 : 200};
	struct sockaddr_storage there;
	socklen_t size = parse(&there, port);
	int s = socket(there.ss_family, type, 0);

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (s < 0 || connect(s, (struct sockaddr *)&there, size))
		die("connect");
	return s;
}

static void send_all(int s, const unsigned char *p, size_t n)
{
	while (n) {
		ssize_t done = write(s, p, n);

		if (done <= 0)
			die("write");
		p += done;
		n -= (size_t)done;
	}
}

static int same(const char *said, uint64_t n, uint64_t sum)
{
	char mine[64];

	snprintf(mine, sizeof(mine), "%llu %016llx\n", (unsigned long long)n,
		 (unsigned long long)sum);
	if (!strcmp(mine, said))
		return 0;
	printf("sent %sthere: %s\n", mine, said);
	return 1;
}

static int in(uint64_t bytes)
{
	uint64_t sum = NOISE_SUM, state = 3, n = 0;
	int s = to(SOCK_STREAM, 9000);
	char said[64] = "";

	while (n < bytes) {
		state = noise_fill(state, data, sizeof(data));
		sum = noise_sum(sum, data, sizeof(data));
		send_all(s, data, sizeof(data));
		n += sizeof(data);
	}
	shutdown(s, SHUT_WR);
	if (recv(s, said, sizeof(said) - 1, MSG_WAITALL) < 0)
		die("answer");
	close(s);
	return same(said, n, sum);
}

static int out(uint64_t bytes)
{
	uint64_t ask[2] = {11, bytes}, state = 11, n = 0;
	int s = to(SOCK_STREAM, 9001);

	send_all(s, (unsigned char *)ask, sizeof(ask));
	while (n < bytes) {
		ssize_t got = recv(s, back, sizeof(back), MSG_WAITALL);

		if (got != (ssize_t)sizeof(back))
			die("read");
		state = noise_fill(state, data, sizeof(data));
		if (memcmp(data, back, sizeof(data))) {
			printf("differs after %llu bytes\n",
			       (unsigned long long)n);
			return 1;
		}
		n += sizeof(data);
	}
	close(s);
	return 0;
}

static int udp(unsigned count)
{
	int s = to(SOCK_DGRAM, 9003);
	unsigned lost = 0;

	noise_fill(5, data, sizeof(data));
	for (unsigned i = 0; i < count; i++) {
		size_t n = 1 + (size_t)i * 60000 / count;

		if (send(s, data + i, n, 0) != (ssize_t)n)
			die("send");
		if (recv(s, back, sizeof(back), 0) != (ssize_t)n ||
		    memcmp(data + i, back, n)) {
			printf("%zu bytes: not echoed\n", n);
			lost++;
		}
	}
	return lost > 10;
}

/*
 * Begins a connection, but does not wait for it: writing does. When no port is
 * left, the last ones are still waiting for stragglers (TIME_WAIT).
 */
static int begin(uint16_t port)
{
	struct timeval limit = {.tv_sec = 200};
	struct sockaddr_storage there;
	socklen_t size = parse(&there, port);
	int s = socket(there.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (s < 0)
		die("socket");
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (connect(s, (struct sockaddr *)&there, size) &&
	       errno != EINPROGRESS) {
		if (errno != EADDRNOTAVAIL)
			die("connect");
		sleep(1);
	}
	fcntl(s, F_SETFL, 0);
	return s;
}

/* All of them say something, then all listen. */
static void echo(const int *s, unsigned count, size_t n)
{
	for (unsigned i = 0; i < count; i++)
		send_all(s[i], data, n);
	for (unsigned i = 0; i < count; i++)
		if (recv(s[i], back, n, MSG_WAITALL) != (ssize_t)n ||
		    memcmp(data, back, n))
			die("echo");
}

/* The guest's figures, as text; memory that the program has in use. */
static long look_at_guest(char *text, size_t size, long *frames)
{
	int s = to(SOCK_STREAM, 9006);
	ssize_t n = recv(s, text, size - 1, MSG_WAITALL);
	long live, stack;

	if (n < 0)
		die("figures");
	text[n] = '\0';
	close(s);
	if (sscanf(text, "live %ld stack %ld frames %ld", &live, &stack,
		   frames) != 3)
		die(text);
	return live + stack;
}

/* The bytes in use, once the frames of what was before have left. */
static long stat_guest(char *text, size_t size)
{
	long frames = 0, used = 0;

	for (unsigned i = 0; i < 50; i++) {
		used = look_at_guest(text, size, &frames);
		if (frames <= FRAMES)
			return used;
		usleep(100000);
	}
	printf("%ld frames stay in use\n", frames);
	exit(1);
}

/*
 * As it was before, once the last connections have ended? Tables that have
 * grown stay so large, and a stack or two are kept.
 */
static int no_leak(long before, long tables)
{
	long most = before + SLACK + tables;
	char text[200];
	long now = 0;

	for (int tries = 0; tries < 20; tries++) {
		now = stat_guest(text, sizeof(text));
		if (now < most)
			break;
		sleep(1);
	}
	printf("memory in use: %ld before, %ld after; %s", before, now, text);
	return now >= most || !strstr(text, "failures 0 ");
}

static void some_shorts(unsigned count, uint16_t port)
{
	int s[BATCH];

	for (unsigned i = 0; i < count; i++)
		s[i] = begin(port);
	echo(s, count, 100);
	for (unsigned i = 0; i < count; i++)
		close(s[i]);
}

static int shorts(unsigned count)
{
	char text[200];
	long before;

	for (unsigned i = 0; i < 4; i++) /* what is kept for ever */
		some_shorts(BATCH, i % 2 ? 9005 : 9002);
	sleep(1);
	before = stat_guest(text, sizeof(text));
	for (unsigned done = 0; done < count; done += BATCH) {
		some_shorts(count - done < BATCH ? count - done : BATCH,
			    done / BATCH % 2 ? 9005 : 9002);
		if (done && done % 20000 == 0)
			fprintf(stderr, "# %u connections, %ld bytes more\n",
				done, stat_guest(text, sizeof(text)) - before);
	}
	return no_leak(before, 0);
}

static int many(unsigned count)
{
	struct rlimit limit = {count + 100, count + 100};
	int *s = calloc(count, sizeof(*s));
	char text[200];
	long before = stat_guest(text, sizeof(text)), now, places = 64;

	if (!s || setrlimit(RLIMIT_NOFILE, &limit))
		die("limit");
	for (unsigned done = 0, n; done < count; done += n) {
		n = count - done < BATCH ? count - done : BATCH;
		for (unsigned i = 0; i < n; i++)
			s[done + i] = begin(9005);
		echo(s + done, n, 1);
	}
	now = stat_guest(text, sizeof(text));
	printf("%u connections, %ld bytes each: %s", count,
	       (now - before) / (long)count, text);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < count; i += BATCH)
			echo(s + i, count - i < BATCH ? count - i : BATCH,
			     1000);
	for (unsigned i = 0; i < count; i++)
		close(s[i]);
	free(s);
	while (places < (long)count)
		places *= 2; /* of the guest's table of connections */
	return no_leak(before, 32l * (long)count + 8 * places);
}

static int ask(uint16_t port)
{
	int s = to(SOCK_DGRAM, port);
	ssize_t n = (ssize_t)fread(data, 1, sizeof(data), stdin);

	if (send(s, data, (size_t)n, 0) != n)
		die("send");
	n = recv(s, back, sizeof(back), 0);
	if (n < 0)
		die("answer");
	return fwrite(back, 1, (size_t)n, stdout) != (size_t)n;
}

static int figures(void)
{
	char text[200];

	stat_guest(text, sizeof(text));
	fputs(text, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t n = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

	if (argc != 4 || !n || n > 10000000)
		return 2;
	address = argv[2];
	return !strcmp(argv[1], "in")	   ? in(n << 20)
	       : !strcmp(argv[1], "out")   ? out(n << 20)
	       : !strcmp(argv[1], "udp")   ? udp((unsigned)n)
	       : !strcmp(argv[1], "short") ? shorts((unsigned)n)
	       : !strcmp(argv[1], "open")  ? many((unsigned)n)
	       : !strcmp(argv[1], "stat")  ? figures()
	       : !strcmp(argv[1], "ask")   ? ask((uint16_t)n)
					   : 2;
}
