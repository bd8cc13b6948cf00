/* SPDX-License-Identifier: ISC */
/*
 * The guest of net_slaac.sh: it has no address, takes what the router says,
 * asks the router's nameserver for a name, and looks until all is gone again.
 */
#include <arpa/inet.h>
#include <fata/manifest.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

FATA_NET("lan");

/* The address that we would send from to `text`; false: there is no way. */
static int source(const char *text, char *own)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
				 .sin6_port = htons(53)};
	socklen_t size = sizeof(a);
	int s = socket(AF_INET6, SOCK_DGRAM, 0), there;

	inet_pton(AF_INET6, text, &a.sin6_addr);
	there = !connect(s, (struct sockaddr *)&a, sizeof(a)) &&
		!getsockname(s, (struct sockaddr *)&a, &size) &&
		!IN6_IS_ADDR_UNSPECIFIED(&a.sin6_addr) &&
		!IN6_IS_ADDR_LINKLOCAL(&a.sin6_addr);
	inet_ntop(AF_INET6, &a.sin6_addr, own, INET6_ADDRSTRLEN);
	close(s);
	return there;
}

static void resolve(const char *name)
{
	struct addrinfo ask = {.ai_family = AF_INET6,
			       .ai_socktype = SOCK_STREAM},
			*got;
	char text[INET6_ADDRSTRLEN];
	int rc = getaddrinfo(name, NULL, &ask, &got);

	if (rc) {
		printf("resolve: %s\n", gai_strerror(rc));
		return;
	}
	inet_ntop(AF_INET6,
		  &((struct sockaddr_in6 *)got->ai_addr)->sin6_addr, text,
		  sizeof(text));
	printf("%s is %s\n", name, text);
	freeaddrinfo(got);
}

/* The largest segment that a stream behind the router takes. */
static void segment(const char *text)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
				 .sin6_port = htons(53)};
	int s = socket(AF_INET6, SOCK_STREAM, 0), n = 0;
	socklen_t size = sizeof(n);

	inet_pton(AF_INET6, text, &a.sin6_addr);
	if (connect(s, (struct sockaddr *)&a, sizeof(a)))
		perror("connect");
	getsockopt(s, IPPROTO_TCP, TCP_MAXSEG, &n, &size);
	printf("segments of %d\n", n);
	close(s);
}

static void resolver(void)
{
	FILE *f = fopen("/etc/resolv.conf", "r");
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		fputs(line, stdout);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	char own[INET6_ADDRSTRLEN];
	const char *server = argv[1];
	time_t from;

	if (argc != 2)
		return 2;
	while (!source(server, own))
		sleep(1);
	printf("address %s\n", own);
	resolver();
	resolve("printer.lab");
	segment(server);
	puts("READY");
	from = time(NULL);
	while (source(server, own) && time(NULL) - from < 300)
		sleep(1);
	printf("gone after %ld s\n", (long)(time(NULL) - from));
	while (!source(server, own) && time(NULL) - from < 600)
		sleep(1);
	printf("again %s\n", own);
	return 0;
}
