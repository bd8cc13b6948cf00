/* SPDX-License-Identifier: ISC */
/*
 * Floating point belongs to the task: the rounding mode (MXCSR, x87 control
 * word) over switches by direct calls, and all vector registers over a system
 * call that parks while other tasks use them.
 * guest: memory 128
 */
#include <fata/task.h>
#include <fenv.h>
#include <lib/guest.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#define TASKS  200
#define ROUNDS 20

static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD,
			    FE_TOWARDZERO};
static volatile double one = 1, three = 3;

/* 1/3 in each rounding mode, by SSE and by x87. */
static double sse[4];
static long double x87[4];

static void expected(void)
{
	for (int i = 0; i < 4; i++) {
		fesetround(modes[i]);
		sse[i] = one / three;
		x87[i] = (long double)one / (long double)three;
	}
	fesetround(FE_TONEAREST);
	check(sse[1] < sse[2]);
	check(x87[1] < x87[2]);
}

static void look(int i)
{
	check_equal(fegetround(), modes[i]);
	check(one / three == sse[i]);
	check((long double)one / (long double)three == x87[i]);
}

/* nanosleep with every vector register holding a value of our own. */
static void sleep_with_registers(uint32_t seed)
{
	static const struct timespec moment = {.tv_nsec = 200000};
	uint32_t in[64], out[64];
	long rc = SYS_nanosleep;

	for (int i = 0; i < 64; i++)
		in[i] = seed * 2654435761u + (uint32_t)i;
#define EACH(op)                                                               \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10)     \
		op(11) op(12) op(13) op(14) op(15)
#define LOAD(n) "movups 16*" #n "(%[in]), %%xmm" #n "\n\t"
#define SAVE(n) "movups %%xmm" #n ", 16*" #n "(%[out])\n\t"
#define NAME(n) "xmm" #n,
	__asm__ volatile(EACH(LOAD) "syscall\n\t" EACH(SAVE)
			 : "+a"(rc)
			 : [in] "r"(in), [out] "r"(out), "D"(&moment), "S"(0L)
			 : EACH(NAME) "rcx", "r11", "memory");
	check_equal(rc, 0);
	check(!memcmp(in, out, sizeof(in)));
}

static int task(void *arg)
{
	int n = (int)(intptr_t)arg, i = n % 4;

	look(0); /* a new task rounds to nearest */
	fesetround(modes[i]);
	for (int round = 0; round < ROUNDS; round++) {
		look(i);
		fata_yield();
		look(i);
		if (round % 5 == 0)
			sleep_with_registers((uint32_t)(n * ROUNDS + round));
		look(i);
		check_equal(fata_sleep(1000), 0);
	}
	return (int)(sqrt((double)n * n) + 0.5);
}

int main(void)
{
	static struct task *tasks[TASKS];
	int result;

	expected();
	for (intptr_t n = 0; n < TASKS; n++)
		check_equal(fata_task_spawn(&tasks[n], NULL, task, (void *)n),
			    0);
	fesetround(FE_UPWARD);
	for (int n = 0; n < TASKS; n++) {
		check_equal(fata_task_join(tasks[n], &result, FATA_FOREVER), 0);
		check_equal(fegetround(), FE_UPWARD);
		fesetround(FE_TONEAREST);
		check_equal(result, n);
		fesetround(FE_UPWARD);
	}
	return 0;
}
