/* SPDX-License-Identifier: ISC */
/*
 * The calls that remove and rename.
 */
#include <errno.h>
#include <fs/node.h>
#include <libc/fs.h>
#include <libc/sys.h>

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

static int not_empty(struct node *dir)
{
	int empty = dir->ops->empty(dir);

	return empty < 0 ? empty : empty ? 0 : -ENOTEMPTY;
}

static int unlink_end(struct path_end *e, bool directory)
{
	struct node *n;
	int err = e->dir->ops->lookup(e->dir, e->name, &n);

	if (err)
		return err;
	err = may_remove(n, directory);
	if (!err && directory)
		err = not_empty(n);
	if (!err && e->slash && !S_ISDIR(n->mode))
		err = -ENOTDIR;
	else if (!err && e->dir->read_only)
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
	err = fs_find_parent_at(fd, path, &e);
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

/* What is renamed over, *old: NULL when there is nothing of that name. */
static int may_replace(struct path_end *to, const struct node *n, bool keep,
		       struct node **old)
{
	int err = to->dir->ops->lookup(to->dir, to->name, old);

	if (err) {
		*old = NULL;
		return err == -ENOENT ? 0 : err;
	}
	if (keep)
		return -EEXIST;
	if (*old == n)
		return 0;
	err = may_remove(*old, S_ISDIR(n->mode));
	return !err && S_ISDIR(n->mode) ? not_empty(*old) : err;
}

static int rename_ends(struct path_end *from, struct path_end *to, bool keep)
{
	struct node *n, *old = NULL;
	int err = from->dir->ops->lookup(from->dir, from->name, &n);

	if (err)
		return err;
	if (from->dir->device != to->dir->device || !from->dir->ops->rename)
		err = -EXDEV;
	else if (from->dir->read_only)
		err = -EROFS;
	else if (n->mounted || n->covers)
		err = -EBUSY;
	else if ((from->slash || to->slash) && !S_ISDIR(n->mode))
		err = -ENOTDIR;
	else if (S_ISDIR(n->mode) && inside(to->dir, n))
		err = -EINVAL;
	else if (!to->dir->nlink)
		err = -ENOENT;
	else
		err = may_replace(to, n, keep, &old);
	if (!err && old != n)
		err = from->dir->ops->rename(from->dir, from->name, to->dir,
					     to->name, n, old);
	node_put(old);
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
	err = fs_find_parent_at(fd, path, &a);
	if (err)
		return err == -EEXIST || err == -EINVAL ? -EBUSY : err;
	err = fs_find_parent_at(to_fd, to, &b);
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
