/* SPDX-License-Identifier: ISC */
/*
 * Measures a server (server.c) from dom0:  client ADDRESS MEGABYTES [CASE]
 * Prints lines "NAME UNIT VALUE".
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in server;
static char buffer[1 << 17];
static uint64_t bytes; /* of a transfer */
static uint64_t moved; /* in all */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int to(int type, int port)
{
	int s = socket(AF_INET, type, 0), on = 1;
	struct timeval limit = {.tv_sec = 20};

	server.sin_port = htons((uint16_t)port);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(s, (struct sockaddr *)&server, sizeof(server))) {
		perror("connect");
		exit(1);
	}
	if (type == SOCK_STREAM)
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return s;
}

static void into(uint64_t size, size_t piece, const char *name)
{
	int s = to(SOCK_STREAM, 9000);
	uint64_t left = size;
	double start = now();

	while (left) {
		size_t n = left < piece ? left : piece;
		ssize_t done = write(s, buffer, n);

		if (done <= 0) {
			perror("write");
			exit(1);
		}
		left -= (uint64_t)done;
	}
	shutdown(s, SHUT_WR);
	if (read(s, buffer, 1) != 1) {
		puts("no answer from the sink");
		exit(1);
	}
	moved += size;
	printf("%s Mbit/s %.0f\n", name, (double)size * 8e-6 / (now() - start));
	close(s);
}

static void out_of(void)
{
	int s = to(SOCK_STREAM, 9001);
	uint64_t got = 0;
	double start = now();
	ssize_t n;

	write(s, &bytes, sizeof(bytes));
	while (got < bytes && (n = read(s, buffer, sizeof(buffer))) > 0)
		got += (uint64_t)n;
	if (got != bytes) {
		printf("only %llu bytes came\n", (unsigned long long)got);
		exit(1);
	}
	moved += bytes;
	printf("tcp-out Mbit/s %.0f\n", (double)bytes * 8e-6 / (now() - start));
	close(s);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void round_trips(int type, int port, size_t size, const char *name)
{
	enum { N = 400 };
	static double us[N];
	int s = to(type, port);

	for (int i = 0; i < N; i++) {
		double start = now();
		size_t got = 0;

		write(s, buffer, size);
		while (got < size) {
			ssize_t n = read(s, buffer, size - got);

			if (n <= 0) {
				printf("%s: no answer\n", name);
				exit(1);
			}
			got += (size_t)n;
		}
		us[i] = (now() - start) * 1e6;
	}
	moved += 2 * N * size;
	qsort(us, N, sizeof(us[0]), by_value);
	printf("%s us %.1f\n", name, us[N / 2]);
	close(s);
}

static void connects(void)
{
	enum { N = 200 };
	double start = now();

	for (int i = 0; i < N; i++) {
		int s = to(SOCK_STREAM, 9002);

		close(s);
	}
	printf("tcp-connect us %.1f\n", (now() - start) * 1e6 / N);
}

static void flood(size_t size, const char *name)
{
	enum { N = 20000 };
	int s = to(SOCK_DGRAM, 9004);
	uint64_t count = 0;
	double start = now(), spent;

	for (int i = 0; i < N; i++)
		send(s, buffer, size, 0);
	moved += N * size;
	spent = now() - start;
	usleep(200000);
	for (int tries = 0; tries < 5; tries++) {
		send(s, buffer, 1, 0);
		if (recv(s, &count, sizeof(count), 0) == sizeof(count))
			break;
	}
	printf("%s-offered packets/s %.0f\n", name, N / spent);
	printf("%s-received packets/s %.0f\n", name, (double)count / spent);
	close(s);
}

/* What arrives of a flood from the server; it is over when nothing comes. */
static void burst(uint32_t size, const char *name)
{
	const uint32_t ask[2] = {20000, size};
	struct timeval limit = {.tv_usec = 300000};
	int s = to(SOCK_DGRAM, 9005);
	double start = now(), last = start;
	unsigned count = 0;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	send(s, ask, sizeof(ask), 0);
	while (recv(s, buffer, sizeof(buffer), 0) >= 0) {
		last = now();
		count++;
	}
	moved += (uint64_t)count * size;
	printf("%s-received packets/s %.0f\n", name,
	       count ? count / (last - start) : 0);
	close(s);
}

static void tcp_in(void)
{
	into(bytes, sizeof(buffer), "tcp-in");
}

static void tcp_out(void)
{
	out_of();
}

static void tcp_in_1k(void)
{
	into(bytes / 10, 1024, "tcp-in-1k-writes");
}

static void tcp_echo_1(void)
{
	round_trips(SOCK_STREAM, 9002, 1, "tcp-echo-1");
}

static void tcp_echo_1k(void)
{
	round_trips(SOCK_STREAM, 9002, 1024, "tcp-echo-1024");
}

static void udp_echo_16(void)
{
	round_trips(SOCK_DGRAM, 9003, 16, "udp-echo-16");
}

static void udp_echo_1400(void)
{
	round_trips(SOCK_DGRAM, 9003, 1400, "udp-echo-1400");
}

static void udp_18(void)
{
	flood(18, "udp-18");
}

static void udp_1400(void)
{
	flood(1400, "udp-1400");
}

static void udp_out_18(void)
{
	burst(18, "udp-out-18");
}

static void udp_out_1400(void)
{
	burst(1400, "udp-out-1400");
}

/* What can be asked for by name; all of it without one. */
static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"tcp-in", tcp_in},
	{"tcp-out", tcp_out},
	{"tcp-in-1k", tcp_in_1k},
	{"tcp-echo-1", tcp_echo_1},
	{"tcp-echo-1k", tcp_echo_1k},
	{"udp-echo-16", udp_echo_16},
	{"udp-echo-1400", udp_echo_1400},
	{"tcp-connect", connects},
	{"udp-18", udp_18},
	{"udp-1400", udp_1400},
	{"udp-out-18", udp_out_18},
	{"udp-out-1400", udp_out_1400},
};

/* What the server has copied so far; 0: it does not know. */
static uint64_t copied(void)
{
	int s = to(SOCK_DGRAM, 9004);
	uint64_t n = 0;

	send(s, buffer, 2, 0);
	if (recv(s, &n, sizeof(n), 0) != sizeof(n))
		n = 0;
	close(s);
	return n;
}

/* One case, and how often each of its bytes was copied. */
static void run_alone(const char *name, void (*run)(void))
{
	uint64_t before = copied(), after;

	run();
	after = copied();
	if (after && moved)
		printf("%s-copies per-byte %.2f\n", name,
		       (double)(after - before) / (double)moved);
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: client ADDRESS MEGABYTES [CASE]\n");
		return 2;
	}
	bytes = strtoull(argv[2], NULL, 10) << 20;
	server.sin_family = AF_INET;
	inet_pton(AF_INET, argv[1], &server.sin_addr);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (argc == 3)
			cases[i].run();
		else if (!strcmp(argv[3], cases[i].name))
			run_alone(cases[i].name, cases[i].run);
	return 0;
}
