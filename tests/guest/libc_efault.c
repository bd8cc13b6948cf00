/* SPDX-License-Identifier: ISC */
/*
 * Every pointer of every call, bad in every way: the answer is EFAULT, and the
 * guest lives. A letter for each argument:
 *
 *     r w       a pointer that is tried: to be read, to be written
 *     s         a tried string
 *     P N       a good pointer to zeroes, a good path
 *     0 1 8 -   these numbers; - is -1
 *     f d       a file, the working directory
 *     e t g u   an epoll set, a timerfd, a directory, a pair's socket
 *     L F G A S what one call needs: see valid()
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <lib/call.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define PAGE 4096

static const struct {
	const char *name;
	long number;
	const char *arguments;
} calls[] = {
#define C(name, arguments) {#name, SYS_##name, arguments}
	C(read, "fw8"), C(write, "fr8"), C(readv, "fr1"), C(writev, "fr1"),
	C(pread64, "fw80"), C(pwrite64, "fr80"), C(preadv, "fr100"),
	C(pwritev, "fr100"), C(preadv2, "fr1000"), C(pwritev2, "fr1000"),
	C(fstat, "fw"), C(sendfile, "ffw8"), C(copy_file_range, "fwfP80"),
	C(open, "s00"), C(openat, "ds00"), C(creat, "s0"), C(stat, "sP"),
	C(stat, "Nw"), C(lstat, "sP"), C(lstat, "Nw"), C(newfstatat, "dsP0"),
	C(newfstatat, "dNw0"), C(access, "s0"), C(faccessat, "ds0"),
	C(faccessat2, "ds00"), C(readlink, "sP8"), C(readlink, "Lw8"),
	C(readlinkat, "dsP8"), C(readlinkat, "dLw8"), C(getdents64, "gw8"),
	C(statfs, "sP"), C(statfs, "Nw"), C(fstatfs, "fw"), C(chdir, "s"),
	C(getcwd, "w8"), C(mkdir, "s0"), C(mkdirat, "ds0"), C(mknod, "s00"),
	C(mknodat, "ds00"), C(symlink, "sN"), C(symlink, "Ns"),
	C(symlinkat, "sdN"), C(symlinkat, "Nds"), C(link, "sN"), C(link, "Ns"),
	C(linkat, "dsdN0"), C(linkat, "dNds0"), C(unlink, "s"),
	C(unlinkat, "ds0"), C(rmdir, "s"), C(rename, "sN"), C(rename, "Ns"),
	C(renameat, "dsdN"), C(renameat, "dNds"), C(renameat2, "dsdN0"),
	C(chmod, "s0"), C(fchmodat, "ds0"), C(chown, "s00"), C(lchown, "s00"),
	C(fchownat, "ds000"), C(utimensat, "dsP0"), C(utimensat, "dNr0"),
	C(utime, "sP"), C(utime, "Nr"), C(utimes, "sP"), C(utimes, "Nr"),
	C(futimesat, "dsP"), C(futimesat, "dNr"), C(truncate, "s0"),
	C(poll, "w10"), C(ppoll, "w1000"), C(ppoll, "P1r00"),
	C(ppoll, "P1Pr8"), C(select, "8w000"), C(select, "80w00"),
	C(select, "800w0"), C(select, "8000w"), C(pselect6, "8w0000"),
	C(pselect6, "8000r0"), C(pselect6, "80000r"), C(epoll_ctl, "e1fr"),
	C(epoll_wait, "ew10"), C(epoll_pwait, "ew1008"),
	C(epoll_pwait, "eP10r8"), C(epoll_pwait2, "eP1r08"), C(pipe, "w"),
	C(pipe2, "w0"), C(signalfd, "-r8"), C(signalfd4, "-r80"),
	C(timerfd_settime, "t0rP"), C(timerfd_settime, "t0Pw"),
	C(timerfd_gettime, "tw"), C(mincore, "A8w"), C(get_robust_list, "0wP"),
	C(get_robust_list, "0Pw"), C(sched_getaffinity, "08w"),
	C(sched_setaffinity, "08r"), C(sched_setscheduler, "00r"),
	C(sched_getparam, "0w"), C(sched_setparam, "0r"),
	C(sched_rr_get_interval, "0w"), C(getcpu, "wP0"), C(getcpu, "Pw0"),
	C(prctl, "Fs"), C(prctl, "Gw"), C(clock_gettime, "0w"),
	C(clock_getres, "0w"), C(clock_nanosleep, "00r0"), C(nanosleep, "r0"),
	C(gettimeofday, "w0"), C(time, "w"), C(times, "w"),
	C(getrusage, "0w"), C(rt_sigaction, "8rP8"), C(rt_sigaction, "8Pw8"),
	C(rt_sigprocmask, "0rP8"), C(rt_sigprocmask, "0Pw8"),
	C(rt_sigpending, "w8"), C(rt_sigsuspend, "r8"),
	C(rt_sigtimedwait, "rPP8"), C(rt_sigtimedwait, "PwP8"),
	C(rt_sigtimedwait, "PPr8"), C(rt_sigqueueinfo, "18r"),
	C(rt_tgsigqueueinfo, "118r"), C(sigaltstack, "r0"),
	C(sigaltstack, "0w"), C(getitimer, "0w"), C(setitimer, "0rP"),
	C(setitimer, "0Pw"), C(timer_create, "1rP"), C(timer_create, "10w"),
	C(uname, "w"), C(sethostname, "r8"), C(setdomainname, "r8"),
	C(sysinfo, "w"), C(getrandom, "w80"), C(getresuid, "wPP"),
	C(getresuid, "PwP"), C(getresuid, "PPw"), C(getresgid, "wPP"),
	C(prlimit64, "010w"), C(prlimit64, "01r0"), C(getrlimit, "1w"),
	C(setrlimit, "1r"), C(futex, "r01"), C(futex, "P00r"),
	C(socketpair, "110w"), C(bind, "ur8"), C(connect, "ur8"),
	C(getsockname, "uwS"), C(getsockname, "uPw"), C(getpeername, "uwS"),
	C(getpeername, "uPw"), C(sendto, "ur8000"), C(sendto, "uP80r8"),
	C(recvfrom, "uw8000"),
	C(sendmsg, "ur0"), C(recvmsg, "uw0"), C(sendmmsg, "ur10"),
	C(recvmmsg, "uw100"), C(setsockopt, "u18r8"),
	C(getsockopt, "u13wS"), C(getsockopt, "u13Pw"),
};

static char *good, *edge, *none;
static int file, folder, set, timer, pair[2];

int main(void);

static uint64_t valid(char letter, uint64_t bad)
{
	switch (letter) {
	case 'r':
	case 'w':
	case 's':
		return bad;
	case 'P':
		return (uint64_t)good;
	case 'A':
		return (uint64_t)good & ~(uint64_t)(PAGE - 1);
	case 'N':
		return (uint64_t) "/tmp/file";
	case 'L':
		return (uint64_t) "/tmp/link";
	case '-':
		return ~0ull;
	case 'd':
		return (uint64_t)AT_FDCWD;
	case 'f':
		return (uint64_t)file;
	case 'g':
		return (uint64_t)folder;
	case 'e':
		return (uint64_t)set;
	case 't':
		return (uint64_t)timer;
	case 'u':
		return (uint64_t)pair[0];
	case 'F':
		return 15; /* PR_SET_NAME */
	case 'G':
		return 16;
	case 'S':
		*(int *)(void *)good = 16;
		return (uint64_t)good;
	default:
		return (uint64_t)(letter - '0');
	}
}

static int failed;

static void try_one(unsigned i, uint64_t bad, const char *what)
{
	const char *how = calls[i].arguments;
	uint64_t a[6] = {0};
	long r;

	memset(good, 0, PAGE);
	for (unsigned k = 0; how[k]; k++)
		a[k] = valid(how[k], bad);
	lseek(file, 0, SEEK_SET);
	r = call_result(syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4],
				a[5]));
	if (r == -EFAULT)
		return;
	printf("%s(%s), %s: %ld\n", calls[i].name, how, what, r);
	failed = 1;
}

static void try_all(unsigned i)
{
	/* one byte that is there, then nothing */
	static const char *const small[] = {"mincore", "futex", "getsockname",
					    "getpeername"};
	const char *how = calls[i].arguments;
	bool whole = false;

	for (unsigned k = 0; k < 4; k++)
		whole |= !strcmp(calls[i].name, small[k]);
	try_one(i, 8, "page 0");
	try_one(i, (uint64_t)none, "no access");
	try_one(i, 1ull << 46, "nothing there");
	try_one(i, 1ull << 63, "not canonical");
	try_one(i, ~0ull - 3, "the end of all");
	if (!whole)
		try_one(i, (uint64_t)edge + PAGE - 1, "over the edge");
	if (strchr(how, 'w') && strcmp(how, "8000w")) /* times must be times */
		try_one(i, (uint64_t)main & ~7ull, "text");
}

int main(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	good = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	none = mmap(NULL, PAGE, PROT_NONE, flags, -1, 0);
	check(!munmap(edge + PAGE, PAGE));
	memset(edge, 'x', PAGE);
	file = open("/tmp/file", O_RDWR | O_CREAT, 0600);
	check_equal(write(file, "0123456789abcdefghij", 20), 20);
	check_equal(symlink("file", "/tmp/link"), 0);
	folder = open("/tmp", O_RDONLY);
	set = epoll_create1(0);
	timer = timerfd_create(CLOCK_MONOTONIC, 0);
	check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		try_all(i);
	return failed;
}
