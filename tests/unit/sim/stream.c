/* SPDX-License-Identifier: ISC */
/*
 * A TCP server and its client, for nodes of the simulator; plain sockets, so
 * that it could run anywhere.
 *
 *     serve BYTES           send so many bytes to each that connects, counted
 *                           up so that the other side can check them
 *     fetch ADDRESS TIMES   connect, read to the end, tell how long that took
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static size_t size;

static unsigned char expected(size_t at)
{
	return (unsigned char)(at * 31 >> 3);
}

static void *serve_one(void *arg)
{
	int s = (int)(long)arg;
	char block[4096];

	for (size_t at = 0; at < size;) {
		size_t n =
			size - at < sizeof(block) ? size - at : sizeof(block);
		ssize_t done;

		for (size_t i = 0; i < n; i++)
			block[i] = (char)expected(at + i);
		done = write(s, block, n);
		if (done <= 0)
			break;
		at += (size_t)done;
	}
	close(s);
	return NULL;
}

static int serve(struct sockaddr_in *a)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(s, (struct sockaddr *)a, sizeof(*a)) || listen(s, 10)) {
		perror("serve");
		return 1;
	}
	for (;;) {
		int c = accept(s, NULL, NULL);
		pthread_t t;

		if (c >= 0 &&
		    !pthread_create(&t, NULL, serve_one, (void *)(long)c))
			pthread_detach(t);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fetch_one(struct sockaddr_in *a)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	double from = now();
	char block[4096];
	size_t all = 0;
	ssize_t n = -1;

	if (!connect(s, (struct sockaddr *)a, sizeof(*a)))
		while ((n = read(s, block, sizeof(block))) > 0)
			for (ssize_t i = 0; i < n; i++, all++)
				if ((unsigned char)block[i] != expected(all)) {
					printf("byte %zu is wrong\n", all);
					exit(1);
				}
	close(s);
	if (n < 0)
		printf("failed: %s\n", strerror(errno));
	else
		printf("%zu bytes in %.6f s\n", all, now() - from);
	return n < 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(7)};
	int failures = 0;

	if (argc == 3 && !strcmp(argv[1], "serve")) {
		size = strtoul(argv[2], NULL, 10);
		return serve(&a);
	}
	if (argc != 4 || inet_pton(AF_INET, argv[2], &a.sin_addr) != 1)
		return 2;
	for (int i = 0; i < atoi(argv[3]); i++) {
		failures += fetch_one(&a);
		sleep(1);
	}
	printf("%d failures\n", failures);
	return failures != 0;
}
