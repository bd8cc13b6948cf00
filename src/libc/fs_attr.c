/* SPDX-License-Identifier: ISC */
/*
 * The calls that change modes, owners, times and sizes, and the syncs.
 */
#include <errno.h>
#include <fs/mount.h>
#include <fs/node.h>
#include <libc/clock.h>
#include <libc/fs.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <string.h>

/* Times, and whatever else was set before; 0 or the medium's error. */
static long changed(struct node *n)
{
	node_changed(n);
	return n->ops->changed ? n->ops->changed(n) : 0;
}

static long set_mode(struct node *n, mode_t mode)
{
	int err = n->read_only ? -EROFS : node_refresh(n);

	if (err)
		return err;
	n->mode = (n->mode & S_IFMT) | (mode & 07777);
	return changed(n);
}

long sys_fchmodat(int fd, const char *path, mode_t mode)
{
	struct node *n;
	int err = fs_find_at(fd, path, 0, &n);

	if (err)
		return err;
	err = (int)set_mode(n, mode);
	node_put(n);
	return err;
}

long sys_chmod(const char *path, mode_t mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(int fd, mode_t mode)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	r = f->node ? set_mode(f->node, mode) : -EINVAL;
	file_put(f);
	return r;
}

static long set_owner(struct node *n, unsigned uid, unsigned gid)
{
	int err = n->read_only ? -EROFS : node_refresh(n);

	if (err)
		return err;
	if (uid != ~0u)
		n->uid = uid;
	if (gid != ~0u)
		n->gid = gid;
	if (!S_ISDIR(n->mode) && n->mode & 0111)
		n->mode &= ~06000u; /* as on Linux */
	return changed(n);
}

long sys_fchownat(int fd, const char *path, unsigned uid, unsigned gid,
		  int flags)
{
	struct node *n;
	int err = fs_find_at(fd, path, flags, &n);

	if (err)
		return err;
	err = (int)set_owner(n, uid, gid);
	node_put(n);
	return err;
}

long sys_chown(const char *path, unsigned uid, unsigned gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(const char *path, unsigned uid, unsigned gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, unsigned uid, unsigned gid)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	r = f->node ? set_owner(f->node, uid, gid) : -EINVAL;
	file_put(f);
	return r;
}

#define NOW  ((1l << 30) - 1)
#define OMIT ((1l << 30) - 2)

static int set_time(uint64_t *ns, const struct timespec *t, bool set)
{
	if (!t || t->tv_nsec == NOW) {
		if (set)
			*ns = clock_wall_ns();
		return 0;
	}
	if (t->tv_nsec == OMIT)
		return 0;
	if (!set)
		return clock_ns(t, &(uint64_t){0});
	return clock_ns(t, ns);
}

static long set_times(struct node *n, const struct timespec *t)
{
	const struct timespec *second = t ? t + 1 : NULL;
	int err;

	if (set_time(&n->atime, t, false) || set_time(&n->mtime, second, false))
		return -EINVAL;
	err = n->read_only ? -EROFS : node_refresh(n);
	if (err)
		return err;
	set_time(&n->atime, t, true);
	set_time(&n->mtime, second, true);
	return changed(n);
}

/* path may be NULL: the file of the number itself. */
long sys_utimensat(int fd, const char *path, const struct timespec *t,
		   int flags)
{
	struct file *f;
	struct node *n;
	long r;

	struct timespec copy[2];

	if (t && !user_readable(t, 2 * sizeof(*t)))
		return -EFAULT;
	if (t) {
		memcpy(copy, t, sizeof(copy));
		t = copy;
	}
	if (path) {
		r = fs_find_at(fd, path, flags, &n);
		if (r)
			return r;
		r = set_times(n, t);
		node_put(n);
		return r;
	}
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	r = f->node ? set_times(f->node, t) : 0;
	file_put(f);
	return r;
}

long sys_truncate(const char *path, off_t size)
{
	struct node *n;
	int err = fs_find_at(AT_FDCWD, path, 0, &n);

	if (err)
		return err;
	if (size < 0 || !S_ISREG(n->mode))
		err = S_ISDIR(n->mode) ? -EISDIR : -EINVAL;
	else if (n->read_only || !n->ops->truncate)
		err = -EROFS;
	else
		err = n->ops->truncate(n, (uint64_t)size);
	node_put(n);
	return err;
}

/*
 * A longer file, and space for it where the medium can promise that; a file in
 * memory takes space when it is written.
 */
static long reserve(struct file *f, bool keep_size, uint64_t at, uint64_t size)
{
	struct node *n = f->node;
	long r = 0;

	if (n->ops->reserve)
		r = n->ops->reserve(n, at, size);
	if (!r && !keep_size && at + size > n->size)
		r = f->ops->truncate(f, at + size);
	return r;
}

long sys_fallocate(int fd, int mode, off_t at, off_t size)
{
	struct file *f;
	long r = 0;

	if (mode & ~1 || at < 0 || size <= 0)
		return mode & ~1 ? -EOPNOTSUPP : -EINVAL;
	if (at > INT64_MAX - size)
		return -EFBIG;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	if (!file_writes(f))
		r = -EBADF;
	else if (!f->node || !S_ISREG(f->node->mode))
		r = -ENODEV;
	else
		r = reserve(f, mode, (uint64_t)at, (uint64_t)size);
	file_put(f);
	return r;
}

long sys_sync(void)
{
	mounts_sync();
	return 0;
}

long sys_syncfs(int fd)
{
	struct file *f = fd_get(fd);
	long r = 0;

	if (!f)
		return -EBADF;
	if (f->node && f->node->ops->sync_all)
		r = f->node->ops->sync_all(f->node);
	file_put(f);
	return r;
}
