/* SPDX-License-Identifier: ISC */
/*
 * Which calls a signal's handler ends, which go on (SA_RESTART), and masks that
 * hold during a wait. It also passes as a Linux program.
 * guest: says ^all of it ends$
 */
#define _GNU_SOURCE
#include <errno.h>
#include <lib/guest.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t count, due;
static int fds[2];
static sem_t sem;

static void handler(int sig)
{
	(void)sig;
	if (++count == due) {
		check_equal(write(fds[1], "x", 1), 1);
		check_equal(sem_post(&sem), 0);
	}
}

/* A signal every 5 ms; at the n-th fds[0] is readable and sem is free. */
static void every(int ms, int flags, int n)
{
	struct itimerval t = {{0, ms * 1000}, {0, ms * 1000}};
	struct sigaction a = {.sa_handler = handler, .sa_flags = flags};

	count = 0;
	due = n;
	check_equal(sigaction(SIGALRM, &a, NULL), 0);
	check_equal(setitimer(ITIMER_REAL, &t, NULL), 0);
}

static void off(void)
{
	struct itimerval t = {{0, 0}, {0, 0}};

	check_equal(setitimer(ITIMER_REAL, &t, NULL), 0);
}

/* For waits that a signal ends: a busy machine may have it come late. */
#define LONG 100

static struct timespec in_long(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += LONG;
	return t;
}

/* What a handler ends, whatever its flags say. */
static void always(int flags)
{
	struct pollfd p = {fds[0], POLLIN, 0};
	struct timespec wait = {LONG, 0}, then = in_long();
	struct timeval time = {LONG, 0};
	struct epoll_event e;
	long long start;
	fd_set set;
	int epoll = epoll_create1(0);

	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	every(5, flags, 0);
	fails(poll(&p, 1, LONG * 1000), EINTR);
	fails(ppoll(&p, 1, &wait, NULL), EINTR);
	fails(select(fds[0] + 1, &set, NULL, NULL, &time), EINTR);
	fails(epoll_wait(epoll, &e, 1, LONG * 1000), EINTR);
	fails(nanosleep(&wait, NULL), EINTR);
	check_equal(clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL), EINTR);
	fails(usleep(LONG * 1000000), EINTR);
	start = guest_ns();
	check_left(sleep(LONG), LONG, 1000000000, start);
	fails(sem_timedwait(&sem, &then), EINTR);
	fails(pause(), EINTR);
	off();
	close(epoll);
}

/* What is ended by a handler without SA_RESTART only. */
static void some(void)
{
	char c;

	every(5, 0, 0);
	fails(read(fds[0], &c, 1), EINTR);
	fails(sem_wait(&sem), EINTR);
	every(5, SA_RESTART, 3);
	check_equal(read(fds[0], &c, 1), 1);
	check(count >= 3);
	check_equal(sem_wait(&sem), 0);
	every(5, SA_RESTART, 3);
	check_equal(sem_wait(&sem), 0);
	check(count >= 3);
	check_equal(read(fds[0], &c, 1), 1);
	off();
}

/* The old ways to say the same. */
static void old_ways(void)
{
	struct sigaction now;
	char c;

	every(5, 0, 0);
	check(signal(SIGALRM, handler) == handler);
	due = count + 3;
	check_equal(read(fds[0], &c, 1), 1);
	check_equal(sem_wait(&sem), 0);
	siginterrupt(SIGALRM, 1);
	fails(read(fds[0], &c, 1), EINTR);
	check_equal(sigaction(SIGALRM, NULL, &now), 0);
	check(now.sa_handler == handler && !(now.sa_flags & SA_RESTART));
	off();
	siginterrupt(SIGALRM, 0);
}

static void sockets(void)
{
	struct sockaddr_un a = {AF_UNIX, "socket"};
	struct timeval limit = {LONG, 0};
	int pair[2], s;
	char c;

	/* libc's would bring the network along: too large for a dom0 */
	s = (int)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	unlink("socket");
	check_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	check_equal(listen(s, 1), 0);
	every(5, 0, 0);
	fails(accept(s, NULL, NULL), EINTR);
	close(s);
	check_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	every(5, 0, 0);
	fails(recv(pair[0], &c, 1, 0), EINTR);
	/* a time limit: it does not begin again */
	every(5, SA_RESTART, 0);
	check_equal(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit,
			       sizeof(limit)),
		    0);
	fails(recv(pair[0], &c, 1, 0), EINTR);
	off();
	close(pair[0]);
	close(pair[1]);
}

/* The signal is blocked but for the wait: it cannot come before it. */
static void masked(void)
{
	struct timespec wait = {LONG, 0};
	struct epoll_event e;
	sigset_t one, none, now;
	int epoll = epoll_create1(0);

	sigemptyset(&none);
	sigemptyset(&one);
	sigaddset(&one, SIGALRM);
	sigprocmask(SIG_BLOCK, &one, NULL);
	count = due = 0;
	raise(SIGALRM);
	fails(ppoll(NULL, 0, &wait, &none), EINTR);
	check_equal(count, 1);
	raise(SIGALRM);
	fails(pselect(0, NULL, NULL, NULL, &wait, &none), EINTR);
	raise(SIGALRM);
	fails(epoll_pwait(epoll, &e, 1, LONG * 1000, &none), EINTR);
	raise(SIGALRM);
	fails(sigsuspend(&none), EINTR);
	check_equal(count, 4);
	every(5, 0, 0);
	fails(ppoll(NULL, 0, &wait, &none), EINTR);
	off();
	check_equal(ppoll(NULL, 0, &(struct timespec){0, 1000000}, &one), 0);
	sigprocmask(SIG_SETMASK, &none, &now);
	check(sigismember(&now, SIGALRM));
	close(epoll);
}

/* --- threads -------------------------------------------------------------- */

static void *reader(void *arg)
{
	sigset_t all;
	char c;

	sigfillset(&all); /* main may be busy with one when the next comes */
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	check_equal(read(fds[0], &c, 1), 1);
	return arg;
}

static void *waiter(void *arg)
{
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	check_equal(sigwait(&set, &sig), 0);
	*(int *)arg = sig;
	return arg;
}

/* Only the wait of the thread that has handled it ends. */
static void threads(void)
{
	struct timespec wait = {LONG, 0};
	sigset_t set;
	pthread_t t;
	int sig = 0;

	check_equal(pthread_create(&t, NULL, reader, NULL), 0);
	every(5, 0, 0);
	for (int i = 0; i < 5; i++)
		fails(nanosleep(&wait, NULL), EINTR);
	off();
	check_equal(write(fds[1], "x", 1), 1);
	check_equal(pthread_join(t, NULL), 0);
	/* one that waits for a signal of its own, one for any thread's */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 2; i++) {
		sig = 0;
		check_equal(pthread_create(&t, NULL, waiter, &sig), 0);
		usleep(2000);
		if (i)
			kill(getpid(), SIGUSR2);
		else
			pthread_kill(t, SIGUSR2);
		check_equal(pthread_join(t, NULL), 0);
		check_equal(sig, SIGUSR2);
	}
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* --- handlers that do not return --------------------------------------------
 */

static sigjmp_buf back;
static char alternate[32768];

static void jump(int sig)
{
	siglongjmp(back, sig);
}

/* The next wait is as any other. */
static void jumping(int flags)
{
	struct sigaction a = {.sa_handler = jump, .sa_flags = flags};
	struct timespec nap = {0, 2000000};
	stack_t s = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;

	check_equal(sigaltstack(&s, &old), 0);
	sigaction(SIGUSR1, &a, NULL);
	for (int i = 0; i < 3; i++) {
		if (!sigsetjmp(back, 1)) {
			raise(SIGUSR1);
			still_alive();
		}
		check_equal(nanosleep(&nap, NULL), 0);
	}
	check_equal(sigaltstack(&old, NULL), 0);
}

int main(void)
{
	check_equal(pipe(fds), 0);
	check_equal(sem_init(&sem, 0, 0), 0);
	always(0);
	always(SA_RESTART);
	some();
	old_ways();
	sockets();
	masked();
	threads();
	jumping(0);
	jumping(SA_ONSTACK);
	puts("all of it ends");
	return 0;
}
