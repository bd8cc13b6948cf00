/* SPDX-License-Identifier: ISC */
/*
 * Signals as far as a program without processes needs them: handlers by raise,
 * timers and faults, masks, waiting, the alternate stack, cancellation of
 * threads. It also passes as a Linux program.
 * guest: exit 142
 * guest: says ^all of it works$
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <lib/guest.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t got, count;
static volatile siginfo_t last;

static void handler(int sig)
{
	got = sig;
	count++;
}

static void info_handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	got = sig;
	last = *info;
	check(u->uc_mcontext.gregs[REG_RIP] != 0);
}

static void set(int sig, void (*fn)(int), int flags)
{
	struct sigaction a = {.sa_handler = fn, .sa_flags = flags};

	check_equal(sigaction(sig, &a, NULL), 0);
}

static void raising(void)
{
	volatile double kept = 1.5; /* in a vector register, if anywhere */
	struct sigaction old;

	set(SIGUSR1, handler, 0);
	check_equal(raise(SIGUSR1), 0);
	check_equal(got, SIGUSR1);
	check(kept * 2 == 3.0);
	check_equal(kill(getpid(), SIGUSR1), 0);
	check_equal(count, 2);
	check_equal(sigaction(SIGUSR1, NULL, &old), 0);
	check(old.sa_handler == handler);
	set(SIGUSR1, handler, SA_RESETHAND);
	raise(SIGUSR1);
	check_equal(sigaction(SIGUSR1, NULL, &old), 0);
	check(old.sa_handler == SIG_DFL);
	set(SIGUSR1, SIG_IGN, 0);
	raise(SIGUSR1);
	check_equal(count, 3);
	check(signal(SIGKILL, handler) == SIG_ERR && errno == EINVAL);
}

static void masks(void)
{
	sigset_t one, old, now;

	got = 0;
	set(SIGUSR2, handler, 0);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	sigprocmask(SIG_BLOCK, &one, &old);
	raise(SIGUSR2);
	check_equal(got, 0);
	sigpending(&now);
	check(sigismember(&now, SIGUSR2));
	sigprocmask(SIG_SETMASK, &old, NULL);
	check_equal(got, SIGUSR2);
	/* waiting instead of handling */
	struct timespec soon = {0, 1000000};
	siginfo_t info;
	got = 0;
	sigprocmask(SIG_BLOCK, &one, &old);
	raise(SIGUSR2);
	check_equal(sigwaitinfo(&one, &info), SIGUSR2);
	check_equal(info.si_signo, SIGUSR2);
	check(sigtimedwait(&one, &info, &soon) == -1 && errno == EAGAIN);
	check_equal(got, 0);
	/* suspended with another mask, which is gone afterwards */
	raise(SIGUSR2);
	sigset_t none;
	sigemptyset(&none);
	check(sigsuspend(&none) == -1 && errno == EINTR);
	check_equal(got, SIGUSR2);
	sigprocmask(SIG_SETMASK, &old, &now);
	check(sigismember(&now, SIGUSR2));
}

static void told(int sig, siginfo_t *info, void *context)
{
	(void)context;
	count++;
	check_equal(info->si_signo, sig);
}

/* A signal finds the one handler or the other, not parts of both. */
static void changing(void)
{
	struct itimerval often = {{0, 100}, {0, 100}}, off = {{0, 0}, {0, 0}};
	struct sigaction one = {.sa_handler = handler}, other = {0};

	other.sa_sigaction = told;
	other.sa_flags = SA_SIGINFO;
	count = 0;
	check_equal(sigaction(SIGALRM, &one, NULL), 0);
	check_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	while (count < 3000) {
		sigaction(SIGALRM, &other, NULL);
		sigaction(SIGALRM, &one, NULL);
	}
	check_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
}

static void timers(void)
{
	struct itimerval often = {{0, 5000}, {0, 5000}}, off = {{0, 0}, {0, 0}};
	struct timespec nap = {1, 0}, wait = {100, 0}, rest;
	struct pollfd none = {-1, 0, 0};
	long long start;

	count = 0;
	set(SIGALRM, handler, 0);
	check_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	start = guest_ns();
	check(nanosleep(&wait, &rest) == -1 && errno == EINTR);
	check_left(rest.tv_sec * 1000000000ll + rest.tv_nsec, 100000000000, 1,
		   start);
	check(poll(&none, 1, 100000) == -1 && errno == EINTR);
	check(pause() == -1 && errno == EINTR);
	check(count >= 3);
	check_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
	/* POSIX timers carry a value */
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL,
			     .sigev_signo = SIGUSR1,
			     .sigev_value.sival_int = 77};
	struct itimerspec once = {{0, 0}, {0, 2000000}};
	struct sigaction a = {.sa_sigaction = info_handler,
			      .sa_flags = SA_SIGINFO};
	timer_t t;
	sigaction(SIGUSR1, &a, NULL);
	check_equal(timer_create(CLOCK_MONOTONIC, &e, &t), 0);
	check_equal(timer_settime(t, 0, &once, NULL), 0);
	while (last.si_value.sival_int != 77)
		nanosleep(&nap, NULL);
	check_equal(last.si_value.sival_int, 77);
	check_equal(last.si_code, SI_TIMER);
	check_equal(timer_delete(t), 0);
	start = guest_ns();
	check_equal(alarm(100), 0);
	check_left(alarm(0), 100, 1000000000, start);
}

static int fds[2];

static void write_later(int sig)
{
	handler(sig);
	if (count == 2)
		check_equal(write(fds[1], "x", 1), 1);
}

/* SA_RESTART: the read goes on, without it ends with EINTR. */
static void restarting(void)
{
	struct itimerval often = {{0, 5000}, {0, 5000}}, off = {{0, 0}, {0, 0}};
	char c;

	check_equal(pipe(fds), 0);
	count = 0;
	set(SIGALRM, write_later, SA_RESTART);
	setitimer(ITIMER_REAL, &often, NULL);
	check_equal(read(fds[0], &c, 1), 1);
	check(count >= 2);
	set(SIGALRM, handler, 0);
	check(read(fds[0], &c, 1) == -1 && errno == EINTR);
	setitimer(ITIMER_REAL, &off, NULL);
	close(fds[0]);
	close(fds[1]);
}

static sigjmp_buf back;
static char alternate[16384];
static volatile int on_alternate;

static void segv(int sig, siginfo_t *info, void *context)
{
	char here;

	(void)context;
	check_equal(sig, SIGSEGV);
	last = *info;
	on_alternate = &here >= alternate &&
		       &here < alternate + sizeof(alternate);
	siglongjmp(back, 1);
}

static int overflow(int depth)
{
	volatile char frame[1000];

	frame[depth % 1000] = 1;
	return depth > 100000000 ? 0 : overflow(depth + 1) + frame[0];
}

static void *overflow_thread(void *arg)
{
	stack_t s = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;

	check_equal(sigaltstack(&s, &old), 0);
	if (!sigsetjmp(back, 1))
		overflow(0);
	check(on_alternate);
	check_equal(sigaltstack(&old, NULL), 0); /* it may be a sanitizer's */
	return arg;
}

static void fpe(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)info;
	got = sig;
	u->uc_mcontext.gregs[REG_RCX] = 4; /* and the division is repeated */
}

static void faults(void)
{
	struct sigaction a = {.sa_sigaction = segv,
			      .sa_flags = SA_SIGINFO | SA_ONSTACK};
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	volatile uintptr_t low = 16;
	pthread_t t;

	sigaction(SIGSEGV, &a, NULL);
	if (!sigsetjmp(back, 1)) {
		*(volatile char *)(page + 5) = 1;
		still_alive();
	}
	check(last.si_addr == page + 5);
	check_equal(last.si_code, SEGV_ACCERR);
	if (!sigsetjmp(back, 1)) {
		*(volatile char *)low = 1;
		still_alive();
	}
	check_equal(last.si_code, SEGV_MAPERR);
	/* the stack's end, as a language runtime wants it */
	pthread_create(&t, NULL, overflow_thread, NULL);
	pthread_join(t, NULL);
	a.sa_sigaction = fpe;
	a.sa_flags = SA_SIGINFO;
	sigaction(SIGFPE, &a, NULL);
	unsigned quotient = 100, rest = 0;
	__asm__ volatile("xor %%ecx, %%ecx; div %%ecx"
			 : "+a"(quotient), "+d"(rest)
			 :
			 : "rcx");
	check_equal(quotient, 25);
	check_equal(got, SIGFPE);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int cleaned;

static void clean(void *arg)
{
	cleaned += *(int *)arg;
}

static void *cancelled(void *arg)
{
	pthread_cleanup_push(clean, arg);
	switch (*(int *)arg) {
	case 1:
		sleep(100);
		break;
	case 2:
		pthread_mutex_lock(&mutex);
		pthread_cond_wait(&cond, &mutex);
		break;
	case 3:
		check_equal(read(fds[0], arg, 1), 1);
		break;
	case 4:
		for (;;) {
			pthread_testcancel();
			sched_yield();
		}
	}
	pthread_cleanup_pop(0);
	return arg;
}

static void cancelling(void)
{
	int kind[5] = {0, 1, 2, 3, 4};
	pthread_t t;
	void *result;

	check_equal(pipe(fds), 0);
	for (int i = 1; i < 5; i++) {
		pthread_create(&t, NULL, cancelled, &kind[i]);
		usleep(2000);
		check_equal(pthread_cancel(t), 0);
		check_equal(pthread_join(t, &result), 0);
		check(result == PTHREAD_CANCELED);
		if (i == 2) /* the cancelled wait has taken the mutex again */
			check_equal(pthread_mutex_trylock(&mutex), EBUSY);
	}
	check_equal(cleaned, 10);
}

static void *killed(void *arg)
{
	check(pause() == -1);
	__atomic_store_n((int *)arg, got, __ATOMIC_SEQ_CST);
	return NULL;
}

static void to_a_thread(void)
{
	int seen = 0;
	pthread_t t;

	set(SIGUSR1, handler, 0);
	pthread_create(&t, NULL, killed, &seen);
	do { /* the first may come before it pauses */
		usleep(2000);
		check_equal(pthread_kill(t, SIGUSR1), 0);
	} while (!__atomic_load_n(&seen, __ATOMIC_SEQ_CST));
	pthread_join(t, NULL);
	check_equal(seen, SIGUSR1);
}

int main(void)
{
	struct timespec nap = {1, 0};

	raising();
	masks();
	changing();
	timers();
	restarting();
	faults();
	cancelling();
	to_a_thread();
	puts("all of it works");
	fflush(stdout);
	set(SIGALRM, SIG_DFL, 0);
	ualarm(1000, 0);
	nanosleep(&nap, NULL);
	still_alive();
}
