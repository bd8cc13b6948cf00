/* SPDX-License-Identifier: ISC */
/*
 * Sends each datagram back to where it came from, over IPv4 and IPv6.
 */
#include <arpa/inet.h>
#include <fata/manifest.h>
#include <fata/param.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

FATA_NAME("udp-echo", "sends each datagram back");
FATA_NET("lan");

static int64_t port = 7;
FATA_PARAM_INT(port, "port", "7", "the UDP port");

int main(void)
{
	int s = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 here = {.sin6_family = AF_INET6,
				    .sin6_addr = in6addr_any,
				    .sin6_port = htons((uint16_t)port)};
	static char data[65536];

	if (s < 0 || bind(s, (struct sockaddr *)&here, sizeof(here))) {
		perror("udp-echo");
		return 1;
	}
	printf("udp-echo: port %d\n", (int)port);
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
