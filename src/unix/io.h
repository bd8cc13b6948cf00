/* SPDX-License-Identifier: ISC */
/*
 * The C library's blocking calls, as tasks make them (io.c, sleep.c, ...).
 *
 * Interface: a function that the archive defines in libc's place begins with
 * unix_on_task(); if that is false (another thread, a callback, before main) it
 * is the host's function and nothing else.
 */
#ifndef FATA_UNIX_IO_H
#define FATA_UNIX_IO_H

#include <fata/base.h>
#include <poll.h>

/* A function in place of libc's; the program's own of that name wins. */
#define INSTEAD __attribute__((weak, visibility("default")))

/* May the caller park, that is, does it run as a task? */
bool unix_on_task(void);

/* close; libc's own is a point of cancellation and would not close then. */
void unix_close(int fd);

/* libc's point of cancellation; our frames may be unwound from here. */
void unix_testcancel(void);

/* Called with each descriptor that the program closes (timerfd.c); or NULL. */
extern void (*unix_closed)(int fd);

/* In a forked child: all is the host's from now on. */
void unix_io_stop(void);

/*
 * Park until one of the n descriptors has an event that its pollfd asks for
 * (revents is not set), or the deadline: 0, -ETIMEDOUT, -ECANCELED, -ENOMEM.
 */
int unix_wait_fds(const struct pollfd *p, nfds_t n, uint64_t deadline);

/*
 * Park until a call on fd would not block, if fd is a descriptor on which calls
 * may block: 0, or -1 with errno EINTR when the task was cancelled, EAGAIN when
 * a socket's own time limit has passed.
 */
int unix_wait_fd(int fd, short events);

#endif
