/* SPDX-License-Identifier: ISC */
/*
 * Thread-local variables, in main, in pthreads and in tasks of Fata's own;
 * libc's locks between tasks; vector registers over system calls that wait
 * while callbacks and other tasks use them.
 * unix: args --task-threads
 */
#include <errno.h>
#include <fata/fata.h>
#include <lib/guest.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Thread_local int value = 17;
static _Thread_local char zero[100];
static _Thread_local struct {
	char c[64];
} aligned __attribute__((aligned(64))) = {"aligned"};

static void look(void)
{
	check_equal(value, 17);
	check_equal(zero[99], 0);
	check_equal((uintptr_t)&aligned % 64, 0);
	check(!strcmp(aligned.c, "aligned"));
	value = 18;
	zero[99] = 1;
	aligned.c[0] = 'x';
}

static void *thread(void *arg)
{
	look();
	return arg;
}

static void canary(void)
{
	uint64_t c;

	__asm__("movq %%fs:0x28, %0" : "=r"(c));
	check(c != 0 && (c & 0xff) == 0);
}

static int task(void *arg)
{
	look();
	canary();
	errno = 5;
	fata_yield();
	check_equal(errno, 5);
	check(write(-1, "", 1) == -1 && errno == EBADF);
	return *(int *)arg;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int inside;

/* With one identity for all, a mutex or FILE would let everybody in. */
static int lock_task(void *arg)
{
	for (int i = 0; i < 5; i++) {
		check_equal(pthread_mutex_lock(&mutex), 0);
		check_equal(inside++, 0);
		flockfile(stdout);
		fata_yield();
		funlockfile(stdout);
		inside--;
		pthread_mutex_unlock(&mutex);
	}
	return *(int *)arg;
}

static void tasks(int (*fn)(void *))
{
	struct task *t[8];
	int number[8], result;

	for (int i = 0; i < 8; i++) {
		number[i] = i;
		check_equal(fata_task_spawn(&t[i], NULL, fn, &number[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		check_equal(fata_task_join(t[i], &result, FATA_FOREVER), 0);
		check_equal(result, i);
	}
}

static pthread_key_t key;
static int dtors;

static void dtor(void *p)
{
	dtors += p == (void *)9;
}

static int key_task(void *arg)
{
	check(!pthread_getspecific(key));
	pthread_setspecific(key, (void *)9);
	return *(int *)arg;
}

/* All vector registers, filled from `pattern` and read back around a call. */
static int vectors_kept(unsigned pattern, long number, long a, long b)
{
	unsigned char in[16 * 16], out[16 * 16];
	long r;

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(pattern + i);
	__asm__ volatile(
		"movdqu 0(%[in]), %%xmm0; movdqu 16(%[in]), %%xmm1;"
		"movdqu 112(%[in]), %%xmm7; movdqu 128(%[in]), %%xmm8;"
		"movdqu 240(%[in]), %%xmm15;"
		"syscall;"
		"movdqu %%xmm0, 0(%[out]); movdqu %%xmm1, 16(%[out]);"
		"movdqu %%xmm7, 112(%[out]); movdqu %%xmm8, 128(%[out]);"
		"movdqu %%xmm15, 240(%[out])"
		: "=a"(r)
		: [in] "r"(in), [out] "r"(out), "a"(number), "D"(a), "S"(b)
		: "rcx", "r11", "memory", "xmm0", "xmm1", "xmm7", "xmm8",
		  "xmm15");
	check_equal(r, 0);
	return !memcmp(in, out, 32) && !memcmp(in + 112, out + 112, 32) &&
	       !memcmp(in + 240, out + 240, 16);
}

static volatile double sink = 1;
static int ticks;

static void tick(void *arg)
{
	struct timespec now;

	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm7, %%xmm7;"
			 "pcmpeqd %%xmm8, %%xmm8; pcmpeqd %%xmm15, %%xmm15"
			 :
			 :
			 : "xmm0", "xmm7", "xmm8", "xmm15");
	sink = sink * 1.5 + errno;
	/* a system call inside of the one that waits */
	check_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	ticks++;
	timer_set(arg, clock_deadline(3000000), tick, arg);
}

static int vector_task(void *arg)
{
	struct timespec nap = {0, 5000000};

	for (int i = 0; i < 5; i++)
		check(vectors_kept((unsigned)i * 7, 35, (long)&nap, 0));
	return *(int *)arg;
}

int main(void)
{
	static struct timer timer;
	struct timespec nap = {0, 20000000};
	pthread_t t;

	look();
	canary();
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	tasks(task);
	check_equal(value, 18);
	tasks(lock_task);
	pthread_key_create(&key, dtor);
	tasks(key_task);
	check_equal(dtors, 8);

	timer_set(&timer, clock_deadline(3000000), tick, &timer);
#ifdef __FATA_UNIX__ /* there such a call stops all tasks */
	nanosleep(&nap, NULL);
#else
	check(vectors_kept(1, 35, (long)&nap, 0)); /* alone: no switch */
#endif
	check(ticks > 0);
	tasks(vector_task);
	check(vectors_kept(3, 24, 0, 0)); /* sched_yield */
	timer_cancel(&timer);
	return 0;
}
