/* SPDX-License-Identifier: ISC */
/*
 * Random system calls with random arguments, some of them near what is valid:
 * whatever the answer is, the guest must live. The seed is printed; give one
 * as the first word to run it again, and a number of calls as the second. The
 * last line says how long they took by the guest's own clock.
 * guest: memory 96
 * guest: says ^[0-9]+ calls, seed [0-9]+$
 * guest: says ^took [0-9]+ ms$
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <lib/guest.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t state;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

static long call(long n, const uint64_t *a)
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(n), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

/* These end the program, wait for ever, or take its terminal away. */
static int skipped(long n)
{
	static const short skip[] = {
		SYS_exit, SYS_exit_group, SYS_kill, SYS_tkill, SYS_tgkill,
		SYS_rt_sigqueueinfo, SYS_rt_sigreturn, SYS_rt_sigaction,
		SYS_pause, SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
		SYS_nanosleep, SYS_clock_nanosleep, SYS_poll, SYS_ppoll,
		SYS_select,
		SYS_pselect6, SYS_epoll_wait, SYS_epoll_pwait,
		SYS_epoll_pwait2, SYS_read, SYS_readv, SYS_preadv2,
		SYS_clone, SYS_arch_prctl, SYS_sigaltstack, SYS_alarm,
		SYS_setitimer, SYS_timer_settime, SYS_timer_create,
		SYS_sendfile, SYS_copy_file_range, SYS_creat, SYS_reboot,
		SYS_set_tid_address, SYS_set_robust_list,
	};

	for (unsigned i = 0; i < sizeof(skip) / sizeof(*skip); i++)
		if (n == skip[i])
			return 1;
	return 0;
}

static char *good, *half;

int main(int argc, char **argv);

static uint64_t argument(void)
{
	/*
	 * None is RAM: where the platform keeps its own things a call would
	 * write over them, as any store of the program could.
	 */
	static const uint64_t odd[] = {
		0, 1, ~0ull, 0x7fffffff, 0x80000000, 1ull << 46, 1ull << 47,
		1ull << 63, 0x10000, 4096, 0xfffffffffffff000, 0x10000000000,
		0x18000000000 - 4096, 8, 0xfee00000,
	};

	switch (next() % 8) {
	case 0:
		return next() % 16;
	case 1:
		return odd[next() % (sizeof(odd) / sizeof(*odd))];
	case 2:
		return (uint64_t)good + next() % 4096;
	case 3:
		return (uint64_t)half + 4096 - next() % 64;
	case 4:
		return next();
	case 5:
		return (uint64_t)main + next() % 4096;
	case 6:
		return next() % 100000;
	default:
		return (uint64_t)good;
	}
}

/* Some calls take our own pages away, or make them read-only. */
static void own_memory(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (mmap(good, 8192, PROT_READ | PROT_WRITE, flags, -1, 0) != good ||
	    mmap(half, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) != half)
		_exit(2);
}

static unsigned long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000 +
	       (unsigned long)t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"/", "/tmp/a", "/tmp/../dev/null",
					    "b", "/dev", "//tmp//c/"};
	unsigned long calls = argc > 2 ? strtoul(argv[2], NULL, 0) : 40000;
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0)
				 : (uint64_t)time(NULL);
	unsigned long start = now_ms();

	printf("%lu calls, seed %llu\n", calls, (unsigned long long)seed);
	fflush(stdout);
	state = seed | 1;
	signal(SIGPIPE, SIG_IGN);
	bool remap = false;
	good = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	half = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(!munmap(half + 4096, 4096));
	for (unsigned long i = 0; i < calls; i++) {
		long n = (long)(next() % 460);
		uint64_t a[6];

		if (remap)
			own_memory();
		remap = n == SYS_mmap || n == SYS_munmap || n == SYS_mremap ||
			n == SYS_mprotect || n == SYS_madvise;
		for (int k = 0; k < 6; k++)
			a[k] = argument();
		strcpy(good, names[next() % 6]);
		memset(half, 'x', 4096);
		for (int k = 0; k < 100; k++)
			((uint32_t *)(void *)good)[100 + k] =
				(uint32_t)argument();
		if (n == SYS_write || n == SYS_writev || n == SYS_pwrite64 ||
		    n == SYS_pwritev || n == SYS_pwritev2)
			a[0] = 1000 + a[0] % 2; /* not the console */
		if (n == SYS_close || n == SYS_close_range || n == SYS_dup2 ||
		    n == SYS_dup3)
			continue;
		if (n == SYS_open)
			a[1] |= O_NONBLOCK; /* it may be a FIFO */
		if (n == SYS_openat)
			a[2] |= O_NONBLOCK;
		if (n == SYS_futex) /* all but the waits */
			a[1] = (a[1] & 5) | 1;
		if (!skipped(n))
			call(n, a);
		if (i % 500 == 0) {
			uint64_t all[6] = {3, 1000, 0};

			call(SYS_close_range, all);
		}
	}
	dprintf(1, "took %lu ms\n", now_ms() - start);
	return 0;
}
