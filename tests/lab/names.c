/* SPDX-License-Identifier: ISC */
/*
 * Looks up each argument with getaddrinfo and prints what it is. For
 * net_examples.sh: address and name server come by DHCP. With ONLY_LOOKUP it
 * calls no other function of the network's.
 */
#include <arpa/inet.h>
#include <fata/manifest.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

FATA_NET("lan");

#ifndef ONLY_LOOKUP
/* The address from which that machine would be reached. */
static void say_own(const struct addrinfo *there)
{
	struct sockaddr_in own;
	socklen_t size = sizeof(own);
	char text[INET_ADDRSTRLEN];
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (connect(s, there->ai_addr, there->ai_addrlen) ||
	    getsockname(s, (struct sockaddr *)&own, &size))
		perror("names");
	else
		printf("from %s\n", inet_ntop(AF_INET, &own.sin_addr, text,
					      sizeof(text)));
	close(s);
}
#endif

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct addrinfo hints = {.ai_family = AF_INET,
					 .ai_socktype = SOCK_STREAM};
		struct addrinfo *found;
		int rc = getaddrinfo(argv[i], "80", &hints, &found);
		char text[INET_ADDRSTRLEN];

		if (rc) {
			printf("%s: %s\n", argv[i], gai_strerror(rc));
			continue;
		}
		inet_ntop(AF_INET,
			  &((struct sockaddr_in *)found->ai_addr)->sin_addr,
			  text, sizeof(text));
		printf("%s: %s\n", argv[i], text);
#ifndef ONLY_LOOKUP
		say_own(found);
#endif
		freeaddrinfo(found);
	}
	return 0;
}
