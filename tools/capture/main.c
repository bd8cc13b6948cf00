/* SPDX-License-Identifier: ISC */
/*
 * fata-capture INTERFACE: what passes the interface of a Linux dom0, as a
 * capture file on stdout. `fata run --pcap` runs it where xl runs, on the
 * backend's end of a guest's network card; it is static, so it runs in the lab
 * as well.
 *
 * Interface: the file's header comes as soon as nothing can be missed. It ends
 * when stdin does, after what has passed until then. What was lost because the
 * reader was slow is counted on stderr at the end. Status 0, or 1 after a line
 * that says why.
 */
#include "core/pcap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX  65600
#define KEPT_BYTES (16 << 20) /* in the kernel, while we write */

static const struct pcap format = {
	.nano = true,
	.longest = PCAP_LONGEST,
	.link = PCAP_ETHERNET,
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "fata-capture: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_to(const char *name)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;
	int bytes = KEPT_BYTES;

	if (s < 0)
		die("cannot capture");
	if (!a.sll_ifindex)
		die(name);
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(s, (struct sockaddr *)&a, sizeof(a)))
		die(name);
	return s;
}

static uint64_t time_of(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct timespec t;

	if (c && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_TIMESTAMPNS)
		memcpy(&t, CMSG_DATA(c), sizeof(t));
	else
		clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One frame that has arrived; false: there is none. */
static int take(int s)
{
	static unsigned char data[FRAME_MAX];
	uint8_t head[PCAP_RECORD];
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;
	struct iovec v = {data, sizeof(data)};
	struct msghdr m = {
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(s, &m, MSG_DONTWAIT | MSG_TRUNC);
	struct pcap_record r;

	if (n < 0 && errno == ENETDOWN)
		return 1; /* told once, when the guest goes */
	if (n < 0)
		return 0;
	r = (struct pcap_record){
		.ns = time_of(&m),
		.size = n < FRAME_MAX ? (uint32_t)n : FRAME_MAX,
		.wire = (uint32_t)n,
	};
	pcap_encode_record(head, &format, &r);
	fwrite(head, sizeof(head), 1, stdout);
	fwrite(data, r.size, 1, stdout);
	return 1;
}

static void flush(void)
{
	if (fflush(stdout))
		die("stdout");
}

int main(int argc, char **argv)
{
	static char buffer[1 << 17];
	struct tpacket_stats lost;
	socklen_t size = sizeof(lost);
	struct pollfd p[] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};
	uint8_t head[PCAP_HEADER];

	if (argc != 2) {
		fprintf(stderr, "usage: fata-capture INTERFACE\n");
		return 2;
	}
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	p[1].fd = listen_to(argv[1]);
	pcap_encode_header(head, &format);
	fwrite(head, sizeof(head), 1, stdout);
	while (!p[0].revents) {
		while (take(p[1].fd))
			;
		flush();
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die("poll");
	}
	while (take(p[1].fd))
		;
	flush();
	if (!getsockopt(p[1].fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) &&
	    lost.tp_drops)
		fprintf(stderr, "fata-capture: %u frames are missing\n",
			lost.tp_drops);
	return 0;
}
