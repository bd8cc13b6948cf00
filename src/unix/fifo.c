/* SPDX-License-Identifier: ISC */
/*
 * open of a FIFO: it waits for the other end, and only the task that opens may
 * wait. The host has no way to be told when it would not; so a helper thread
 * makes the call, and an eventfd tells the task.
 *
 * Interface: unix/io.h. Only open itself: fopen and openat are the host's. The
 * task waits to the end, also when it is cancelled, for the descriptor is its.
 */
#include "unix/host.h"
#include "unix/io.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

struct opening {
	const char *path;
	int flags, fd, error;
	int told; /* eventfd */
};

static void *help(void *arg)
{
	struct opening *o = arg;
	uint64_t one = 1;

	o->fd = REAL(open)(o->path, o->flags);
	o->error = errno;
	/* the last touch of *o */
	while (REAL(write)(o->told, &one, sizeof(one)) < 0)
		;
	return NULL;
}

static int start(struct opening *o, pthread_t *t)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = REAL(pthread_create)(t, NULL, help, o);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static int open_fifo(const char *path, int flags)
{
	struct opening o = {.path = path, .flags = flags};
	struct pollfd p = {.events = POLLIN};
	pthread_t t;

	o.told = p.fd = eventfd(0, EFD_CLOEXEC);
	if (p.fd < 0 || start(&o, &t)) {
		if (p.fd >= 0)
			REAL(close)(p.fd);
		errno = ENOMEM;
		return -1;
	}
	while (!REAL(poll)(&p, 1, 0))
		unix_wait_fds(&p, 1, FATA_FOREVER);
	REAL(pthread_join)(t, NULL);
	REAL(close)(p.fd);
	errno = o.error;
	return o.fd;
}

INSTEAD int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	struct stat s;
	va_list args;

	va_start(args, flags);
	if (__OPEN_NEEDS_MODE(flags))
		mode = va_arg(args, mode_t);
	va_end(args);
	if (unix_on_task() && !(flags & (O_NONBLOCK | O_PATH)) &&
	    (flags & O_ACCMODE) != O_RDWR && !stat(path, &s) &&
	    S_ISFIFO(s.st_mode))
		return open_fifo(path, flags);
	return REAL(open)(path, flags, mode);
}

/* By this name programs call it that are built for large files. */
INSTEAD int open64(const char *path, int flags, ...)
	__attribute__((alias("open")));
