/* SPDX-License-Identifier: ISC */
/*
 * The guest of net.sh:
 *
 *     tcp 9000  reads until the end, answers with the number of bytes and their
 *               sum (FNV-1a, 64 bits) as text
 *     tcp 9001  reads a seed and a number, writes so many bytes of noise
 *     tcp 9002  echoes; a thread for each connection
 *     udp 9003  echoes
 *     tcp 9005  echoes; one thread for all connections, with epoll
 *     tcp 9006  says how much memory is in use and what the card has lost
 *
 * With an argument `client ADDRESS` it sends 4 MB to another such guest, has
 * them summed up there, compares, has as many sent back, has datagrams and
 * pings echoed, and ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/manifest.h>
#include <fata/metrics.h>
#include <fata/net.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

FATA_NET("lan");

#include "lib/noise.h"

static void sink(int c)
{
	static unsigned char data[1 << 16];
	uint64_t sum = NOISE_SUM, n = 0;
	char text[64];
	ssize_t got;

	while ((got = read(c, data, sizeof(data))) > 0) {
		sum = noise_sum(sum, data, (size_t)got);
		n += (uint64_t)got;
	}
	snprintf(text, sizeof(text), "%llu %016llx\n", (unsigned long long)n,
		 (unsigned long long)sum);
	write(c, text, strlen(text));
}

static int write_all(int c, const unsigned char *p, size_t n)
{
	while (n) {
		ssize_t done = write(c, p, n);

		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static void source(int c)
{
	static unsigned char data[1 << 16];
	uint64_t ask[2] = {0, 0};

	if (recv(c, ask, sizeof(ask), MSG_WAITALL) != sizeof(ask))
		return;
	while (ask[1]) {
		size_t n = ask[1] < sizeof(data) ? ask[1] : sizeof(data);

		ask[0] = noise_fill(ask[0], data, n);
		if (write_all(c, data, n))
			return;
		ask[1] -= n;
	}
}

static void *echo(void *arg)
{
	int c = (int)(intptr_t)arg;
	unsigned char data[2048];
	ssize_t n;

	while ((n = read(c, data, sizeof(data))) > 0)
		if (write_all(c, data, (size_t)n))
			break;
	close(c);
	return NULL;
}

static int bound(int type, int port)
{
	int s = socket(AF_INET6, type, 0), on = 1;
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
				 .sin6_port = htons((uint16_t)port)};

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) ||
	    (type == SOCK_STREAM && listen(s, 255))) {
		perror("net");
		exit(1);
	}
	return s;
}

static void *streams(void *arg)
{
	int which = (int)(intptr_t)arg, s = bound(SOCK_STREAM, 9000 + which);
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 16384);
	for (;;) {
		int c = accept(s, NULL, NULL);
		pthread_t t;

		if (c < 0)
			continue;
		if (which == 2) {
			if (pthread_create(&t, &attr, echo,
					   (void *)(intptr_t)c))
				close(c);
			continue;
		}
		(which ? source : sink)(c);
		close(c);
	}
	return NULL;
}

/* What one connection of many has for us; nothing is left to be sent. */
static void echo_once(int c)
{
	static unsigned char data[4096];
	ssize_t n = read(c, data, sizeof(data));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || write(c, data, (size_t)n) != n)
		close(c);
}

static void *many(void *arg)
{
	int s = bound(SOCK_STREAM, 9005), set = epoll_create1(0);
	struct epoll_event e[64] = {{.events = EPOLLIN, .data.fd = s}};
	struct rlimit limit = {20000, 20000};

	(void)arg;
	setrlimit(RLIMIT_NOFILE, &limit);
	epoll_ctl(set, EPOLL_CTL_ADD, s, &e[0]);
	for (;;) {
		int n = epoll_wait(set, e, 64, -1);

		if (n < 0)
			return NULL;
		for (int i = 0; i < n; i++) {
			struct epoll_event in = {.events = EPOLLIN};

			if (e[i].data.fd != s) {
				echo_once(e[i].data.fd);
				continue;
			}
			in.data.fd = accept4(s, NULL, NULL, SOCK_NONBLOCK);
			if (in.data.fd >= 0 &&
			    epoll_ctl(set, EPOLL_CTL_ADD, in.data.fd, &in))
				close(in.data.fd);
		}
	}
}

static void *figures(void *arg)
{
	int s = bound(SOCK_STREAM, 9006);

	(void)arg;
	for (;;) {
		int c = accept(s, NULL, NULL);
		struct heap_stat h;
		struct net_stat n = {0};
		struct net *net;
		uint64_t frames = 0, kept = 0, halves = 0, refused = 0;

		if (c < 0)
			return NULL;
		heap_stat(&h);
		metrics_read("net.frames", &frames);
		metrics_read("net.frames.kept", &kept);
		metrics_read("tcp.dropped", &halves);
		metrics_read("tcp.refused", &refused);
		h.live -= frames * sizeof(struct net_frame);
		if (!net_open("lan", &net, 0))
			net_stat(net, &n);
		dprintf(c,
			"live %zu stack %zu frames %llu free %zu failures "
			"%llu lost %llu errors %llu connects %llu "
			"dropped %llu refused %llu\n",
			h.live, h.stack, (unsigned long long)(frames - kept),
			h.free,
			(unsigned long long)h.failures,
			(unsigned long long)(n.rx_dropped + n.tx_dropped),
			(unsigned long long)(n.rx_errors + n.tx_errors),
			(unsigned long long)n.connects,
			(unsigned long long)halves,
			(unsigned long long)refused);
		close(c);
	}
}

static void datagrams(void)
{
	static char data[65536];
	int s = bound(SOCK_DGRAM, 9003);

	for (;;) {
		struct sockaddr_in6 from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(s, data, sizeof(data), 0,
				     (struct sockaddr *)&from, &size);

		if (n >= 0)
			sendto(s, data, (size_t)n, 0, (struct sockaddr *)&from,
			       size);
	}
}

/* A connection to the other guest, "10.0.2.40" or "fe80::1%lan". */
static int to(const char *address, int type, const char *port)
{
	struct addrinfo ask = {.ai_flags = AI_NUMERICHOST,
			       .ai_socktype = type}, *a;
	int rc = getaddrinfo(address, port, &ask, &a), s;

	if (rc) {
		printf("%s: %s\n", address, gai_strerror(rc));
		exit(1);
	}
	s = socket(a->ai_family, type, 0);
	if (connect(s, a->ai_addr, a->ai_addrlen)) {
		perror("connect to the other guest");
		exit(1);
	}
	freeaddrinfo(a);
	return s;
}

/* Datagrams of some sizes, in one piece and in many, are echoed. */
static int datagrams_to(const char *address)
{
	static unsigned char data[60000], back[60000];
	static const size_t sizes[] = {1, 100, 1400, 1500, 9000, sizeof(data)};
	struct timeval limit = {.tv_sec = 2};
	int s = to(address, SOCK_DGRAM, "9003"), lost = 0;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	noise_fill(9, data, sizeof(data));
	for (unsigned i = 0; i < 6; i++) {
		size_t n = sizes[i];

		lost += send(s, data, n, 0) != (ssize_t)n ||
			recv(s, back, n, 0) != (ssize_t)n ||
			memcmp(data, back, n);
	}
	close(s);
	printf("datagrams between guests: %d lost\n", lost);
	return lost;
}

/* The words of a message with a sum of 0, as the network has them. */
static uint16_t icmp_sum(const unsigned char *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Is the answer to our echo request of n bytes among what comes in 2 s? */
static bool pinged(int s, bool v6, unsigned char *request, size_t n)
{
	static unsigned char reply[61000];

	for (;;) {
		ssize_t got = recv(s, reply, sizeof(reply), 0);
		/* before IPv4's messages stands their header */
		size_t at = v6 || got < 1 ? 0 : (reply[0] & 15) * 4u;

		if (got < 0)
			return false;
		if ((size_t)got == at + n && reply[at] == (v6 ? 129 : 0) &&
		    !memcmp(reply + at + 4, request + 4, n - 4))
			return true;
	}
}

/* Pings of some sizes, in one piece and in many. */
static int pings_to(const char *address)
{
	static unsigned char data[60000];
	static const size_t sizes[] = {8,    64,   1480, 1481,
				       4096, 9000, sizeof(data)};
	bool v6 = strchr(address, ':');
	struct addrinfo ask = {.ai_flags = AI_NUMERICHOST}, *a;
	struct timeval limit = {.tv_sec = 2};
	int s = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW,
		       v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	int lost = 0;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	noise_fill(3, data, sizeof(data));
	if (getaddrinfo(address, NULL, &ask, &a) ||
	    connect(s, a->ai_addr, a->ai_addrlen)) {
		perror("ping");
		return 1;
	}
	freeaddrinfo(a);
	for (unsigned i = 0; i < 7; i++) {
		data[0] = v6 ? 128 : 8;
		data[1] = data[2] = data[3] = 0;
		data[5] = (unsigned char)i;
		if (!v6) {
			uint16_t sum = icmp_sum(data, sizes[i]);

			memcpy(data + 2, &sum, 2);
		}
		lost += send(s, data, sizes[i], 0) != (ssize_t)sizes[i] ||
			!pinged(s, v6, data, sizes[i]);
	}
	close(s);
	printf("pings between guests: %d lost\n", lost);
	return lost;
}

static int to_guest(const char *address)
{
	static unsigned char data[4 << 20], back[4 << 20];
	uint64_t ask[2] = {7, sizeof(data)};
	char said[64] = "", expected[64];
	int s = to(address, SOCK_STREAM, "9000");

	noise_fill(7, data, sizeof(data));
	snprintf(expected, sizeof(expected), "%zu %016llx\n", sizeof(data),
		 (unsigned long long)noise_sum(NOISE_SUM, data, sizeof(data)));
	if (write_all(s, data, sizeof(data)) || shutdown(s, SHUT_WR) ||
	    recv(s, said, sizeof(said) - 1, MSG_WAITALL) < 0) {
		perror("to the other guest");
		return 1;
	}
	close(s);
	s = to(address, SOCK_STREAM, "9001");
	if (write(s, ask, sizeof(ask)) != sizeof(ask) ||
	    recv(s, back, sizeof(back), MSG_WAITALL) != sizeof(back)) {
		perror("from the other guest");
		return 1;
	}
	close(s);
	/* noise comes in pieces of 64 KiB, which continue each other */
	if (strcmp(said, expected) || memcmp(data, back, sizeof(data))) {
		printf("between guests: %s", said);
		return 1;
	}
	puts("between guests: same");
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc == 3 && !strcmp(argv[1], "client"))
		return to_guest(argv[2]) || datagrams_to(argv[2]) ||
		       pings_to(argv[2]);
	for (intptr_t i = 0; i < 3; i++)
		pthread_create(&t, NULL, streams, (void *)i);
	pthread_create(&t, NULL, many, NULL);
	pthread_create(&t, NULL, figures, NULL);
	puts("READY");
	datagrams();
	return 1;
}
