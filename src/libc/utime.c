/* SPDX-License-Identifier: ISC */
/* The older ways to set a file's times, in terms of utimensat. */
#include <errno.h>
#include <fcntl.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <sys/time.h>
#include <utime.h>

long sys_utime(const char *path, const struct utimbuf *t)
{
	struct timespec both[2] = {{0}};

	if (t) {
		if (!user_readable(t, sizeof(*t)))
			return -EFAULT;
		both[0].tv_sec = t->actime;
		both[1].tv_sec = t->modtime;
	}
	return sys_utimensat(AT_FDCWD, path, t ? both : NULL, 0);
}

long sys_futimesat(int fd, const char *path, const struct timeval *t)
{
	struct timespec both[2] = {{0}};

	if (t) {
		if (!user_readable(t, 2 * sizeof(*t)))
			return -EFAULT;
		for (int i = 0; i < 2; i++) {
			if (t[i].tv_usec < 0 || t[i].tv_usec >= 1000000)
				return -EINVAL;
			both[i].tv_sec = t[i].tv_sec;
			both[i].tv_nsec = t[i].tv_usec * 1000;
		}
	}
	return sys_utimensat(fd, path, t ? both : NULL, 0);
}

long sys_utimes(const char *path, const struct timeval *t)
{
	return sys_futimesat(AT_FDCWD, path, t);
}
