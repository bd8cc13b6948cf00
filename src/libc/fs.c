/* SPDX-License-Identifier: ISC */
/*
 * The calls that look at and change the name space. Those without `at` in
 * their name are the others with AT_FDCWD.
 */
#include <errno.h>
#include <fata/page.h>
#include <libc/clock.h>
#include <libc/node.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <string.h>
#include <sys/statfs.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* The node that (fd, path, flags) name, with a reference for the caller. */
static int find_at(int fd, const char *path, int flags, struct node **n)
{
	ssize_t length = user_string(path, PATH_MAX);
	struct node *base;
	int err;

	if (length < 0)
		return (int)length;
	err = path_base(fd, &base);
	if (err)
		return err;
	if (!length && flags & AT_EMPTY_PATH && base) {
		*n = base;
		return 0;
	}
	err = path_find(base, path, !(flags & AT_SYMLINK_NOFOLLOW), n);
	node_put(base);
	return err;
}

static int find_parent_at(int fd, const char *path, struct path_end *e)
{
	ssize_t length = user_string(path, PATH_MAX);
	struct node *base;
	int err;

	if (length < 0)
		return (int)length;
	err = path_base(fd, &base);
	if (err)
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
	err = find_at(fd, path, flags, &n);
	if (err)
		return err;
	node_stat(n, s);
	node_put(n);
	return 0;
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
	err = find_at(fd, path, 0, &n);
	if (err)
		return err;
	if (how & 1 && !S_ISDIR(n->mode) && !(n->mode & 0111))
		err = -EACCES;
	if (how & 2 && n->ops->read_only)
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
	long r = find_at(fd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &n);

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

/* struct statfs of a file system in memory (TMPFS_MAGIC). */
static long fill_statfs(struct statfs *s)
{
	struct page_stat p;

	if (!user_writable(s, sizeof(*s)))
		return -EFAULT;
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
	int err = find_at(AT_FDCWD, path, 0, &n);

	if (err)
		return err;
	node_put(n);
	return fill_statfs(s);
}

long sys_fstatfs(int fd, struct statfs *s)
{
	return fd_cloexec(fd) < 0 ? -EBADF : fill_statfs(s);
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
	int err = find_at(AT_FDCWD, path, 0, &n);

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

/* --- making --------------------------------------------------------------- */

static long make_at(int fd, const char *path, mode_t mode, const char *target,
		    uint64_t rdev)
{
	struct path_end e;
	struct node *n;
	int err = find_parent_at(fd, path, &e);

	if (err)
		return err == -EINVAL ? -EEXIST : err;
	if (!e.dir->ops->lookup(e.dir, e.name, &n)) {
		node_put(n);
		err = -EEXIST;
	} else if (e.slash && !S_ISDIR(mode)) {
		err = -ENOENT;
	} else if (e.dir->ops->read_only) {
		err = -EROFS;
	} else if (!e.dir->nlink) {
		err = -ENOENT; /* it was removed while somebody is in it */
	} else {
		err = e.dir->ops->make(e.dir, e.name, mode, target, &n);
		if (!err) {
			n->rdev = rdev;
			node_put(n);
		}
	}
	path_end_free(&e);
	return err;
}

long sys_mkdirat(int fd, const char *path, mode_t mode)
{
	return make_at(fd, path, S_IFDIR | (mode & 01777 & ~umask_now()), NULL,
		       0);
}

long sys_mkdir(const char *path, mode_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(int fd, const char *path, mode_t mode, uint64_t rdev)
{
	mode_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;

	if (type == S_IFDIR)
		return -EPERM;
	if (type != S_IFREG && type != S_IFCHR && type != S_IFBLK &&
	    type != S_IFIFO && type != S_IFSOCK)
		return -EINVAL;
	return make_at(fd, path, type | (mode & 07777 & ~umask_now()), NULL,
		       rdev);
}

long sys_mknod(const char *path, mode_t mode, uint64_t rdev)
{
	return sys_mknodat(AT_FDCWD, path, mode, rdev);
}

long sys_symlinkat(const char *target, int fd, const char *path)
{
	ssize_t n = user_string(target, PATH_MAX);

	if (n <= 0)
		return n ? n : -ENOENT;
	return make_at(fd, path, S_IFLNK | 0777, target, 0);
}

long sys_symlink(const char *target, const char *path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

static int link_to(struct node *n, struct path_end *e)
{
	struct node *there;

	if (!e->dir->ops->lookup(e->dir, e->name, &there)) {
		node_put(there);
		return -EEXIST;
	}
	if (S_ISDIR(n->mode))
		return -EPERM;
	if (n->device != e->dir->device || !e->dir->ops->link)
		return -EXDEV;
	if (e->dir->ops->read_only)
		return -EROFS;
	return n->nlink ? e->dir->ops->link(e->dir, e->name, n) : -ENOENT;
}

long sys_linkat(int fd, const char *path, int to_fd, const char *to, int flags)
{
	int follow = flags & 0x400 ? 0 : AT_SYMLINK_NOFOLLOW;
	struct path_end e;
	struct node *n;
	int err = find_at(fd, path, follow | (flags & AT_EMPTY_PATH), &n);

	if (err)
		return err;
	err = find_parent_at(to_fd, to, &e);
	if (!err) {
		err = link_to(n, &e);
		path_end_free(&e);
	}
	node_put(n);
	return err;
}

long sys_link(const char *path, const char *to)
{
	return sys_linkat(AT_FDCWD, path, AT_FDCWD, to, 0);
}

/* --- removing and renaming ------------------------------------------------ */

static int may_remove(const struct node *n, bool directory)
{
	if (n->mounted || n->covers)
		return -EBUSY;
	if (directory && !S_ISDIR(n->mode))
		return -ENOTDIR;
	if (!directory && S_ISDIR(n->mode))
		return -EISDIR;
	return 0;
}

static int unlink_end(struct path_end *e, bool directory)
{
	struct node *n;
	int err = e->dir->ops->lookup(e->dir, e->name, &n);

	if (err)
		return err;
	err = may_remove(n, directory);
	if (!err && directory && !n->ops->empty(n))
		err = -ENOTEMPTY;
	else if (!err && e->slash && !S_ISDIR(n->mode))
		err = -ENOTDIR;
	else if (!err && e->dir->ops->read_only)
		err = -EROFS;
	if (!err)
		err = e->dir->ops->unlink(e->dir, e->name, n);
	node_put(n);
	return err;
}

long sys_unlinkat(int fd, const char *path, int flags)
{
	struct path_end e;
	int err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	err = find_parent_at(fd, path, &e);
	if (err)
		return err == -EEXIST ? -EBUSY : err;
	err = unlink_end(&e, flags & AT_REMOVEDIR);
	path_end_free(&e);
	return err;
}

long sys_unlink(const char *path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(const char *path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* Would a directory end up in itself? */
static bool inside(const struct node *dir, const struct node *n)
{
	for (; dir; dir = dir->parent)
		if (dir == n)
			return true;
	return false;
}

/* Make room for what is renamed to this name. */
static int replace(struct path_end *to, const struct node *n, bool keep)
{
	struct node *old;
	int err = to->dir->ops->lookup(to->dir, to->name, &old);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (keep)
		err = -EEXIST;
	else
		err = may_remove(old, S_ISDIR(n->mode));
	if (!err && S_ISDIR(old->mode) && !old->ops->empty(old))
		err = -ENOTEMPTY;
	if (!err)
		err = to->dir->ops->unlink(to->dir, to->name, old);
	node_put(old);
	return err;
}

static bool same_entry(struct path_end *to, const struct node *n)
{
	struct node *old;
	bool same;

	if (to->dir->ops->lookup(to->dir, to->name, &old))
		return false;
	same = old == n;
	node_put(old);
	return same;
}

static int rename_ends(struct path_end *from, struct path_end *to, bool keep)
{
	struct node *n;
	int err = from->dir->ops->lookup(from->dir, from->name, &n);

	if (err)
		return err;
	if (from->dir->device != to->dir->device || !from->dir->ops->rename)
		err = -EXDEV;
	else if (from->dir->ops->read_only)
		err = -EROFS;
	else if (n->mounted || n->covers)
		err = -EBUSY;
	else if ((from->slash || to->slash) && !S_ISDIR(n->mode))
		err = -ENOTDIR;
	else if (S_ISDIR(n->mode) && inside(to->dir, n))
		err = -EINVAL;
	else if (!to->dir->nlink)
		err = -ENOENT;
	else if (!same_entry(to, n) || keep) {
		err = replace(to, n, keep);
		if (!err)
			err = from->dir->ops->rename(from->dir, from->name,
						     to->dir, to->name, n);
	}
	node_put(n);
	return err;
}

/* flags: RENAME_NOREPLACE (1) only. */
long sys_renameat2(int fd, const char *path, int to_fd, const char *to,
		   unsigned flags)
{
	struct path_end a, b;
	int err;

	if (flags & ~1u)
		return -EINVAL;
	err = find_parent_at(fd, path, &a);
	if (err)
		return err == -ENOENT || err == -ENOTDIR ? err : -EBUSY;
	err = find_parent_at(to_fd, to, &b);
	if (!err) {
		err = rename_ends(&a, &b, flags & 1);
		path_end_free(&b);
	}
	path_end_free(&a);
	return err;
}

long sys_renameat(int fd, const char *path, int to_fd, const char *to)
{
	return sys_renameat2(fd, path, to_fd, to, 0);
}

long sys_rename(const char *path, const char *to)
{
	return sys_renameat2(AT_FDCWD, path, AT_FDCWD, to, 0);
}

/* --- attributes ----------------------------------------------------------- */

static long set_mode(struct node *n, mode_t mode)
{
	n->mode = (n->mode & S_IFMT) | (mode & 07777);
	node_changed(n);
	return 0;
}

long sys_fchmodat(int fd, const char *path, mode_t mode)
{
	struct node *n;
	int err = find_at(fd, path, 0, &n);

	if (err)
		return err;
	set_mode(n, mode);
	node_put(n);
	return 0;
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
	if (uid != ~0u)
		n->uid = uid;
	if (gid != ~0u)
		n->gid = gid;
	node_changed(n);
	return 0;
}

long sys_fchownat(int fd, const char *path, unsigned uid, unsigned gid,
		  int flags)
{
	struct node *n;
	int err = find_at(fd, path, flags, &n);

	if (err)
		return err;
	set_owner(n, uid, gid);
	node_put(n);
	return 0;
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

#define NOW ((1l << 30) - 1)
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

	if (set_time(&n->atime, t, false) || set_time(&n->mtime, second, false))
		return -EINVAL;
	set_time(&n->atime, t, true);
	set_time(&n->mtime, second, true);
	node_changed(n);
	return 0;
}

/* path may be NULL: the file of the number itself. */
long sys_utimensat(int fd, const char *path, const struct timespec *t,
		   int flags)
{
	struct file *f;
	struct node *n;
	long r;

	if (t && !user_readable(t, 2 * sizeof(*t)))
		return -EFAULT;
	if (path) {
		r = find_at(fd, path, flags, &n);
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
	int err = find_at(AT_FDCWD, path, 0, &n);

	if (err)
		return err;
	if (size < 0 || !S_ISREG(n->mode))
		err = S_ISDIR(n->mode) ? -EISDIR : -EINVAL;
	else if (n->ops->read_only || !n->ops->truncate)
		err = -EROFS;
	else
		err = n->ops->truncate(n, (uint64_t)size);
	node_put(n);
	return err;
}

/* Space is taken when it is written; only a longer file can be asked for. */
long sys_fallocate(int fd, int mode, off_t at, off_t size)
{
	struct file *f;
	long r = 0;

	if (mode & ~1 || at < 0 || size <= 0)
		return mode & ~1 ? -EOPNOTSUPP : -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	if (!file_writes(f))
		r = -EBADF;
	else if (!f->node || !S_ISREG(f->node->mode))
		r = -ENODEV;
	else if (!mode && (uint64_t)(at + size) > f->node->size)
		r = f->ops->truncate(f, (uint64_t)(at + size));
	file_put(f);
	return r;
}

/* Everything is in memory, or written through. */
long sys_sync(void)
{
	return 0;
}
