/* SPDX-License-Identifier: ISC */
/*
 * Nodes as open files, and the calls that open them.
 */
#include <errno.h>
#include <fata/sync.h>
#include <fs/node.h>
#include <libc/pipe.h>
#include <libc/resolv.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <string.h>

/* Not in programs without sockets. */
#pragma weak resolv_prepare

/* What fcntl(F_GETFL) tells later. */
#define KEPT                                                                   \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_PATH | O_DIRECTORY | O_SYNC)

static ssize_t node_file_read(struct file *f, void *p, size_t n, uint64_t *pos)
{
	ssize_t r = f->node->ops->read(f->node, p, n, *pos);

	if (r > 0)
		*pos += (uint64_t)r;
	if (r >= 0)
		node_accessed(f->node);
	return r;
}

/*
 * Where the end is, and writing there, are one: a disk or a folder may wait in
 * between, and another one's data would be written over. Few nodes share one.
 */
static struct mutex *append_lock(const struct node *n)
{
	static struct mutex locks[16];

	return &locks[(uintptr_t)n / sizeof(*n) % 16];
}

static ssize_t append(struct node *n, const void *p, size_t size, uint64_t *pos)
{
	struct mutex *lock = append_lock(n);
	ssize_t r = mutex_lock(lock, FATA_FOREVER);

	if (r)
		return r == -ECANCELED ? -EINTR : r;
	r = node_refresh(n);
	if (!r && !user_readable(p, size))
		r = -EFAULT; /* it may have waited */
	if (!r) {
		*pos = n->size;
		r = n->ops->write(n, p, size, *pos);
	}
	mutex_unlock(lock);
	return r;
}

static ssize_t node_file_write(struct file *f, const void *p, size_t n,
			       uint64_t *pos)
{
	ssize_t r;
	int err = 0;

	if (!f->node->ops->write)
		return -EROFS;
	r = f->flags & O_APPEND ? append(f->node, p, n, pos)
				: f->node->ops->write(f->node, p, n, *pos);
	if (r > 0)
		*pos += (uint64_t)r;
	if (r > 0 && f->flags & O_DSYNC && f->node->ops->sync)
		err = f->node->ops->sync(f->node,
					 (f->flags & O_SYNC) != O_SYNC);
	return err ? err : r;
}

#ifndef SEEK_DATA
#define SEEK_DATA 3
#define SEEK_HOLE 4
#endif

static off_t node_file_seek(struct file *f, off_t offset, int whence)
{
	off_t size, from;
	int err = whence > SEEK_CUR ? node_refresh(f->node) : 0;

	if (err)
		return err;
	size = (off_t)f->node->size;
	switch (whence) {
	case SEEK_SET:
		from = 0;
		break;
	case SEEK_CUR:
		from = (off_t)f->pos;
		break;
	case SEEK_END:
		from = size;
		break;
	case SEEK_DATA: /* all of a file is data, but for the hole at its end */
	case SEEK_HOLE:
		if (offset < 0 || offset >= size)
			return -ENXIO;
		if (f->node->ops->seek)
			return f->node->ops->seek(f->node, offset, whence);
		return whence == SEEK_DATA ? offset : size;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(from, offset, &offset))
		return -EOVERFLOW;
	return offset < 0 ? -EINVAL : offset;
}

static int node_file_stat(struct file *f, struct stat *s)
{
	int err = node_refresh(f->node);

	if (!err && !user_writable(s, sizeof(*s))) /* it may have waited */
		err = -EFAULT;
	if (!err)
		node_stat(f->node, s);
	return err;
}

static int node_file_truncate(struct file *f, uint64_t size)
{
	if (!f->node->ops->truncate)
		return -EROFS;
	return f->node->ops->truncate(f->node, size);
}

static int node_file_sync(struct file *f, bool data)
{
	return f->node->ops->sync ? f->node->ops->sync(f->node, data) : 0;
}

static int node_file_list(struct file *f, struct dirent_sink *sink,
			  uint64_t *pos)
{
	struct node *n = f->node, *up = n;

	if (!n->nlink)
		return -ENOENT;
	while (up->covers)
		up = up->covers;
	up = up->parent ? up->parent : up;
	if (*pos == 0) {
		if (!sink_put(sink, n->ino, 1, S_IFDIR, (struct name){".", 1}))
			return 0;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!sink_put(sink, up->ino, 2, S_IFDIR,
			      (struct name){"..", 2}))
			return 0;
		*pos = 2;
	}
	return n->ops->list(n, sink, pos);
}

static void node_file_close(struct file *f)
{
	node_put(f->node);
}

static const struct file_ops regular_ops = {
	.read = node_file_read,
	.write = node_file_write,
	.seek = node_file_seek,
	.stat = node_file_stat,
	.truncate = node_file_truncate,
	.sync = node_file_sync,
	.close = node_file_close,
	.seekable = true,
};

static const struct file_ops directory_ops = {
	.seek = node_file_seek,
	.stat = node_file_stat,
	.list = node_file_list,
	.sync = node_file_sync,
	.close = node_file_close,
};

/* Open, but for naming only (O_PATH), or what cannot be read. */
static const struct file_ops path_ops = {
	.stat = node_file_stat,
	.close = node_file_close,
};

/* What is not a plain file decides itself what its operations are. */
static int open_special(struct node *n, struct file *f)
{
	if (S_ISFIFO(n->mode))
		return pipe_open_node(n, f);
	if (S_ISCHR(n->mode))
		return dev_open(f, n->rdev);
	return -ENXIO;
}

int node_open(struct node *n, int flags, struct file **out)
{
	const struct file_ops *ops = flags & O_PATH	? &path_ops
				     : S_ISREG(n->mode) ? &regular_ops
				     : S_ISDIR(n->mode) ? &directory_ops
							: NULL;
	struct file *f = file_new(ops ? ops : &path_ops, flags & KEPT, NULL);
	int err;

	if (!f)
		return -ENOMEM;
	f->node = node_get(n);
	err = ops ? 0 : open_special(n, f);
	if (err) {
		f->ops = &path_ops;
		file_put(f);
		return err;
	}
	*out = f;
	return 0;
}

/* May this node be opened in this way? Then truncate it, if asked. */
static int check_open(struct node *n, int flags, bool created)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY;
	int err = 0;

	if (flags & O_PATH)
		return flags & O_DIRECTORY && !S_ISDIR(n->mode) ? -ENOTDIR : 0;
	if (S_ISLNK(n->mode))
		return -ELOOP;
	if (flags & O_DIRECTORY && !S_ISDIR(n->mode))
		return -ENOTDIR;
	if (S_ISDIR(n->mode) && (write || flags & O_CREAT))
		return -EISDIR;
	if (write && S_ISREG(n->mode) && n->read_only)
		return -EROFS;
	if (n->ops->open && S_ISREG(n->mode))
		err = n->ops->open(n, flags);
	if (!err && flags & O_TRUNC && write && S_ISREG(n->mode) && !created &&
	    n->ops->truncate)
		err = n->ops->truncate(n, 0);
	return err;
}

/* Find the node, or make it. */
static int find_or_make(struct node *base, const char *path, int flags,
			mode_t mode, struct node **n, bool *created)
{
	bool follow = !(flags & O_NOFOLLOW) &&
		      (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	struct node_new what = {
		.mode = S_IFREG | (mode & 07777 & ~umask_now())};
	struct path_end e;
	int err = path_find(base, path, follow, n);

	if (!(flags & O_CREAT) || flags & O_PATH)
		return err;
	if (!err && flags & O_EXCL) {
		node_put(*n);
		return -EEXIST;
	}
	if (err != -ENOENT)
		return err;
	err = path_find_parent(base, path, &e);
	if (err)
		return err;
	if (e.slash)
		err = -EISDIR;
	else if (e.dir->read_only)
		err = -EROFS;
	else if (!e.dir->nlink) /* removed, and somebody is in it */
		err = -ENOENT;
	else if (!e.dir->ops->lookup(e.dir, e.name, n))
		err = -ENOENT; /* a symbolic link to nowhere */
	else
		err = e.dir->ops->make(e.dir, e.name, &what, n);
	*created = !err;
	path_end_free(&e);
	return err;
}

static long open_from(struct node *base, const char *path, int flags,
		      mode_t mode)
{
	bool created = false;
	struct file *f;
	struct node *n;
	int err, tries = 0;

	do { /* another may make it, or remove it, while a disk is read */
		err = find_or_make(base, path, flags, mode, &n, &created);
	} while (err == -EEXIST && !(flags & O_EXCL) && ++tries < 8);

	if (err)
		return err;
	err = check_open(n, flags, created);
	if (!err)
		err = node_open(n, flags, &f);
	node_put(n);
	return err ? err : fd_add(f, 0, flags & O_CLOEXEC);
}

#define TMPFILE_BIT 020000000 /* O_TMPFILE without O_DIRECTORY */

/* A file without a name in the file system of that directory. */
static long open_nameless(struct node *base, const char *path, int flags,
			  mode_t mode)
{
	static unsigned count;
	struct node_new what = {.mode = S_IFREG | (mode & 07777)};
	char text[] = "\1tmpfile00000000";
	struct name name = {text, sizeof(text) - 1};
	struct node *dir, *n;
	struct file *f;
	int err = path_find(base, path, true, &dir);

	if (err)
		return err;
	/* no other of this moment has the same */
	for (unsigned i = 8, c = count++; i < 16; i++, c >>= 4)
		text[i] = (char)('a' + (c & 15));
	if (!S_ISDIR(dir->mode) || (flags & O_ACCMODE) == O_RDONLY)
		err = S_ISDIR(dir->mode) ? -EINVAL : -ENOTDIR;
	else if (dir->read_only)
		err = -EROFS;
	else
		err = dir->ops->make(dir, name, &what, &n);
	if (!err) {
		dir->ops->unlink(dir, name, n);
		err = node_open(n, flags, &f);
		node_put(n);
	}
	node_put(dir);
	return err ? err : fd_add(f, 0, flags & O_CLOEXEC);
}

int path_base(int fd, struct node **base)
{
	struct file *f;

	if (fd == AT_FDCWD) {
		*base = path_cwd() ? node_get(path_cwd()) : NULL;
		return *base ? 0 : -ENOMEM;
	}
	f = fd_get(fd);
	*base = f && f->node ? node_get(f->node) : NULL;
	if (f)
		file_put(f);
	return 0; /* an absolute path does without */
}

long sys_openat(int fd, const char *path, int flags, mode_t mode)
{
	ssize_t n = user_string(path, PATH_MAX);
	struct node *base;
	long r;

	if (n < 0)
		return n;
	if (resolv_prepare && !strcmp(path, RESOLV_CONF)) {
		resolv_prepare();
		n = user_string(path, PATH_MAX); /* after a wait */
		if (n < 0)
			return n;
	}
	r = path_base(fd, &base);
	if (r)
		return r;
	if (flags & TMPFILE_BIT)
		r = open_nameless(base, path, flags, mode);
	else
		r = open_from(base, path, flags, mode);
	node_put(base);
	return r;
}

long sys_open(const char *path, int flags, mode_t mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

long sys_creat(const char *path, mode_t mode)
{
	return sys_open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
