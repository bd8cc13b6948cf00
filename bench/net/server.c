/* SPDX-License-Identifier: ISC */
/*
 * The peer of client.c, the same source for a Fata guest and a Linux guest.
 *
 *     tcp 9000  reads until the end, answers with one byte
 *     tcp 9001  reads a count, writes that many bytes
 *     tcp 9002  echoes
 *     udp 9003  echoes
 *     udp 9004  counts; a datagram of 1 byte asks for the count, one of 2 bytes
 *               for the bytes that were copied (which Linux does not tell)
 *     udp 9005  is asked by two numbers for so many datagrams of such a size
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __FATA__
#include <fata/metrics.h>
FATA_NET("lan");
#else
static int metrics_read(const char *name, uint64_t *value)
{
	(void)name;
	(void)value;
	return -1;
}
#endif

static char buffer[4][1 << 17];

static void sink(int c)
{
	while (read(c, buffer[0], sizeof(buffer[0])) > 0)
		;
	write(c, "", 1);
}

static void source(int c)
{
	uint64_t left = 0;

	if (read(c, &left, sizeof(left)) != sizeof(left))
		return;
	while (left) {
		size_t n = left < sizeof(buffer[1]) ? left : sizeof(buffer[1]);
		ssize_t done = write(c, buffer[1], n);

		if (done <= 0)
			return;
		left -= (uint64_t)done;
	}
}

static void echo(int c)
{
	int on = 1;
	ssize_t n;

	setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while ((n = read(c, buffer[2], sizeof(buffer[2]))) > 0)
		if (write(c, buffer[2], (size_t)n) != n)
			return;
}

static int bound(int type, int port)
{
	int s = socket(AF_INET, type, 0), on = 1;
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a))) {
		perror("bind");
		exit(1);
	}
	return s;
}

__attribute__((noreturn)) static void *streams(void *arg)
{
	static void (*const serve[])(int) = {sink, source, echo};
	int which = (int)(intptr_t)arg, s = bound(SOCK_STREAM, 9000 + which);

	listen(s, 16);
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0)
			continue;
		serve[which](c);
		close(c);
	}
}

__attribute__((noreturn)) static void *datagrams(void *arg)
{
	int counts = (int)(intptr_t)arg, s = bound(SOCK_DGRAM, 9003 + counts);
	static char data[2][2048];
	uint64_t count = 0;

	for (;;) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		char *p = data[counts];
		ssize_t n = recvfrom(s, p, 2048, 0, (struct sockaddr *)&from,
				     &size);

		if (n < 0)
			continue;
		if (counts && n > 2) {
			count++;
			continue;
		}
		if (counts && n == 2) {
			uint64_t copied = 0;

			metrics_read("ip.copied", &copied);
			memcpy(p, &copied, sizeof(copied));
			n = sizeof(copied);
		} else if (counts) {
			memcpy(p, &count, sizeof(count));
			n = sizeof(count);
			count = 0;
		}
		sendto(s, p, (size_t)n, 0, (struct sockaddr *)&from, size);
	}
}

__attribute__((noreturn)) static void *bursts(void *arg)
{
	int s = bound(SOCK_DGRAM, 9005);
	static char data[2048];

	(void)arg;
	for (;;) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		uint32_t ask[2];
		ssize_t n = recvfrom(s, ask, sizeof(ask), 0,
				     (struct sockaddr *)&from, &size);

		if (n != sizeof(ask) || ask[1] > sizeof(data))
			continue;
		while (ask[0]--)
			sendto(s, data, ask[1], 0, (struct sockaddr *)&from,
			       size);
	}
}

int main(void)
{
	pthread_t t;

	for (intptr_t i = 0; i < 3; i++)
		pthread_create(&t, NULL, streams, (void *)i);
	pthread_create(&t, NULL, datagrams, (void *)0);
	pthread_create(&t, NULL, bursts, NULL);
	puts("READY");
	fflush(stdout);
	datagrams((void *)1);
	return 1;
}
