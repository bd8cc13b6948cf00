/* SPDX-License-Identifier: ISC */
/*
 * Scheduling as far as there is something to say: one CPU, one policy
 * (SCHED_OTHER), no priorities; threads take turns when they wait or yield.
 * And the machine's end, for programs that are used to be init.
 */
#include <errno.h>
#include <fata/end.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/user.h>
#include <sched.h>

#define SLICE_NS 0 /* none: nobody is interrupted */

static long check_thread(int tid)
{
	if (tid < 0)
		return -EINVAL;
	return !tid || thread_find(tid) ? 0 : -ESRCH;
}

long sys_sched_getscheduler(int tid)
{
	return check_thread(tid); /* SCHED_OTHER is 0 */
}

long sys_sched_setscheduler(int tid, int policy, const int *priority)
{
	long r = check_thread(tid);

	if (r)
		return r;
	if (!user_readable(priority, sizeof(*priority)))
		return -EFAULT;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return -EPERM;
	if (policy != SCHED_OTHER && policy != SCHED_BATCH &&
	    policy != SCHED_IDLE)
		return -EINVAL;
	return *priority ? -EINVAL : 0;
}

long sys_sched_getparam(int tid, int *priority)
{
	long r = check_thread(tid);

	if (r)
		return r;
	if (!user_writable(priority, sizeof(*priority)))
		return -EFAULT;
	*priority = 0;
	return 0;
}

long sys_sched_setparam(int tid, const int *priority)
{
	return sys_sched_setscheduler(tid, SCHED_OTHER, priority);
}

long sys_sched_get_priority_max(int policy)
{
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return 99;
	return policy >= 0 && policy <= SCHED_IDLE && policy != 4 ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(int policy)
{
	long max = sys_sched_get_priority_max(policy);

	return max > 0 ? 1 : max;
}

long sys_sched_rr_get_interval(int tid, struct timespec *t)
{
	long r = check_thread(tid);

	if (r)
		return r;
	if (!user_writable(t, sizeof(*t)))
		return -EFAULT;
	*t = (struct timespec){0, SLICE_NS};
	return 0;
}

/* As the kernel says a nice value of 0. */
long sys_getpriority(int which, int who)
{
	(void)who;
	return which < 0 || which > 2 ? -EINVAL : 20;
}

long sys_setpriority(int which, int who, int nice)
{
	(void)who;
	(void)nice;
	return which < 0 || which > 2 ? -EINVAL : 0;
}

long sys_personality(unsigned what)
{
	return what && what != ~0u ? -EINVAL : 0;
}

/* One CPU, nothing is preempted: whatever order is asked for is kept. */
long sys_membarrier(int command, unsigned flags, int cpu)
{
	const int all = 0x1f | 0x60 | 0x180;

	(void)cpu;
	if (!command)
		return all;
	return flags || command < 0 || command & (command - 1) ||
			       !(command & all)
		       ? -EINVAL
		       : 0;
}

long sys_reboot(unsigned magic, unsigned magic2, unsigned command)
{
	if (magic != 0xfee1dead || magic2 != 672274793)
		return -EINVAL;
	switch (command) {
	case 0x01234567: /* restart */
		fata_end(END_REBOOT, 0);
	case 0xcdef0123: /* halt */
	case 0x4321fedc: /* power off */
		fata_end(END_POWEROFF, 0);
	case 0: /* ctrl-alt-del: there is no such key */
	case 0x89abcdef:
		return 0;
	default:
		return -EINVAL;
	}
}
