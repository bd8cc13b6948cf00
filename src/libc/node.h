/* SPDX-License-Identifier: ISC */
/*
 * The name space: nodes (files, directories, links, devices) and the paths that
 * lead to them.
 *
 *     path.c   "/a/b"  ->  node            links, .., mounts
 *     node     mode, times, node_ops       (here)
 *       |
 *     ram.c, a disk's file system, ...     contents, directories' entries
 *
 * Interface: a node is counted; whoever gets one from a function owns that
 * reference and gives it back with node_put. Operations get their directory
 * checked (it is one, the name is neither empty nor . nor .., at most NAME_MAX
 * bytes), and mounts and symbolic links resolved. Those of a RAM file system do
 * not block; a disk's may.
 */
#ifndef FATA_LIBC_NODE_H
#define FATA_LIBC_NODE_H

#include <libc/file.h>
#include <limits.h>

struct node;

/* A component of a path; not ended by NUL. */
struct name {
	const char *text;
	size_t length;
};

struct node_ops {
	/* The entry of that name: 0 or -ENOENT, or the medium's error. */
	int (*lookup)(struct node *dir, struct name name, struct node **out);
	/*
	 * A new entry; mode says what it is, target is a symbolic link's text.
	 * The name is known to be free. 0, -ENOSPC, -EROFS ...
	 */
	int (*make)(struct node *dir, struct name name, mode_t mode,
		    const char *target, struct node **out);
	/* A further name for a node of the same file system. */
	int (*link)(struct node *dir, struct name name, struct node *node);
	/* Take the entry away; a directory is known to be empty. */
	int (*unlink)(struct node *dir, struct name name, struct node *node);
	/* Move an entry; one of the new name has been unlinked before. */
	int (*rename)(struct node *from, struct name old, struct node *to,
		      struct name new, struct node *node);
	bool (*empty)(struct node *dir);
	/* Entries but . and .. from cookie *pos (2: the first) on. */
	int (*list)(struct node *dir, struct dirent_sink *sink, uint64_t *pos);
	/* The text of a symbolic link, valid as long as the node. */
	const char *(*target)(struct node *link);
	ssize_t (*read)(struct node *n, void *p, size_t size, uint64_t at);
	ssize_t (*write)(struct node *n, const void *p, size_t size,
			 uint64_t at);
	int (*truncate)(struct node *n, uint64_t size);
	int (*sync)(struct node *n);
	/* The last reference has gone; nlink == 0: the contents too. */
	void (*release)(struct node *n);
	bool read_only;
};

struct node {
	const struct node_ops *ops;
	unsigned refs, nlink;
	uint64_t ino, size;
	unsigned device; /* st_dev: which file system */
	uint64_t rdev;	 /* of a device file */
	mode_t mode;
	unsigned uid, gid;
	uint64_t atime, mtime, ctime; /* ns since 1970 */
	/* Of a directory: where it hangs. NULL in a root and when removed. */
	struct node *parent;
	/* The root of what is mounted on it; on that root, what it covers. */
	struct node *mounted, *covers;
	void *pipe; /* of a FIFO that is open (pipe.c) */
};

/* Set the common fields of a new node with one reference and one name. */
void node_init(struct node *n, const struct node_ops *ops, mode_t mode);

static inline struct node *node_get(struct node *n)
{
	n->refs++;
	return n;
}

void node_put(struct node *n);

/* What stat says. */
void node_stat(const struct node *n, struct stat *s);

/* Note a change of contents (and so of the times), or of the node alone. */
void node_modified(struct node *n);
void node_changed(struct node *n);

/* A number for st_dev of a new file system. */
unsigned node_new_device(void);

/* --- listing -------------------------------------------------------------- */

struct dirent_sink {
	char *p;
	size_t room, used;
};

/* Add one entry; false when there is no room: `next` is then not reached. */
bool sink_put(struct dirent_sink *s, uint64_t ino, uint64_t next, mode_t mode,
	      struct name name);

/* --- paths (path.c) ------------------------------------------------------- */

/* The root and the working directory; made at the first use. Borrowed. */
struct node *path_root(void);
struct node *path_cwd(void);
void path_set_cwd(struct node *dir);

/*
 * The node of a path that starts at `base` (NULL: an error if the path is not
 * absolute). follow: also a symbolic link at its end. 0, -ENOENT, -ENOTDIR,
 * -ELOOP, -ENAMETOOLONG, -ENOMEM.
 */
int path_find(struct node *base, const char *path, bool follow,
	      struct node **out);

/* The directory of a path's last component, which need not exist. */
struct path_end {
	struct node *dir;
	struct name name;
	bool slash; /* the path ends in /: only a directory will do */
	char *memory;
};

/* As path_find; -EEXIST for / and -EINVAL for an end in . or .. */
int path_find_parent(struct node *base, const char *path, struct path_end *e);
void path_end_free(struct path_end *e);

/* The path of a directory from the root; -ENOENT when it was removed. */
ssize_t path_of(struct node *dir, char *text, size_t size);

/* Put a file system's root over a directory. 0, -ENOTDIR, -EBUSY. */
int path_mount(const char *path, struct node *root);

/*
 * Where a path of an ...at call starts: a reference to the node of the number,
 * or NULL when there is none.
 */
int path_base(int fd, struct node **base);

/* --- nodes as open files (open.c) ----------------------------------------- */

/* Open a node; the file owns a reference of its own. 0 or an error. */
int node_open(struct node *n, int flags, struct file **out);

/* --- file systems --------------------------------------------------------- */

/* An empty RAM file system's root directory; NULL without memory. */
struct node *ram_new(void);

/* A read-only file of these bytes, which stay where they are. */
int ram_add_bytes(struct node *dir, const char *name, const void *data,
		  size_t size);

/* A device file. */
int ram_add_device(struct node *dir, const char *name, mode_t mode,
		   uint64_t rdev);

/* The mode bits that new files do not get (info.c). */
unsigned umask_now(void);

/* What is behind a device's number (dev.c); -ENXIO. */
int dev_open(struct file *f, uint64_t rdev);

#endif
