/* SPDX-License-Identifier: ISC */
/*
 * A connection that is open for long with nothing to say, for nodes of the
 * simulator.
 *
 *     listen                 give back what comes
 *     ask ADDRESS SECONDS    ask, say nothing for so long, and ask twice more;
 *                            tell how long the answers took
 *     watch ADDRESS SECONDS  only listen, with keep-alives after so long, two
 *                            10 s apart; tell how it ended, and when
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int give_back(int listener)
{
	char block[64];
	ssize_t n;

	listen(listener, 1);
	for (;;) {
		int c = accept(listener, NULL, NULL);

		while ((n = read(c, block, sizeof(block))) > 0)
			if (write(c, block, (size_t)n) != n)
				return 1;
		close(c);
	}
}

static int ask(int s)
{
	double from = now();
	char c = 'a';

	if (write(s, &c, 1) != 1 || read(s, &c, 1) != 1)
		return 1;
	printf("answered after %.4f s\n", now() - from);
	return 0;
}

static int watch(int s, int seconds)
{
	int on = 1, often = 10, times = 2;
	double from = now();
	char c;

	setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	setsockopt(s, IPPROTO_TCP, TCP_KEEPINTVL, &often, sizeof(often));
	setsockopt(s, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
	if (read(s, &c, 1) >= 0)
		return 1;
	printf("%s after %.0f s\n", strerror(errno), now() - from);
	return errno != ETIMEDOUT;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(7)};
	int s = socket(AF_INET, SOCK_STREAM, 0), failed;

	if (argc == 2 && !strcmp(argv[1], "listen"))
		return bind(s, (struct sockaddr *)&a, sizeof(a)) ||
		       give_back(s);
	if (argc != 4 || inet_pton(AF_INET, argv[2], &a.sin_addr) != 1 ||
	    connect(s, (struct sockaddr *)&a, sizeof(a)))
		return 2;
	if (!strcmp(argv[1], "watch"))
		return watch(s, atoi(argv[3]));
	failed = ask(s);
	sleep((unsigned)atoi(argv[3]));
	return failed | ask(s) | ask(s);
}
