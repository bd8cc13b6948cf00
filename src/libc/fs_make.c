/* SPDX-License-Identifier: ISC */
/*
 * The calls that make directories, devices, symbolic links and further names.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/node.h>
#include <libc/fs.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <string.h>

static long make_at(int fd, const char *path, struct node_new what)
{
	struct path_end e;
	struct node *n;
	int err = fs_find_parent_at(fd, path, &e);

	if (err)
		return err == -EINVAL ? -EEXIST : err;
	if (!e.dir->ops->lookup(e.dir, e.name, &n)) {
		node_put(n);
		err = -EEXIST;
	} else if (e.slash && !S_ISDIR(what.mode)) {
		err = -ENOENT;
	} else if (e.dir->read_only) {
		err = -EROFS;
	} else if (!e.dir->nlink) {
		err = -ENOENT; /* it was removed while somebody is in it */
	} else {
		err = e.dir->ops->make(e.dir, e.name, &what, &n);
		if (!err)
			node_put(n);
	}
	path_end_free(&e);
	return err;
}

long sys_mkdirat(int fd, const char *path, mode_t mode)
{
	mode = S_IFDIR | (mode & 01777 & ~umask_now());
	return make_at(fd, path, (struct node_new){.mode = mode});
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
	mode = type | (mode & 07777 & ~umask_now());
	return make_at(fd, path, (struct node_new){.mode = mode, .rdev = rdev});
}

long sys_mknod(const char *path, mode_t mode, uint64_t rdev)
{
	return sys_mknodat(AT_FDCWD, path, mode, rdev);
}

long sys_symlinkat(const char *target, int fd, const char *path)
{
	ssize_t n = user_string(target, PATH_MAX);
	char *copy;
	long r;

	if (n <= 0)
		return n ? n : -ENOENT;
	/* our own: the program's may change while this waits for a disk */
	copy = heap_alloc((size_t)n + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, target, (size_t)n);
	copy[n] = '\0';
	r = make_at(fd, path,
		    (struct node_new){.mode = S_IFLNK | 0777, .target = copy});
	heap_free(copy);
	return r;
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
	if (e->dir->read_only)
		return -EROFS;
	return n->nlink ? e->dir->ops->link(e->dir, e->name, n) : -ENOENT;
}

long sys_linkat(int fd, const char *path, int to_fd, const char *to, int flags)
{
	int follow = flags & 0x400 ? 0 : AT_SYMLINK_NOFOLLOW;
	struct path_end e;
	struct node *n;
	int err = fs_find_at(fd, path, follow | (flags & AT_EMPTY_PATH), &n);

	if (err)
		return err;
	err = fs_find_parent_at(to_fd, to, &e);
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
