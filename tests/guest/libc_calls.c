/* SPDX-License-Identifier: ISC */
/*
 * Each system call on memory, threads, time, signals and identity by itself, as
 * libc_calls_files.c does for files. It also passes as a Linux program of root.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <lib/call.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#ifdef __FATA_UNIX__
/* The address sanitizer would have an alternate stack for signals. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "use_sigaltstack=0";
}
#endif

static void memory(void)
{
	unsigned char vec[4];
	char *p = (char *)call(mmap, NULL, 16384L, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);

	check((long)p > 0);
	check_call(-EINVAL, mmap, NULL, 0L, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
	p[5000] = 1;
	check_call(0, mprotect, p, 4096L, PROT_READ);
	check_call(-EINVAL, mprotect, p + 1, 4096L, PROT_READ);
	check_call(0, mincore, p, 8192L, vec);
	check_call(0, madvise, p + 4096, 4096L, MADV_DONTNEED);
	check_equal(p[5000], 0);
	check_call(0, msync, p, 16384L, MS_SYNC);
	check_call(0, mlock, p, 8192L);
	check_call(0, mlock2, p, 8192L, 0);
	check_call(0, munlock, p, 8192L);
	check_call(0, mprotect, p, 4096L, PROT_READ | PROT_WRITE);
	check_call(0, mlockall, MCL_FUTURE);
	check_call(0, munlockall);
	p = (char *)call(mremap, p, 16384L, 65536L, MREMAP_MAYMOVE);
	check((long)p > 0);
	p[60000] = 1;
	check_call(0, munmap, p, 65536L);
	check_call(-EINVAL, munmap, p + 1, 4096L);
	check(call(brk, 0L) >= 0);
}

static volatile int ran;

static int thread(void *arg)
{
	ran = *(int *)arg;
	call(exit, 0);
	return 1;
}

static void threads(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	uint32_t word = 1, cpu = 9, node = 9;
	struct timespec soon = {0, 1000000}, t;
	unsigned long mask[16] = {0};
	char name[16] = "";
	void *head;
	size_t size;
	int seven = 7, priority = 0, ctid = 1;

	check(clone(thread, stack + sizeof(stack),
		    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			    CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID,
		    &seven, NULL, NULL, &ctid) > 0);
	for (int i = 0; i < 10000 && *(volatile int *)&ctid; i++)
		check_call(0, sched_yield);
	check_equal(ran, 7);
	check(call(gettid) > 0);
	check_call(call(gettid), set_tid_address, &ctid);
	check_call(0, get_robust_list, 0, &head, &size);
	check_call(0, set_robust_list, head, 24L);
	check_call(-EINVAL, set_robust_list, head, 7L);
	check_call(-EAGAIN, futex, &word, 0, 2, NULL);
	check_call(-ETIMEDOUT, futex, &word, 0, 1, &soon);
	check_call(0, futex, &word, 1, 5);
	check(call(sched_getaffinity, 0, sizeof(mask), mask) >= 8);
	check(mask[0] & 1);
	check_call(0, sched_setaffinity, 0, sizeof(mask), mask);
	check_call(0, getcpu, &cpu, &node, NULL);
	check_call(0, arch_prctl, 0x1003, &head);
	check(head);
	check_call(0, prctl, 15, "name");
	check_call(0, prctl, 16, name);
	check(!strcmp(name, "name"));
	check_call(0, sched_getscheduler, 0);
	check_call(-ESRCH, sched_getscheduler, 1 << 20);
	check_call(0, sched_setscheduler, 0, SCHED_OTHER, &priority);
	check_call(0, sched_getparam, 0, &priority);
	check_call(0, sched_setparam, 0, &priority);
	check_call(99, sched_get_priority_max, SCHED_FIFO);
	check_call(1, sched_get_priority_min, SCHED_RR);
	check_call(0, sched_get_priority_max, SCHED_OTHER);
	check_call(0, sched_rr_get_interval, 0, &t);
	check_call(20, getpriority, PRIO_PROCESS, 0);
	check_call(0, setpriority, PRIO_PROCESS, 0, 0);
	check_call(-EINVAL, getpriority, 9, 0);
	check(call(membarrier, 0, 0, 0) >= 0);
}

static void clocks(void)
{
	struct timespec t = {0, 1000}, past = {1, 0};
	struct timeval v;
	struct tms times;
	struct rusage usage;

	check_call(0, clock_gettime, CLOCK_REALTIME, &t);
	check(t.tv_sec > 1500000000);
	check_call(-EINVAL, clock_gettime, 77, &t);
	check_call(0, clock_getres, CLOCK_MONOTONIC, &t);
	check_call(0, clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &past,
		   NULL);
	t = (struct timespec){0, 1000};
	check_call(0, nanosleep, &t, NULL);
	t.tv_nsec = -1;
	check_call(-EINVAL, nanosleep, &t, NULL);
	check(call(clock_settime, CLOCK_MONOTONIC, &past) < 0);
	check_call(0, gettimeofday, &v, NULL);
	check(call(settimeofday, (void *)8, NULL) < 0);
	check(call(time, NULL) > 1500000000);
	check(call(times, &times) >= 0);
	check_call(0, getrusage, RUSAGE_SELF, &usage);
	check_call(-EINVAL, getrusage, 9, &usage);
}

static volatile int got;

static void handler(int sig)
{
	got = sig; /* and back by rt_sigreturn */
}

#define BIT(sig) (1ull << ((sig)-1))

static void signals(void)
{
	/* More than once: the first may come before pause waits for it. */
	struct itimerval often = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
	uint64_t usr = BIT(SIGUSR1), none = 0, set, action[4];
	struct timespec wait = {0, 1000000};
	stack_t alt = {.ss_flags = SS_DISABLE};
	siginfo_t info = {.si_code = SI_QUEUE};
	int pid = (int)call(getpid), tid = (int)call(gettid);
	long long start;

	signal(SIGUSR1, handler);
	signal(SIGALRM, handler);
	check_call(0, rt_sigaction, SIGUSR1, NULL, action, 8L);
#ifndef __FATA_UNIX__ /* the kernel has the twin's, which calls ours */
	check_equal(action[0], (uintptr_t)handler);
#endif
	check_call(-EINVAL, rt_sigaction, 99, NULL, action, 8L);
	check_call(0, kill, pid, SIGUSR1);
	check_equal(got, SIGUSR1);
	check_call(-ESRCH, kill, 1 << 22, 0);
	check_call(0, rt_sigprocmask, SIG_BLOCK, &usr, &set, 8L);
	got = 0;
	check_call(0, tkill, tid, SIGUSR1);
	check_call(0, rt_sigpending, &set, 8L);
	check_equal(set & usr, usr);
	check_call(SIGUSR1, rt_sigtimedwait, &usr, &info, &wait, 8L);
	check_call(-EAGAIN, rt_sigtimedwait, &usr, &info, &wait, 8L);
	check_call(0, tgkill, pid, tid, SIGUSR1);
	check_call(-EINTR, rt_sigsuspend, &none, 8L);
	check_equal(got, SIGUSR1);
	info.si_code = SI_QUEUE;
	check_call(0, rt_sigqueueinfo, pid, SIGUSR1, &info);
	check_call(SIGUSR1, rt_sigtimedwait, &usr, NULL, NULL, 8L);
	check_call(0, rt_tgsigqueueinfo, pid, tid, SIGUSR1, &info);
	check_call(0, rt_sigprocmask, SIG_UNBLOCK, &usr, NULL, 8L);
	check_call(0, sigaltstack, NULL, &alt);
	check_equal(alt.ss_flags, SS_DISABLE);
	check_call(0, setitimer, ITIMER_REAL, &often, NULL);
	check_call(-EINTR, pause);
	check_equal(got, SIGALRM);
	check_call(0, getitimer, ITIMER_REAL, &often);
	check_equal(often.it_interval.tv_usec, 1000);
	check_call(0, setitimer, ITIMER_REAL, &off, NULL);
	start = guest_ns();
	check_call(0, alarm, 100);
	check_left(call(alarm, 0), 100, 1000000000, start);
}

static void timers(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_NONE};
	struct itimerspec t = {{0, 0}, {50, 0}}, now;
	long long start = guest_ns();
	int id = -1;

	check_call(0, timer_create, CLOCK_MONOTONIC, &e, &id);
	check_call(0, timer_settime, id, 0, &t, NULL);
	check_call(0, timer_gettime, id, &now);
	check_left(now.it_value.tv_sec, 50, 1000000000, start);
	check_call(0, timer_getoverrun, id);
	check_call(0, timer_delete, id);
	check_call(-EINVAL, timer_delete, id);
}

static void identity(void)
{
	struct utsname u;
	struct sysinfo s;
	struct rlimit64 {
		uint64_t now, max;
	} l;
	unsigned id[3];
	char bytes[16] = "";
	siginfo_t info;

	check_call(0, uname, &u);
	check_call(0, sethostname, u.nodename, strlen(u.nodename));
	check_call(-EINVAL, sethostname, bytes, 1000L);
	check_call(0, setdomainname, "(none)", 6L);
	check_call(0, sysinfo, &s);
	check(s.totalram > 0);
	check_call(16, getrandom, bytes, 16L, 0);
	check(call(getpid) > 0 && call(getppid) >= 0 && call(getpgrp) >= 0);
	check(call(getpgid, 0) >= 0 && call(getsid, 0) >= 0);
	check_call(-ESRCH, getpgid, 1 << 22);
	check(call(setpgid, 0, 0) != -ENOSYS && call(setsid) != -ENOSYS);
	check_call(0, getuid);
	check_call(0, geteuid);
	check_call(0, getgid);
	check_call(0, getegid);
	check_call(0, getresuid, &id[0], &id[1], &id[2]);
	check_call(0, getresgid, &id[0], &id[1], &id[2]);
	check_call(0, setuid, 0);
	check_call(0, setgid, 0);
	check_call(0, setreuid, 0, -1);
	check_call(0, setregid, 0, -1);
	check_call(0, setresuid, 0, 0, -1);
	check_call(0, setresgid, 0, 0, -1);
	check_call(0, setfsuid, 0);
	check_call(0, setfsgid, 0);
	check(call(getgroups, 0, NULL) >= 0);
	check_call(0, setgroups, 0L, NULL);
	check_call(0, prlimit64, 0, RLIMIT_NOFILE, NULL, &l);
	check_call(0, getrlimit, RLIMIT_NOFILE, &l);
	check_call(0, setrlimit, RLIMIT_NOFILE, &l);
	check_call(-EINVAL, getrlimit, 99, &l);
	check_call(-ECHILD, wait4, -1, NULL, 0, NULL);
	check_call(-ECHILD, waitid, P_ALL, 0, &info, WEXITED, NULL);
	check_call(0, personality, 0xffffffffL);
	check_call(-EINVAL, reboot, 1, 2, 3, NULL);
}

int main(void)
{
	memory();
	threads();
	clocks();
	signals();
	timers();
	identity();
	call(exit_group, 0);
	still_alive();
}
