/* SPDX-License-Identifier: ISC */
/*
 * What is done to an open file, whatever its kind, beside reading and writing:
 * its position, status and length, ioctl, syncing.
 */
#include <errno.h>
#include <libc/file.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <string.h>

long sys_lseek(int fd, off_t offset, int whence)
{
	struct file *f = fd_get(fd);
	off_t r;

	if (!f)
		return -EBADF;
	r = f->ops->seek ? f->ops->seek(f, offset, whence) : -ESPIPE;
	if (r >= 0)
		f->pos = (uint64_t)r;
	file_put(f);
	return r;
}

#define FIONBIO 0x5421
#define FIOCLEX 0x5451
#define FIONCLEX 0x5450

static long set_nonblock(struct file *f, const int *on)
{
	if (!user_readable(on, sizeof(*on)))
		return -EFAULT;
	f->flags = *on ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
	return 0;
}

long sys_ioctl(int fd, unsigned command, uint64_t arg)
{
	struct file *f = fd_get(fd);
	long r = -ENOTTY;

	if (!f)
		return -EBADF;
	if (f->flags & O_PATH)
		r = -EBADF;
	else if (command == FIOCLEX || command == FIONCLEX)
		r = fd_set_cloexec(fd, command == FIOCLEX);
	else if (command == FIONBIO)
		r = set_nonblock(f, (const int *)arg);
	else if (f->ops->ioctl)
		r = f->ops->ioctl(f, command, arg);
	file_put(f);
	return r;
}

long sys_fstat(int fd, struct stat *s)
{
	struct file *f = fd_get(fd);
	long r = -EFAULT;

	if (!f)
		return -EBADF;
	if (user_writable(s, sizeof(*s))) {
		memset(s, 0, sizeof(*s));
		r = f->ops->stat ? f->ops->stat(f, s) : 0;
	}
	file_put(f);
	return r;
}

long sys_ftruncate(int fd, off_t size)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	if (size < 0 || !file_writes(f) || !f->ops->truncate)
		r = -EINVAL;
	else
		r = f->ops->truncate(f, (uint64_t)size);
	file_put(f);
	return r;
}

static long sync_fd(int fd, bool data)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	if (f->flags & O_PATH)
		r = -EBADF;
	else if (f->ops->sync)
		r = f->ops->sync(f, data);
	else
		r = f->ops->seekable ? 0 : -EINVAL;
	file_put(f);
	return r;
}

long sys_fsync(int fd)
{
	return sync_fd(fd, false);
}

long sys_fdatasync(int fd)
{
	return sync_fd(fd, true);
}
