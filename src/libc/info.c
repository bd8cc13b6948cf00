/* SPDX-License-Identifier: ISC */
/*
 * Who and where the program is: names, numbers, limits, random bytes. One
 * process (number 1), one user (root), no groups beside it.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/boot.h>
#include <fata/page.h>
#include <fata/random.h>
#include <libc/clock.h>
#include <libc/file.h>
#include <libc/start.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/user.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#define NAME sizeof(((struct utsname *)0)->nodename)

static char hostname[NAME] = "fata";
static char domainname[NAME] = "(none)";
static unsigned mask = 022;

/* Programs read the release as a version of Linux; we look like 5.10. */
long sys_uname(struct utsname *u)
{
	if (!user_writable(u, sizeof(*u)))
		return -EFAULT;
	memset(u, 0, sizeof(*u));
	strcpy(u->sysname, "Linux");
	memcpy(u->nodename, hostname, NAME);
	strcpy(u->release, "5.10.0-fata");
	strcpy(u->version, "#1 Fata");
	strcpy(u->machine, "x86_64");
	/* domainname is called __domainname without _GNU_SOURCE */
	memcpy((char *)u + 5 * NAME, domainname, NAME);
	return 0;
}

static long set_name(char *to, const char *name, size_t n)
{
	if (n >= NAME)
		return -EINVAL;
	if (!user_readable(name, n))
		return -EFAULT;
	memset(to, 0, NAME);
	memcpy(to, name, n);
	return 0;
}

long sys_sethostname(const char *name, size_t n)
{
	return set_name(hostname, name, n);
}

long sys_setdomainname(const char *name, size_t n)
{
	return set_name(domainname, name, n);
}

/* getpid, getpgrp, getsid, ...: the one process there is. */
long sys_one(void)
{
	return 1;
}

/* getuid and its sisters, getppid, and calls that have nothing to do. */
long sys_zero(void)
{
	return 0;
}

/* Becoming root again is fine, anybody else does not exist. */
long sys_set_id(int a)
{
	return a == 0 || a == -1 ? 0 : -EPERM;
}

long sys_set_id2(int a, int b)
{
	return sys_set_id(a) || sys_set_id(b) ? -EPERM : 0;
}

long sys_set_id3(int a, int b, int c)
{
	return sys_set_id2(a, b) || sys_set_id(c) ? -EPERM : 0;
}

long sys_get_id3(int *a, int *b, int *c)
{
	if (!user_writable(a, 4) || !user_writable(b, 4) ||
	    !user_writable(c, 4))
		return -EFAULT;
	*a = *b = *c = 0;
	return 0;
}

/* Of process p; only 0 (oneself) and 1 are there. */
long sys_one_of(int p)
{
	return p == 0 || p == 1 ? 1 : -ESRCH;
}

long sys_setpgid(int p, int group)
{
	return (p == 0 || p == 1) && (group == 0 || group == 1) ? 0 : -ESRCH;
}

/* There are no other processes that could be waited for. */
long sys_no_child(void)
{
	return -ECHILD;
}

/* What needs a right that nobody has here. */
long sys_not_permitted(void)
{
	return -EPERM;
}

unsigned umask_now(void)
{
	return mask;
}

long sys_umask(unsigned new)
{
	unsigned old = mask;

	mask = new & 0777;
	return old;
}

long sys_getrandom(void *p, size_t n, unsigned flags)
{
	if (flags & ~7u)
		return -EINVAL;
	if (n > 32 << 20)
		n = 32 << 20;
	if (!user_writable(p, n))
		return -EFAULT;
	random_bytes(p, n);
	return (long)n;
}

long sys_getcpu(unsigned *cpu, unsigned *node)
{
	if ((cpu && !user_writable(cpu, 4)) ||
	    (node && !user_writable(node, 4)))
		return -EFAULT;
	if (cpu)
		*cpu = 0;
	if (node)
		*node = 0;
	return 0;
}

long sys_sysinfo(struct sysinfo *s)
{
	/* without musl's reserved bytes, which Linux does not write */
	size_t size = offsetof(struct sysinfo, mem_unit) + 8;
	struct heap_stat h;

	if (!user_writable(s, size))
		return -EFAULT;
	heap_quick_stat(&h);
	memset(s, 0, size);
	s->uptime = (clock_mono_ns() - boot_entry_ns()) / FATA_NS_PER_S;
	s->totalram = h.total;
	s->freeram = h.free;
	s->procs = (unsigned short)thread_count();
	s->mem_unit = 1;
	return 0;
}

/* struct rlimit64 */
struct limit {
	uint64_t now, max;
};

static struct limit limits[16];
static bool limits_made;

static struct limit *limit_of(unsigned which)
{
	if (!limits_made) {
		for (unsigned i = 0; i < 16; i++)
			limits[i] = (struct limit){~0ull, ~0ull};
		limits[RLIMIT_STACK].now = start_stack_size();
		limits[RLIMIT_NOFILE] = (struct limit){fd_limit(), FD_MAX};
		limits[RLIMIT_CORE].now = 0;
		limits[RLIMIT_NPROC] = (struct limit){1 << 20, 1 << 20};
		limits_made = true;
	}
	return which < 16 ? &limits[which] : NULL;
}

/* Limits are told, and kept; only that of open files is enforced. */
long sys_prlimit64(int pid, unsigned which, const struct limit *new,
		   struct limit *old)
{
	struct limit *l = limit_of(which);

	if (!l || (pid != 0 && pid != 1))
		return l ? -ESRCH : -EINVAL;
	if ((new && !user_readable(new, sizeof(*new))) ||
	    (old && !user_writable(old, sizeof(*old))))
		return -EFAULT;
	if (new) {
		struct limit n = *new;

		if (n.now > n.max)
			return -EINVAL;
		if (n.max > l->max)
			return -EPERM;
		if (old)
			*old = *l;
		*l = n;
		if (which == RLIMIT_NOFILE)
			fd_set_limit((unsigned)n.now);
	} else if (old) {
		*old = *l;
	}
	return 0;
}

long sys_getrlimit(unsigned which, struct limit *l)
{
	return l ? sys_prlimit64(0, which, NULL, l) : -EFAULT;
}

long sys_setrlimit(unsigned which, const struct limit *l)
{
	return l ? sys_prlimit64(0, which, l, NULL) : -EFAULT;
}

/* PR_SET_NAME, PR_GET_NAME; 16 bytes, of the one process. */
long sys_prctl(int option, char *name)
{
	static char kept[16] = "fata";

	if (option == 15) {
		ssize_t n = user_string(name, 15);

		if (n == -EFAULT)
			return -EFAULT;
		memset(kept, 0, sizeof(kept));
		memcpy(kept, name, n < 0 ? 15 : (size_t)n);
		return 0;
	}
	if (option == 16) {
		if (!user_writable(name, 16))
			return -EFAULT;
		memcpy(name, kept, 16);
		return 0;
	}
	return -EINVAL;
}
