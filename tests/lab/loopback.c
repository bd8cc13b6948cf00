/* SPDX-License-Identifier: ISC */
/*
 * TCP and UDP between two threads of a guest that has no network card: what is
 * sent to 127.0.0.1 arrives at once and in order.
 */
#include <arpa/inet.h>
#include <lib/guest.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES 300000

static struct sockaddr_in here(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static void *echo(void *arg)
{
	static char part[5000];
	int listener = *(int *)arg, c = accept(listener, NULL, NULL);
	ssize_t n;

	check(c >= 0);
	while ((n = read(c, part, sizeof(part))) > 0)
		check_equal(write(c, part, (size_t)n), n);
	close(c);
	return NULL;
}

static void *writer(void *arg)
{
	static unsigned char out[BYTES];

	for (int i = 0; i < BYTES; i++)
		out[i] = (unsigned char)(i * 7 + i / 256);
	check_equal(write(*(int *)arg, out, BYTES), BYTES);
	check_equal(shutdown(*(int *)arg, SHUT_WR), 0);
	return NULL;
}

/* Room for more is an event; once nobody reads there is none. */
static void writable(void)
{
	static const char part[65536];
	struct sockaddr_in a = here(10);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	int c = socket(AF_INET, SOCK_STREAM, 0), n;
	struct pollfd p = {.fd = c, .events = POLLOUT};

	check_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	check_equal(listen(l, 5), 0);
	check_equal(connect(c, (struct sockaddr *)&a, sizeof(a)), 0);
	check_equal(poll(&p, 1, 1000), 1);
	check_equal(p.revents, POLLOUT);
	for (n = 0; n < 10000; n++)
		if (send(c, part, sizeof(part), MSG_DONTWAIT) < 0)
			break;
	check(n > 0 && n < 10000);
	check_equal(poll(&p, 1, 100), 0);
	close(c);
	close(l);
}

static void tcp(void)
{
	struct sockaddr_in a = here(7);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	int c = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t threads[2];
	unsigned char byte;

	check_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	check_equal(listen(l, 5), 0);
	pthread_create(&threads[0], NULL, echo, &l);
	check_equal(connect(c, (struct sockaddr *)&a, sizeof(a)), 0);
	pthread_create(&threads[1], NULL, writer, &c);
	for (int i = 0; i < BYTES; i++) {
		check_equal(read(c, &byte, 1), 1);
		check_equal(byte, (unsigned char)(i * 7 + i / 256));
	}
	check_equal(read(c, &byte, 1), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	close(c);
	close(l);
}

static void udp(void)
{
	struct sockaddr_in a = here(8), from;
	int in = socket(AF_INET, SOCK_DGRAM, 0);
	int out = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t size = sizeof(from);
	char text[10];

	check_equal(bind(in, (struct sockaddr *)&a, sizeof(a)), 0);
	check_equal(sendto(out, "hello", 5, 0, (struct sockaddr *)&a,
			   sizeof(a)),
		    5);
	check_equal(recvfrom(in, text, sizeof(text), 0,
			     (struct sockaddr *)&from, &size),
		    5);
	check_equal(memcmp(text, "hello", 5), 0);
	check_equal(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	close(in);
	close(out);
}

static void refused(void)
{
	struct sockaddr_in a = here(9);
	int c = socket(AF_INET, SOCK_STREAM, 0);

	check_equal(connect(c, (struct sockaddr *)&a, sizeof(a)), -1);
	close(c);
}

int main(void)
{
	tcp();
	writable();
	udp();
	refused();
	return 0;
}
