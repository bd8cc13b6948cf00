/* SPDX-License-Identifier: ISC */
/*
 * More than a guest can take (net_flood.sh):  flood WHAT ADDRESS N
 *
 *     syn N      asks for N connections from addresses that nobody has
 *     udp N      N datagrams of 8000 bytes, as fast as they leave
 *     frames N   N frames of no known kind, to everybody on fatabr0
 *     crowd N    N connections, each with as much data as it takes; the guest
 *                reads the first one only; they end after three seconds
 *
 * Meanwhile a connection to port 9002 that was there before has to echo; while
 * there is a crowd, a new one, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct sockaddr_in there = {.sin_family = AF_INET};
static char data[65536];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int to(uint16_t port, int flags)
{
	struct timeval limit = {.tv_sec = 60};
	int s = socket(AF_INET, SOCK_STREAM | flags, 0);

	there.sin_port = htons(port);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(s, (struct sockaddr *)&there, sizeof(there)) &&
	    errno != EINPROGRESS)
		die("connect");
	return s;
}

static void echo(int s)
{
	char back[8];

	if (write(s, "still so", 8) != 8 ||
	    recv(s, back, 8, MSG_WAITALL) != 8 || memcmp(back, "still so", 8))
		die("the connection that was there before");
}

static uint16_t sum(const void *p, size_t n, uint32_t so_far)
{
	const uint16_t *words = p;

	for (size_t i = 0; i < n / 2; i++)
		so_far += words[i];
	while (so_far >> 16)
		so_far = (so_far & 0xffff) + (so_far >> 16);
	return (uint16_t)so_far;
}

static void syn(int s, unsigned i)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} p = {
		.ip = {.version = 4, .ihl = 5, .ttl = 64,
		       .protocol = IPPROTO_TCP,
		       .tot_len = htons(sizeof(p)),
		       .saddr = htonl(0x0a090064 + i % 100), /* 10.9.0.100 */
		       .daddr = there.sin_addr.s_addr},
		.tcp = {.source = htons((uint16_t)(1024 + i / 100)),
			.dest = htons(9002), .seq = htonl(i << 12), .doff = 5,
			.syn = 1, .window = htons(60000)},
	};

	p.tcp.check = (uint16_t)~sum(&p.tcp, sizeof(p.tcp),
				     sum(&p.ip.saddr, 8, 0) +
					     htons(IPPROTO_TCP) +
					     htons(sizeof(p.tcp)));
	if (sendto(s, &p, sizeof(p), 0, (struct sockaddr *)&there,
		   sizeof(there)) < 0 &&
	    errno != ENOBUFS)
		die("syn");
}

static void udp(int s, unsigned i)
{
	(void)i;
	there.sin_port = htons(9003);
	if (sendto(s, data, 8000, 0, (struct sockaddr *)&there,
		   sizeof(there)) < 0 &&
	    errno != ENOBUFS)
		die("udp");
}

static void frame(int s, unsigned i)
{
	struct sockaddr_ll all = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons((uint16_t)(0x9000 + i)),
		.sll_ifindex = (int)if_nametoindex("fatabr0"),
		.sll_halen = 6,
		.sll_addr = {255, 255, 255, 255, 255, 255}};

	if (sendto(s, data, i % 1500, 0, (struct sockaddr *)&all,
		   sizeof(all)) < 0 &&
	    errno != ENOBUFS)
		die("frame");
}

static void flood(int s, void (*one)(int, unsigned), unsigned n)
{
	int before = to(9002, 0);

	if (s < 0)
		die("socket");
	for (unsigned i = 0; i < n; i++) {
		one(s, i);
		if (i % (n / 5) == 0)
			echo(before);
	}
	echo(before);
}

static void crowd(unsigned n)
{
	int before = to(9002, 0), late, *s = calloc(n, sizeof(*s));
	size_t taken = 0;

	for (unsigned i = 0; i < n; i++)
		s[i] = to(9000, SOCK_NONBLOCK);
	for (unsigned round = 0; round < 30; round++) {
		for (unsigned i = 0; i < n; i++) {
			ssize_t done = send(s[i], data, sizeof(data),
					    MSG_NOSIGNAL);

			taken += done > 0 ? (size_t)done : 0;
		}
		usleep(100000);
		echo(before);
		late = to(9002, 0);
		echo(late);
		close(late);
	}
	for (unsigned i = 0; i < n; i++)
		close(s[i]);
	printf("%zu bytes were on their way\n", taken);
	echo(before);
}

int main(int argc, char **argv)
{
	unsigned n = argc == 4 ? (unsigned)atoi(argv[3]) : 0;

	if (n < 5 || !inet_aton(argv[2], &there.sin_addr))
		return 2;
	if (!strcmp(argv[1], "syn"))
		flood(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), syn, n);
	else if (!strcmp(argv[1], "udp"))
		flood(socket(AF_INET, SOCK_DGRAM, 0), udp, n);
	else if (!strcmp(argv[1], "frames"))
		flood(socket(AF_PACKET, SOCK_DGRAM, 0), frame, n);
	else if (!strcmp(argv[1], "crowd"))
		crowd(n);
	else
		return 2;
	return 0;
}
