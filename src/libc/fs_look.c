/* SPDX-License-Identifier: ISC */
/*
 * The calls that look at the name space, and the working directory. Those
 * without `at` in their name are the others with AT_FDCWD.
 */
#include <errno.h>
#include <fata/page.h>
#include <fs/node.h>
#include <libc/fs.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <string.h>
#include <sys/statfs.h>

/* The program's path and what it is relative to; its length, or an error. */
static int begin_at(int fd, const char *path, struct node **base)
{
	ssize_t length = user_string(path, PATH_MAX);
	int err = length < 0 ? 0 : path_base(fd, base);

	return err ? err : (int)length;
}

int fs_find_at(int fd, const char *path, int flags, struct node **n)
{
	struct node *base;
	int length = begin_at(fd, path, &base), err;

	if (length < 0)
		return length;
	if (!length && flags & AT_EMPTY_PATH && base) {
		*n = base;
		return 0;
	}
	err = path_find(base, path, !(flags & AT_SYMLINK_NOFOLLOW), n);
	node_put(base);
	return err;
}

int fs_find_parent_at(int fd, const char *path, struct path_end *e)
{
	struct node *base;
	int err = begin_at(fd, path, &base);

	if (err < 0)
		return err;
	err = path_find_parent(base, path, e);
	node_put(base);
	return err;
}

/* --- looking -------------------------------------------------------------- */

long sys_newfstatat(int fd, const char *path, struct stat *s, int flags)
{
	struct node *n;
	int err;

	if (!user_writable(s, sizeof(*s)))
		return -EFAULT;
	if (flags & AT_EMPTY_PATH && user_string(path, 2) == 0 &&
	    fd != AT_FDCWD)
		return sys_fstat(fd, s);
	err = fs_find_at(fd, path, flags, &n);
	if (err)
		return err;
	if (user_writable(s, sizeof(*s))) /* it may have waited */
		node_stat(n, s);
	else
		err = -EFAULT;
	node_put(n);
	return err;
}

long sys_stat(const char *path, struct stat *s)
{
	return sys_newfstatat(AT_FDCWD, path, s, 0);
}

long sys_lstat(const char *path, struct stat *s)
{
	return sys_newfstatat(AT_FDCWD, path, s, AT_SYMLINK_NOFOLLOW);
}

/* The user is root: only execution asks for a bit. */
long sys_faccessat(int fd, const char *path, int how)
{
	struct node *n;
	int err;

	if (how & ~7)
		return -EINVAL;
	err = fs_find_at(fd, path, 0, &n);
	if (err)
		return err;
	if (how & 1 && !S_ISDIR(n->mode) && !(n->mode & 0111))
		err = -EACCES;
	if (how & 2 && n->read_only)
		err = -EROFS;
	node_put(n);
	return err;
}

long sys_faccessat2(int fd, const char *path, int how, int flags)
{
	(void)flags;
	return sys_faccessat(fd, path, how);
}

long sys_access(const char *path, int how)
{
	return sys_faccessat(AT_FDCWD, path, how);
}

long sys_readlinkat(int fd, const char *path, char *text, size_t size)
{
	struct node *n;
	long r = fs_find_at(fd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &n);

	if (r)
		return r;
	if (!S_ISLNK(n->mode) || !size) {
		r = -EINVAL;
	} else {
		const char *target = n->ops->target(n);
		size_t length = strlen(target);

		if (length > size)
			length = size;
		r = -EFAULT;
		if (user_writable(text, length)) {
			memcpy(text, target, length);
			r = (long)length;
		}
	}
	node_put(n);
	return r;
}

long sys_readlink(const char *path, char *text, size_t size)
{
	return sys_readlinkat(AT_FDCWD, path, text, size);
}

long sys_getdents64(int fd, void *p, size_t size)
{
	struct dirent_sink sink = {p, size, 0};
	struct file *f = fd_get(fd);
	uint64_t pos;
	long r;

	if (!f)
		return -EBADF;
	pos = f->pos;
	if (!f->ops->list)
		r = -ENOTDIR;
	else if (!user_writable(p, size))
		r = -EFAULT;
	else
		r = f->ops->list(f, &sink, &f->pos);
	if (!r && !sink.used && f->pos == pos && size < 280) {
		/* was there no entry, or no room for it? */
		char probe[280];
		struct dirent_sink s = {probe, sizeof(probe), 0};

		f->ops->list(f, &s, &pos);
		r = s.used ? -EINVAL : 0;
	}
	file_put(f);
	return r ? r : (long)sink.used;
}

/* struct statfs of a node's file system, or of one in memory (TMPFS_MAGIC). */
static long fill_statfs(struct node *n, struct statfs *s)
{
	struct page_stat p;

	if (!user_writable(s, sizeof(*s)))
		return -EFAULT;
	if (n && n->ops->statfs) {
		struct statfs of = {0};
		int err = n->ops->statfs(n, &of);

		if (!err && !user_writable(s, sizeof(*s)))
			return -EFAULT; /* it may have waited */
		if (!err)
			*s = of;
		return err;
	}
	page_stat(&p);
	memset(s, 0, sizeof(*s));
	s->f_type = 0x01021994;
	s->f_bsize = s->f_frsize = PAGE_SIZE;
	s->f_blocks = p.total;
	s->f_bfree = s->f_bavail = p.free;
	s->f_files = s->f_ffree = 1 << 20;
	s->f_namelen = NAME_MAX;
	return 0;
}

long sys_statfs(const char *path, struct statfs *s)
{
	struct node *n;
	long r = fs_find_at(AT_FDCWD, path, 0, &n);

	if (r)
		return r;
	r = fill_statfs(n, s);
	node_put(n);
	return r;
}

long sys_fstatfs(int fd, struct statfs *s)
{
	struct file *f = fd_get(fd);
	long r;

	if (!f)
		return -EBADF;
	r = fill_statfs(f->node, s);
	file_put(f);
	return r;
}

/* --- the working directory ------------------------------------------------ */

static long set_cwd(struct node *n)
{
	long r = S_ISDIR(n->mode) ? 0 : -ENOTDIR;

	if (!r)
		path_set_cwd(n);
	node_put(n);
	return r;
}

long sys_chdir(const char *path)
{
	struct node *n;
	int err = fs_find_at(AT_FDCWD, path, 0, &n);

	return err ? err : set_cwd(n);
}

long sys_fchdir(int fd)
{
	struct node *n;
	int err = path_base(fd == AT_FDCWD ? -1 : fd, &n);

	if (err || !n)
		return err ? err : fd_cloexec(fd) < 0 ? -EBADF : -ENOTDIR;
	return set_cwd(n);
}

long sys_getcwd(char *text, size_t size)
{
	char path[512];
	ssize_t n;

	if (!path_cwd())
		return -ENOMEM;
	n = path_of(path_cwd(), path, sizeof(path) - 1);
	if (n < 0)
		return n;
	if ((size_t)n + 1 > size)
		return -ERANGE;
	if (!user_writable(text, (size_t)n + 1))
		return -EFAULT;
	path[n] = 0;
	memcpy(text, path, (size_t)n + 1);
	return n + 1;
}
