/* SPDX-License-Identifier: ISC */
/*
 * Pipes, counters, timers as files, and waiting for them. It also passes as a
 * Linux program in an empty directory (__FATA_UNIX__).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <lib/guest.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void *write_much(void *arg)
{
	char *block = calloc(1, 300000);

	check_equal(write(*(int *)arg, block, 300000), 300000);
	free(block);
	close(*(int *)arg);
	return NULL;
}

static void pipes(void)
{
	struct pollfd p;
	char text[5000];
	int fd[2], n;
	ssize_t got, sum = 0;
	pthread_t t;

	check_equal(pipe2(fd, O_NONBLOCK), 0);
	fails(read(fd[0], text, 1), EAGAIN);
	check_equal(write(fd[1], "hello", 5), 5);
	check_equal(ioctl(fd[0], FIONREAD, &n), 0);
	check_equal(n, 5);
	p = (struct pollfd){fd[0], POLLIN, 0};
	check_equal(poll(&p, 1, 0), 1);
	check_equal(p.revents, POLLIN);
	check_equal(read(fd[0], text, sizeof(text)), 5);
	fails(lseek(fd[0], 0, SEEK_SET), ESPIPE);
	while (write(fd[1], text, 4096) == 4096)
		sum += 4096;
	check_equal(sum, 65536);
	close(fd[1]);
	while ((got = read(fd[0], text, sizeof(text))) > 0)
		sum -= got;
	check_equal(sum, 0);
	check_equal(poll(&p, 1, 0), 1);
	check_equal(p.revents, POLLHUP);
	close(fd[0]);
	/* a writer of much waits until a reader has taken it */
	check_equal(pipe(fd), 0);
	pthread_create(&t, NULL, write_much, &fd[1]);
	while ((got = read(fd[0], text, sizeof(text))) > 0)
		sum += got;
	check_equal(sum, 300000);
	pthread_join(t, NULL);
	close(fd[0]);
	check_equal(pipe(fd), 0);
	close(fd[0]);
	signal(SIGPIPE, SIG_IGN);
	fails(write(fd[1], "x", 1), EPIPE);
	close(fd[1]);
}

static void *open_writer(void *arg)
{
	int fd = open(arg, O_WRONLY);

	check_equal(write(fd, "fifo", 4), 4);
	close(fd);
	return NULL;
}

static void fifos(void)
{
	char text[8];
	pthread_t t;
	int fd;

	check_equal(mkfifo("fifo", 0600), 0);
	fails(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	pthread_create(&t, NULL, open_writer, "fifo");
	fd = open("fifo", O_RDONLY);
	check_equal(read(fd, text, sizeof(text)), 4);
	check_equal(read(fd, text, sizeof(text)), 0);
	pthread_join(t, NULL);
	close(fd);
	check_equal(unlink("fifo"), 0);
}

static void counters(void)
{
	struct itimerspec when = {{0, 5000000}, {0, 10000000}};
	uint64_t v = 3;
	int fd = eventfd(2, EFD_NONBLOCK), timer;

	check_equal(write(fd, &v, 8), 8);
	check_equal(read(fd, &v, 8), 8);
	check_equal(v, 5);
	fails(read(fd, &v, 8), EAGAIN);
	fails(read(fd, &v, 4), EINVAL);
	close(fd);
	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	check_equal(read(fd, &v, 8), 8);
	check_equal(v, 1);
	check_equal(read(fd, &v, 8), 8);
	fails(read(fd, &v, 8), EAGAIN);
	close(fd);
	timer = timerfd_create(CLOCK_MONOTONIC, 0);
	check_equal(timerfd_settime(timer, 0, &when, NULL), 0);
	check_equal(read(timer, &v, 8), 8);
	check(v >= 1);
	usleep(30000);
	check_equal(read(timer, &v, 8), 8);
	check(v >= 4);
	check_equal(timerfd_gettime(timer, &when), 0);
	check_equal(when.it_interval.tv_nsec, 5000000);
	close(timer);
}

static void *add_one(void *arg)
{
	uint64_t one = 1;

	usleep(5000);
	check_equal(write(*(int *)arg, &one, 8), 8);
	return NULL;
}

static void epolls(void)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = 7}, got[4];
	int set = epoll_create1(0), fd = eventfd(0, 0), other = eventfd(1, 0);
	uint64_t v;
	pthread_t t;

	check_equal(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e), 0);
	fails(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e), EEXIST);
	int file = open("plain", O_CREAT | O_RDONLY, 0600);
	fails(epoll_ctl(set, EPOLL_CTL_ADD, file, &e), EPERM);
	close(file);
	check_equal(unlink("plain"), 0);
	check_equal(epoll_wait(set, got, 4, 10), 0);
	pthread_create(&t, NULL, add_one, &fd);
	check_equal(epoll_wait(set, got, 4, -1), 1);
	check_equal(got[0].data.u32, 7);
	check_equal(got[0].events, EPOLLIN);
	pthread_join(t, NULL);
	check_equal(epoll_wait(set, got, 4, 0), 1); /* level: again */
	e.events = EPOLLIN | EPOLLET;
	e.data.u32 = 8;
	check_equal(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e), 0);
	check_equal(epoll_ctl(set, EPOLL_CTL_ADD, other, &e), 0);
	check_equal(epoll_wait(set, got, 4, 0), 2);
	check_equal(epoll_wait(set, got, 4, 0), 0); /* edge: once */
	v = 1;
	check_equal(write(other, &v, 8), 8);
	check_equal(epoll_wait(set, got, 4, 0), 1);
	close(other); /* leaves the set */
	e.events = EPOLLIN | EPOLLONESHOT;
	check_equal(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e), 0);
	check_equal(epoll_wait(set, got, 4, 0), 1);
	check_equal(epoll_wait(set, got, 4, 0), 0);
	check_equal(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), 0);
	fails(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), ENOENT);
	close(fd);
	close(set);
}

int main(void)
{
#ifndef __FATA_UNIX__
	check_equal(chdir("/tmp"), 0);
#endif
	pipes();
	fifos();
	counters();
	epolls();
	return 0;
}
