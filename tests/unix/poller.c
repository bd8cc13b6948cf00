/* SPDX-License-Identifier: ISC */
/*
 * A connection that never waits in a call but only in poll, select and epoll:
 * poller ADDRESS PORT. While it waits, another task runs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fata/manifest.h>
#include <fata/task.h>
#include <fcntl.h>
#include <lib/guest.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

FATA_NAME("poller", "waits for a page in three ways");
FATA_NET("net");

static unsigned ticks;

static int tick(void *arg)
{
	(void)arg;
	for (;; ticks++)
		fata_sleep(FATA_NS_PER_MS);
	return 0;
}

static int begin(char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = -1;
	struct pollfd p = {.fd = s, .events = POLLOUT};
	socklen_t n = sizeof(error);

	a.sin_port = htons((uint16_t)atoi(argv[2]));
	check(inet_aton(argv[1], &a.sin_addr));
	if (connect(s, (struct sockaddr *)&a, sizeof(a)))
		check_equal(errno, EINPROGRESS);
	check_equal(poll(&p, 1, 10000), 1);
	check(p.revents & POLLOUT);
	check_equal(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &n), 0);
	check_equal(error, 0);
	p.events = POLLIN;
	check_equal(poll(&p, 1, 0), 0);
	while (ticks < 6)
		check_equal(poll(&p, 1, 30), 0);
	check_equal(read(s, &p, 1), -1);
	check_equal(errno, EAGAIN);
	check_equal(write(s, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	return s;
}

static void wait_select(int s)
{
	struct timeval t = {10, 0};
	fd_set in;

	FD_ZERO(&in);
	FD_SET(s, &in);
	check_equal(select(s + 1, &in, NULL, NULL, &t), 1);
	check(FD_ISSET(s, &in));
}

/* All that there is; true at the end. */
static int drain(int s, size_t *sum)
{
	char text[100];
	ssize_t n;

	while ((n = read(s, text, sizeof(text))) > 0)
		*sum += (size_t)n;
	if (n < 0)
		check_equal(errno, EAGAIN);
	return n == 0;
}

int main(int argc, char **argv)
{
	int s, copy, set = epoll_create1(0), end = 0;
	struct epoll_event e = {.events = EPOLLIN};
	size_t sum = 0;

	check(argc == 3);
	fata_task_spawn(NULL, NULL, tick, NULL);
	s = begin(argv);
	wait_select(s);
	copy = dup(s);
	close(s);
	check_equal(epoll_ctl(set, EPOLL_CTL_ADD, copy, &e), 0);
	while (!end) {
		check_equal(epoll_wait(set, &e, 1, 10000), 1);
		end = drain(copy, &sum);
	}
	close(copy);
	check(sum > 100);
	printf("%zu bytes, %u ticks\n", sum, ticks);
	return 0;
}
