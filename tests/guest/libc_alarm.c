/* SPDX-License-Identifier: ISC */
/*
 * Signals of timers for a program that computes: it makes no system call, its
 * handler runs nevertheless, and it finds every register, flag and byte of its
 * red zone as it was. It also passes as a Linux program.
 * guest: exit 142
 * guest: says ^all of it works$
 */
#define _GNU_SOURCE
#include <errno.h>
#include <lib/guest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id /* of glibc */
#define sigev_notify_thread_id _sigev_un._tid
#endif

static volatile sig_atomic_t count __attribute__((used));
static volatile sig_atomic_t depth, deepest;

static void handler(int sig)
{
	(void)sig;
	count++;
}

static void set(int sig, void (*fn)(int), int flags)
{
	struct sigaction a = {.sa_handler = fn, .sa_flags = flags};

	check_equal(sigaction(sig, &a, NULL), 0);
}

static void every(long us)
{
	struct itimerval v = {{0, us}, {0, us}};

	check_equal(setitimer(ITIMER_REAL, &v, NULL), 0);
}

static void once(void)
{
	count = 0;
	set(SIGALRM, handler, 0);
	check_equal(alarm(1), 0);
	while (!count)
		;
	check_equal(count, 1);
}

/*
 * A value in each register, in the red zone and the carry flag; then a loop
 * that changes only rcx, until the handler has run; then all of it is noted.
 */
extern uint64_t noted[16], vectors[16][2], zone[2], float_noted;
uint64_t noted[16], vectors[16][2], zone[2], float_noted;
void spin(void);
__asm__(".text\n"
	"spin:\n"
	"	pushq %rbx\n	pushq %rbp\n	pushq %r12\n"
	"	pushq %r13\n	pushq %r14\n	pushq %r15\n"
	"	i = 1\n"
	"	.irp reg, rax, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, "
	"r12, r13, r14, r15\n"
	"	movq $i * 0x1010101, %\\reg\n"
	"	i = i + 1\n"
	"	.endr\n"
	"	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	movq %rbx, %xmm\\n\n"
	"	addq $1, %rbx\n"
	"	.endr\n"
	"	subq $16, %rbx\n"
	"	fld1\n"
	"	movq %rsi, -8(%rsp)\n"
	"	movq %rdi, -128(%rsp)\n"
	"	stc\n"
	"1:	movl count(%rip), %ecx\n"
	"	jecxz 1b\n"
	"	movq %rax, noted(%rip)\n"
	"	setc noted + 14 * 8(%rip)\n"
	"	i = 1\n"
	"	.irp reg, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, "
	"r13, r14, r15\n"
	"	movq %\\reg, noted + i * 8(%rip)\n"
	"	i = i + 1\n"
	"	.endr\n"
	"	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	movups %xmm\\n, vectors + 16 * \\n(%rip)\n"
	"	.endr\n"
	"	fistpll float_noted(%rip)\n"
	"	movq -8(%rsp), %rax\n	movq %rax, zone(%rip)\n"
	"	movq -128(%rsp), %rax\n	movq %rax, zone + 8(%rip)\n"
	"	popq %r15\n	popq %r14\n	popq %r13\n"
	"	popq %r12\n	popq %rbp\n	popq %rbx\n"
	"	ret\n");

static volatile double sink;

/* One that uses what it can. */
static void busy_handler(int sig)
{
	char text[64];

	(void)sig;
	sink = strtod("2.5", NULL) * count;
	snprintf(text, sizeof(text), "%.3f", sink);
	count++;
}

static void registers(void)
{
	set(SIGALRM, busy_handler, 0);
	every(2000);
	for (int i = 0; i < 50; i++) {
		count = 0;
		spin();
		for (uint64_t r = 0; r < 14; r++)
			check_equal(noted[r], (r + 1) * 0x1010101);
		check_equal(noted[14], 1);
		for (uint64_t v = 0; v < 16; v++)
			check(vectors[v][0] == 2 * 0x1010101 + v &&
			      !vectors[v][1]);
		check_equal(float_noted, 1);
		check(zone[0] == 4 * 0x1010101 && zone[1] == 5 * 0x1010101);
	}
	every(0);
}

/* In the platform most of the time, and in libc. */
static void calling(void)
{
	struct timespec t;
	void *p[16] = {NULL};

	set(SIGALRM, handler, 0);
	count = 0;
	every(1000);
	for (unsigned i = 0; count < 20; i++) {
		free(p[i % 16]);
		p[i % 16] = malloc(1 + i * 37 % 5000);
	}
	for (count = 0; count < 20;)
		clock_gettime(CLOCK_MONOTONIC, &t);
	every(0);
	for (int i = 0; i < 16; i++)
		free(p[i]);
}

static void blocked(void)
{
	sigset_t one, old, now;

	count = 0;
	sigemptyset(&one);
	sigaddset(&one, SIGALRM);
	sigprocmask(SIG_BLOCK, &one, &old);
	every(1000);
	for (volatile int i = 0; i < 20000000; i++)
		;
	check_equal(count, 0);
	sigpending(&now);
	check(sigismember(&now, SIGALRM));
	every(0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	check_equal(count, 1);
}

/* A handler that is interrupted itself; on the alternate stack. */
static char alternate[32768];
static volatile int elsewhere;

static void nested(int sig)
{
	char here;

	(void)sig;
	elsewhere += &here >= alternate &&
		     &here < alternate + sizeof(alternate);
	count++;
	if (++depth > deepest)
		deepest = depth;
	while (deepest < 3)
		;
	every(0);
	depth--;
}

static void nesting(void)
{
	stack_t s = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	check_equal(sigaltstack(&s, NULL), 0);
	set(SIGALRM, nested, SA_NODEFER | SA_ONSTACK);
	count = 0;
	every(1000);
	while (!count)
		;
	check(deepest >= 3);
	check_equal(elsewhere, count);
	s.ss_flags = SS_DISABLE;
	check_equal(sigaltstack(&s, NULL), 0);
}

#ifndef __FATA_UNIX__ /* threads take turns there, alarm or not */
static pthread_t receiver;

static void to_whom(int sig)
{
	receiver = pthread_self();
	handler(sig);
}

static volatile int stop;

static void *compute(void *arg)
{
	while (!stop)
		;
	return arg;
}

/* The one that computes lets the one run that the signal is for. */
static void threads(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID,
			     .sigev_signo = SIGUSR1};
	struct itimerspec often = {{0, 3000000}, {0, 3000000}};
	pthread_t t;
	timer_t timer;

	count = 0;
	set(SIGALRM, to_whom, 0);
	set(SIGUSR1, to_whom, 0);
	check_equal(pthread_create(&t, NULL, compute, NULL), 0);
	every(5000);
	check(pause() == -1 && errno == EINTR);
	check(count >= 1);
	check(pthread_equal(receiver, pthread_self()));
	every(0);
	/* and its own */
	e.sigev_notify_thread_id = gettid();
	do
		e.sigev_notify_thread_id++;
	while (timer_create(CLOCK_MONOTONIC, &e, &timer));
	check_equal(timer_settime(timer, 0, &often, NULL), 0);
	for (count = 0; !count;)
		sched_yield();
	check(pthread_equal(receiver, t));
	timer_delete(timer);
	stop = 1;
	pthread_join(t, NULL);
}
#endif

int main(void)
{
	once();
	registers();
	calling();
	blocked();
	nesting();
#ifndef __FATA_UNIX__
	threads();
#endif
	puts("all of it works");
	fflush(stdout);
	set(SIGALRM, SIG_DFL, 0);
	ualarm(1000, 0);
	for (;;)
		;
}
