/* SPDX-License-Identifier: ISC */
/*
 * Each system call on files and names by itself: what it does when all is well
 * and one error. It also passes as a Linux program (of root).
 * tests/unit/libc_table.sh sees to it that no call of the table is left out.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <lib/call.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <utime.h>

static char text[64];

static int make(const char *name, const char *contents)
{
	int fd = (int)call(open, name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	check(fd >= 0);
	check_call((long)strlen(contents), write, fd, contents,
		   strlen(contents));
	return fd;
}

static void reading_and_writing(void)
{
	struct iovec v[2] = {{text, 3}, {text + 3, 4}};
	int fd = make("a", "0123456789");

	check_call(0, lseek, fd, 0, SEEK_SET);
	check_call(4, read, fd, text, 4);
	check_call(-EBADF, read, 999, text, 4);
	check_call(6, readv, fd, v, 2);
	check_call(2, writev, fd, &(struct iovec){(void *)"ab", 2}, 1);
	check_call(3, pread64, fd, text, 3, 8);
	check(!memcmp(text, "89a", 3));
	check_call(2, pwrite64, fd, "xy", 2, 1);
	check_call(7, preadv, fd, v, 2, 1, 0);
	check(!memcmp(text, "xy34567", 7));
	check_call(2, pwritev, fd, &(struct iovec){(void *)"zz", 2}, 1, 20, 0);
	check_call(7, preadv2, fd, v, 2, 0, 0, 0);
	check_call(1, pwritev2, fd, &(struct iovec){(void *)"q", 1}, 1, 0, 0,
		   0);
	check_call(-EINVAL, preadv, fd, v, 2, -1L, -1L);
	check_call(22, lseek, fd, 0, SEEK_END);
	check_call(0, ftruncate, fd, 5);
	check_call(-EINVAL, ftruncate, fd, -1L);
	check_call(0, fallocate, fd, 0, 0, 100);
	check_call(100, lseek, fd, 0, SEEK_END);
	check_call(0, fadvise64, fd, 0, 0, 0);
	check_call(0, readahead, fd, 0, 10);
	check_call(0, fsync, fd);
	check_call(0, fdatasync, fd);
	check_call(0, sync_file_range, fd, 0, 0, 0);
	check_call(0, syncfs, fd);
	check_call(-EBADF, fsync, 999);
	check_call(0, sync);
	check_call(0, close, fd);
	check_call(-EBADF, close, fd);
}

static void numbers(void)
{
	int a = make("a", "12345"), b = make("b", ""), n = 0, on = 1;
	off_t at = 1;
	struct stat s;

	check_call(20, dup3, a, 20, O_CLOEXEC);
	check_call(-EINVAL, dup3, a, a, 0);
	check_call(21, dup2, a, 21);
	n = (int)call(dup, a);
	check(n > b && n < 20);
	check_call(FD_CLOEXEC, fcntl, 20, F_GETFD);
	check_equal(call(fcntl, a, F_GETFL) & O_ACCMODE, O_RDWR);
	check_call(-EBADF, fcntl, 999, F_GETFL);
	check_call(0, close_range, 20, 30, 0);
	check_call(-EBADF, fcntl, 21, F_GETFL);
	check_call(0, flock, a, LOCK_EX);
	check_call(0, flock, a, LOCK_UN);
	check_call(0, ioctl, a, FIONBIO, &on);
	check_call(-ENOTTY, ioctl, a, TIOCGWINSZ, text);
	check_call(0, fstat, a, &s);
	check_equal(s.st_size, 5);
	check_call(4, sendfile, b, a, &at, 10);
	check_equal(at, 5);
	at = 0;
	check_call(2, copy_file_range, a, &at, b, NULL, 2, 0);
	check_call(6, lseek, b, 0, SEEK_CUR);
	check_call(0, close, a);
	check_call(0, close, b);
	check_call(0, close, n);
}

static void names(void)
{
	int here = (int)call(openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
	int fd = (int)call(creat, "c", 0600);
	struct statfs f;
	struct stat s;

	check(here >= 0 && fd >= 0);
	check_call(0, close, fd);
	check_call(-ENOENT, open, "none", O_RDONLY);
	check_call(0, stat, "c", &s);
	check_call(0, lstat, "c", &s);
	check_call(0, newfstatat, here, "c", &s, 0);
	check_call(-ENOENT, stat, "none", &s);
	check_call(0, access, "c", R_OK | W_OK);
	check_call(0, faccessat, here, "c", F_OK);
	check_call(0, faccessat2, here, "c", F_OK, 0);
	check_call(-ENOENT, access, "none", F_OK);
	check_call(0, symlink, "c", "l");
	check_call(0, symlinkat, "c", here, "l2");
	check_call(1, readlink, "l", text, 64);
	check_call(1, readlinkat, here, "l2", text, 64);
	check_call(-EINVAL, readlink, "c", text, 64);
	check_call(0, link, "c", "h");
	check_call(0, linkat, here, "c", here, "h2", 0);
	check_call(-EEXIST, link, "c", "h");
	check_call(0, rename, "h", "r");
	check_call(0, renameat, here, "r", here, "r2");
	check_call(0, renameat2, here, "r2", here, "r3", 0);
	check_call(-EEXIST, renameat2, here, "r3", here, "c", 1);
	check_call(0, unlink, "r3");
	check_call(0, unlinkat, here, "h2", 0);
	check_call(-ENOENT, unlink, "h2");
	check_call(0, unlink, "l");
	check_call(0, unlink, "l2");
	check_call(0, mkdir, "d", 0755);
	check_call(0, mkdirat, here, "d/e", 0755);
	check_call(-EEXIST, mkdir, "d", 0755);
	check_call(-ENOTEMPTY, rmdir, "d");
	check(call(getdents64, here, text, 64) > 0);
	check_call(-EBADF, getdents64, 999, text, 64);
	check_call(0, chdir, "d");
	check(call(getcwd, text, 64) > 2);
	check_call(-ERANGE, getcwd, text, 1);
	check_call(0, fchdir, here);
	check_call(0, rmdir, "d/e");
	check_call(0, rmdir, "d");
	check_call(0, mknod, "f", S_IFIFO | 0600, 0);
	check_call(0, mknodat, here, "f2", S_IFIFO | 0600, 0);
	check_call(-EEXIST, mknod, "f", S_IFIFO | 0600, 0);
	check_call(0, unlink, "f");
	check_call(0, unlink, "f2");
	check_call(0, statfs, ".", &f);
	check_call(0, fstatfs, here, &f);
	check(f.f_bsize > 0);
	check_call(0, close, here);
}

static void attributes(void)
{
	struct timespec t[2] = {{100, 0}, {200, 0}};
	struct timeval u[2] = {{300, 0}, {400, 0}};
	struct utimbuf w = {500, 600};
	int fd = make("c", "abc");
	struct stat s;

	check_call(0, chmod, "c", 0640);
	check_call(0, fchmod, fd, 0600);
	check_call(0, fchmodat, AT_FDCWD, "c", 0604);
	check_call(0, chown, "c", 1, 2);
	check_call(0, lchown, "c", 3, 4);
	check_call(0, fchown, fd, 5, -1);
	check_call(0, fchownat, AT_FDCWD, "c", -1, 6, 0);
	check(!stat("c", &s) && s.st_uid == 5 && s.st_gid == 6);
	check_equal(s.st_mode & 07777, 0604);
	check_call(0, utimensat, AT_FDCWD, "c", t, 0);
	check(!stat("c", &s) && s.st_atime == 100 && s.st_mtime == 200);
	check_call(0, utimes, "c", u);
	check(!stat("c", &s) && s.st_mtime == 400);
	check_call(0, futimesat, AT_FDCWD, "c", u);
	check_call(0, utime, "c", &w);
	check(!stat("c", &s) && s.st_atime == 500 && s.st_mtime == 600);
	check_call(-ENOENT, utime, "none", &w);
	check_call(0, truncate, "c", 1);
	check_call(-ENOENT, truncate, "none", 1);
	check_call(1, lseek, fd, 0, SEEK_END);
	check_call(0, close, fd);
	check_call(022, umask, 027);
	check_call(027, umask, 022);
}

static void waiting(void)
{
	int p[2], e, t, set, s;
	struct timespec none = {0, 0};
	struct timeval no_time = {0, 0};
	struct itimerspec once = {{0, 0}, {100, 0}}, now;
	struct epoll_event event = {.events = EPOLLIN}, out;
	struct pollfd w;
	long long start;
	uint64_t mask = 1ull << (10 - 1), sigs[2] = {(uint64_t)&mask, 8};
	fd_set in;

	check_call(0, pipe, p);
	check_call(0, close, p[0]);
	check_call(0, close, p[1]);
	check_call(0, pipe2, p, O_CLOEXEC);
	check_call(-EINVAL, pipe2, p, 0x1000000);
	e = (int)call(eventfd, 0);
	check(e >= 0);
	check_call(0, close, e);
	e = (int)call(eventfd2, 5, 0);
	w = (struct pollfd){e, POLLIN | POLLOUT, 0};
	check_call(1, poll, &w, 1, -1);
	check_equal(w.revents, POLLIN | POLLOUT);
	check_call(1, ppoll, &w, 1, &none, NULL, 8);
	w.fd = p[0];
	check_call(0, ppoll, &w, 1, &none, &mask, 8);
	FD_ZERO(&in);
	FD_SET(e, &in);
	check_call(1, select, e + 1, &in, NULL, NULL, &no_time);
	check_call(1, pselect6, e + 1, &in, NULL, NULL, &none, sigs);
	FD_SET(60, &in);
	check_call(-EBADF, select, 61, &in, NULL, NULL, &no_time);
	set = (int)call(epoll_create, 1);
	check(set >= 0);
	check_call(-EINVAL, epoll_create, 0);
	check_call(0, close, set);
	set = (int)call(epoll_create1, 0);
	check_call(0, epoll_ctl, set, EPOLL_CTL_ADD, e, &event);
	check_call(1, epoll_wait, set, &out, 1, 0);
	check_call(1, epoll_pwait, set, &out, 1, 0, NULL, 8);
	check_call(1, epoll_pwait2, set, &out, 1, &none, NULL, 8);
	check_call(-EINVAL, epoll_wait, set, &out, 0, 0);
	start = guest_ns();
	t = (int)call(timerfd_create, 1, 0);
	check_call(0, timerfd_settime, t, 0, &once, NULL);
	check_call(0, timerfd_gettime, t, &now);
	check_left(now.it_value.tv_sec, 100, 1000000000, start);
	check_call(-EINVAL, timerfd_gettime, e, &now);
	s = (int)call(signalfd, -1, &mask, 8);
	check(s >= 0);
	check_call(0, close, s);
	s = (int)call(signalfd4, -1, &mask, 8, O_NONBLOCK);
	check_call(s, signalfd4, s, &mask, 8, 0);
	check_call(-EAGAIN, read, s, text, 128);
	check_call(-EINVAL, signalfd4, e, &mask, 8, 0);
	check_call(0, close_range, p[0], 100, 0);
}

int main(void)
{
#ifndef __FATA_UNIX__
	char folder[] = "/tmp/calls";

	check(!mkdir(folder, 0755) && !chdir(folder));
#endif
	umask(022);
	reading_and_writing();
	numbers();
	names();
	attributes();
	waiting();
	return 0;
}
