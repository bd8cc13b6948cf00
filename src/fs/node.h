/* SPDX-License-Identifier: ISC */
/*
 * The name space: nodes (files, directories, links, devices) and the paths that
 * lead to them.
 *
 *     path.c   "/a/b"  ->  node            links, .., mounts (mount.c)
 *     node     mode, times, node_ops       (here)
 *       |
 *     ram.c, tar.c, ext4*.c                contents, directories' entries
 *
 * Interface: a node is counted; whoever gets one from a function owns that
 * reference and gives it back with node_put. Operations get their directory
 * checked (it is one, the name is neither empty nor . nor .., at most NAME_MAX
 * bytes), and mounts and symbolic links resolved. Those of a RAM file system do
 * not block; a disk's may: what was looked up before may have changed by the
 * time that an operation runs, so it looks again itself (-EEXIST, -ENOENT,
 * -ENOTEMPTY), and memory that a program passed is to be asked for again
 * (user.h) before it is touched after a wait.
 */
#ifndef FATA_FS_NODE_H
#define FATA_FS_NODE_H

#include <libc/file.h>
#include <limits.h>

struct node;
struct statfs;

/* A component of a path; not ended by NUL. */
struct name {
	const char *text;
	size_t length;
};

/* What a new entry is to be. */
struct node_new {
	mode_t mode;
	uint64_t rdev;      /* of a device file */
	const char *target; /* a symbolic link's text */
};

struct node_ops {
	/* The entry of that name: 0 or -ENOENT, or the medium's error. */
	int (*lookup)(struct node *dir, struct name name, struct node **out);
	/* A new entry. 0, -EEXIST, -ENOSPC ... */
	int (*make)(struct node *dir, struct name name,
		    const struct node_new *what, struct node **out);
	/* A further name for a node of the same file system. */
	int (*link)(struct node *dir, struct name name, struct node *node);
	/* Take the entry away, if it is still that node's. */
	int (*unlink)(struct node *dir, struct name name, struct node *node);
	/*
	 * Move an entry, in place of one of the new name if there is one
	 * (`over`, of a kind that may be replaced; else NULL): both or neither,
	 * also when the power fails.
	 */
	int (*rename)(struct node *from, struct name old, struct node *to,
		      struct name new, struct node *node, struct node *over);
	/* 1, 0 or an error. */
	int (*empty)(struct node *dir);
	/* Entries but . and .. from cookie *pos (2: the first) on. */
	int (*list)(struct node *dir, struct dirent_sink *sink, uint64_t *pos);
	/* The text of a symbolic link, valid as long as the node. */
	const char *(*target)(struct node *link);
	/* (o) A file is about to be opened in this way (O_ACCMODE). */
	int (*open)(struct node *n, int flags);
	ssize_t (*read)(struct node *n, void *p, size_t size, uint64_t at);
	ssize_t (*write)(struct node *n, const void *p, size_t size,
			 uint64_t at);
	int (*truncate)(struct node *n, uint64_t size);
	/* (o) Take space for this part; the size stays. */
	int (*reserve)(struct node *n, uint64_t at, uint64_t size);
	/* (o) SEEK_DATA and SEEK_HOLE for at < size; else all is data. */
	off_t (*seek)(struct node *n, off_t at, int whence);
	/* (o) Fields of the node were changed (mode, owner, times). */
	int (*changed)(struct node *n);
	/*
	 * (o) Others change the medium, too: make the node's fields what they
	 * are there now. Such a medium notes itself that it was read.
	 */
	int (*refresh)(struct node *n);
	/* (o) Make the file durable; `data`: what is needed to read it back. */
	int (*sync)(struct node *n, bool data);
	/* (o) The same for all of the node's file system. */
	int (*sync_all)(struct node *n);
	/* (o) else that of a file system in memory */
	int (*statfs)(struct node *n, struct statfs *s);
	/* (o) Of a root: write everything and let go; the root is gone. */
	int (*unmount)(struct node *root);
	/* (o) bytes of the medium that the contents take */
	uint64_t (*space)(const struct node *n);
	/* The last reference has gone; nlink == 0: the contents too. */
	void (*release)(struct node *n);
};

struct node {
	const struct node_ops *ops;
	unsigned refs, nlink;
	uint64_t ino, size;
	unsigned device; /* st_dev: which file system */
	uint64_t rdev;   /* of a device file */
	mode_t mode;
	unsigned uid, gid;
	uint64_t atime, mtime, ctime; /* ns since 1970 */
	/* Of a directory: where it hangs. NULL in a root and when removed. */
	struct node *parent;
	/* The root of what is mounted on it; on that root, what it covers. */
	struct node *mounted, *covers;
	void *pipe;     /* of a FIFO that is open (pipe.c) */
	bool read_only; /* its file system */
};

/* For the hash tables of directories. */
uint32_t name_hash(struct name n);

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

/*
 * Note a change of contents (and so of the times), or of the node alone; and a
 * reading, of which as on Linux (relatime) only a first or a late one counts.
 */
void node_modified(struct node *n);
void node_changed(struct node *n);
void node_accessed(struct node *n);

/* The fields may have changed on the medium. 0 or its error. */
int node_refresh(struct node *n);

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

/*
 * Where a path of an ...at call starts: a reference to the node of the number,
 * or NULL when there is none.
 */
int path_base(int fd, struct node **base);

/* --- nodes as open files (open.c) ----------------------------------------- */

/* Open a node; the file owns a reference of its own. 0 or an error. */
int node_open(struct node *n, int flags, struct file **out);

/* --- file systems --------------------------------------------------------- */

/* The mode bits that new files do not get (info.c). */
unsigned umask_now(void);

/* What is behind a device's number (dev.c); -ENXIO. */
int dev_open(struct file *f, uint64_t rdev);

#endif
