/* SPDX-License-Identifier: ISC */
/* Fetches a page, with stdio on the socket: fetch ADDRESS PORT. */
#include <arpa/inet.h>
#include <errno.h>
#include <fata/manifest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

FATA_NAME("fetch", "fetches a page");
FATA_NET("net");

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int s = socket(AF_INET, SOCK_STREAM, 0), works = 0;
	char line[512];
	FILE *f;

	if (argc < 3 || s < 0 || !inet_aton(argv[1], &a.sin_addr))
		return 2;
	a.sin_port = htons((uint16_t)atoi(argv[2]));
	if (connect(s, (struct sockaddr *)&a, sizeof(a))) {
		printf("connect: %s\n", strerror(errno));
		return 3;
	}
	dprintf(s, "GET / HTTP/1.0\r\n\r\n");
	f = fdopen(s, "r");
	while (fgets(line, sizeof(line), f))
		works |= strstr(line, "It works") != NULL;
	fclose(f);
	if (works)
		puts("It works");
	return !works;
}
