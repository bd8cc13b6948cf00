/* SPDX-License-Identifier: ISC */
/*
 * What is done to file numbers: copies, flags, closing.
 */
#include <errno.h>
#include <libc/file.h>
#include <libc/sys.h>
#include <libc/user.h>

/* What F_SETFL may change. */
#define SETTABLE (O_APPEND | O_NONBLOCK)

#ifndef F_DUPFD_CLOEXEC
#define F_DUPFD_CLOEXEC 1030
#endif

long sys_close(int fd)
{
	return fd_remove(fd);
}

long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	if (first > last || flags & ~4u /* CLOSE_RANGE_CLOEXEC */)
		return -EINVAL;
	if (first > FD_MAX)
		return 0;
	for (int fd = fd_next((int)first); fd >= 0 && (unsigned)fd <= last;
	     fd = fd_next(fd + 1)) {
		if (flags)
			fd_set_cloexec(fd, true);
		else
			fd_remove(fd);
	}
	return 0;
}

static long dup_from(int fd, int from, bool cloexec)
{
	struct file *f;

	if (from < 0 || (unsigned)from >= fd_limit())
		return -EINVAL;
	f = fd_get(fd);
	return f ? fd_add(f, from, cloexec) : -EBADF;
}

long sys_dup(int fd)
{
	struct file *f = fd_get(fd);

	return f ? fd_add(f, 0, false) : -EBADF;
}

static long dup_to(int fd, int to, bool cloexec)
{
	struct file *f;

	if (to < 0 || (unsigned)to >= fd_limit())
		return -EBADF;
	f = fd_get(fd);
	return f ? fd_put(f, to, cloexec) : -EBADF;
}

long sys_dup2(int fd, int to)
{
	if (fd == to)
		return fd_cloexec(fd) < 0 ? -EBADF : fd;
	return dup_to(fd, to, false);
}

long sys_dup3(int fd, int to, int flags)
{
	if (fd == to || flags & ~O_CLOEXEC)
		return -EINVAL;
	return dup_to(fd, to, flags & O_CLOEXEC);
}

static long set_flags(struct file *f, int flags)
{
	f->flags = (f->flags & ~SETTABLE) | (flags & SETTABLE);
	return 0;
}

/*
 * Locks between processes: with one process there is nobody to exclude, so each
 * is granted, and a query finds none (F_UNLCK).
 */
static long lock(struct flock *l, bool query)
{
	if (!user_readable(l, sizeof(*l)))
		return -EFAULT;
	if (l->l_type != F_RDLCK && l->l_type != F_WRLCK &&
	    l->l_type != F_UNLCK)
		return -EINVAL;
	if (!query)
		return 0;
	if (!user_writable(l, sizeof(*l)))
		return -EFAULT;
	l->l_type = F_UNLCK;
	return 0;
}

static long file_fcntl(int fd, struct file *f, int command, uint64_t arg)
{
	switch (command) {
	case F_GETFD:
		return fd_cloexec(fd) ? FD_CLOEXEC : 0;
	case F_SETFD:
		return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return f->flags;
	case F_SETFL:
		return set_flags(f, (int)arg);
	case F_GETLK:
	case 36: /* F_OFD_GETLK */
		return lock((struct flock *)arg, true);
	case F_SETLK:
	case F_SETLKW:
	case 37: /* F_OFD_SETLK */
	case 38: /* F_OFD_SETLKW */
		return lock((struct flock *)arg, false);
	default:
		return -EINVAL;
	}
}

long sys_fcntl(int fd, int command, uint64_t arg)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		r = dup_from(fd, (int)arg, command == F_DUPFD_CLOEXEC);
	else
		r = file_fcntl(fd, f, command, arg);
	file_put(f);
	return r;
}

long sys_flock(int fd, int operation)
{
	(void)operation;
	return fd_cloexec(fd) < 0 ? -EBADF : 0;
}
