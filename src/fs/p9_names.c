/* SPDX-License-Identifier: ISC */
/*
 * Changes of a 9P folder's names, and its struct node_ops. Each is one request;
 * when the connection is lost before the reply nobody knows whether it was
 * done, and it is an error: only what was not sent is sent again.
 *
 * Interface: fs/p9.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/p9.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define REMOVE_DIR 0x200

/* A request about a directory that has been filled in but for its number. */
struct change {
	struct p9_node *dir;
	struct p9_fid *fid; /* the directory's */
};

static int begin(struct change *a, struct node *dir)
{
	a->dir = p9_of(dir);
	return p9_node_fid(a->dir, &a->fid);
}

static int finish(struct change *a, struct p9_call *c)
{
	int rc = c ? p9_call(a->dir->fs, c, a->fid->connection) : -ENOMEM;

	heap_free(c);
	p9_fid_put(a->fid);
	return rc;
}

/* --- making --------------------------------------------------------------- */

/* A file: the number that it is made with has it open. */
static int make_file(struct change *a, struct name name, mode_t mode,
		     struct p9_fid **open)
{
	static const struct name itself = {"", 0};
	struct p9_call *c =
		p9_call_new(P9_LCREATE, 16 + P9_NAME(name), P9_QID + 4);
	struct p9_fid *fid = NULL;
	uint64_t qid;
	int rc = c ? p9_walk(a->fid, itself, &fid, &qid) : -ENOMEM;

	if (!rc) {
		p9_put(c, fid->number, 4);
		p9_put_name(c, name);
		p9_put(c, O_RDWR | O_CREAT | O_EXCL, 4);
		p9_put(c, mode & 07777, 4);
		p9_put(c, 0, 4);
		rc = p9_call(a->dir->fs, c, a->fid->connection);
	}
	if (!rc) {
		p9_get_qid(c, &qid);
		fid->iounit = (uint32_t)p9_get(c, 4);
		fid->reads = fid->writes = true;
		rc = p9_reply(a->dir->fs, c);
	}
	if (rc)
		p9_fid_put(fid);
	else
		*open = fid;
	heap_free(c);
	p9_fid_put(a->fid);
	return rc;
}

static int make_other(struct change *a, struct name name,
		      const struct node_new *what)
{
	struct name target = {what->target,
			      what->target ? strlen(what->target) : 0};
	enum p9_type type = S_ISDIR(what->mode)	  ? P9_MKDIR
			    : S_ISLNK(what->mode) ? P9_SYMLINK
						  : P9_MKNOD;
	struct p9_call *c = p9_call_new(
		type, 20 + P9_NAME(name) + P9_NAME(target), P9_QID);

	if (c) {
		p9_put(c, a->fid->number, 4);
		p9_put_name(c, name);
		if (type == P9_SYMLINK)
			p9_put_name(c, target);
		else
			p9_put(c, what->mode & (S_IFMT | 07777), 4);
		if (type == P9_MKNOD) {
			p9_put(c, major(what->rdev), 4);
			p9_put(c, minor(what->rdev), 4);
		}
		p9_put(c, 0, 4); /* the group: root */
	}
	return finish(a, c);
}

static int make(struct node *dir, struct name name, const struct node_new *what,
		struct node **out)
{
	struct p9_node *n = NULL;
	struct p9_fid *open = NULL;
	struct change a;
	unsigned tries = 0;
	int rc;

	do {
		rc = begin(&a, dir);
		if (rc)
			continue;
		rc = S_ISREG(what->mode)
			     ? make_file(&a, name, what->mode, &open)
			     : make_other(&a, name, what);
	} while (p9_again(&rc, &tries, false));
	if (rc || !open)
		return rc ? rc : p9_lookup(dir, name, out);
	rc = p9_adopt(p9_of(dir), name, open, &n);
	if (rc == P9_AGAIN || rc == P9_LOST) /* it was made all the same */
		return p9_lookup(dir, name, out);
	if (!rc)
		*out = &n->node;
	return rc;
}

static int make_link(struct node *dir, struct name name, struct node *node)
{
	struct p9_call *c;
	struct p9_fid *fid;
	struct change a;
	unsigned tries = 0;
	int rc;

	do {
		rc = p9_node_fid(p9_of(node), &fid);
		if (rc)
			continue;
		rc = begin(&a, dir);
		if (!rc && a.fid->connection == fid->connection) {
			c = p9_call_new(P9_LINK, 8 + P9_NAME(name), 0);
			if (c) {
				p9_put(c, a.fid->number, 4);
				p9_put(c, fid->number, 4);
				p9_put_name(c, name);
			}
			rc = finish(&a, c);
		} else if (!rc) {
			p9_fid_put(a.fid);
			rc = P9_AGAIN;
		}
		p9_fid_put(fid);
	} while (p9_again(&rc, &tries, false));
	if (!rc)
		node->nlink++;
	return rc;
}

/* --- removing and renaming ------------------------------------------------ */

static int unlink_name(struct node *dir, struct name name, struct node *node)
{
	struct p9_call *c;
	struct change a;
	unsigned tries = 0;
	int rc;

	do {
		rc = begin(&a, dir);
		if (rc)
			continue;
		c = p9_call_new(P9_UNLINKAT, 8 + P9_NAME(name), 0);
		if (c) {
			p9_put(c, a.fid->number, 4);
			p9_put_name(c, name);
			p9_put(c, S_ISDIR(node->mode) ? REMOVE_DIR : 0, 4);
		}
		rc = finish(&a, c);
	} while (p9_again(&rc, &tries, false));
	if (!rc)
		p9_unplace(p9_of(node));
	return rc;
}

static int rename_once(struct node *from, struct name old, struct node *to,
		       struct name new)
{
	struct p9_call *c;
	struct change a, b;
	int rc = begin(&a, from);

	if (rc)
		return rc;
	rc = begin(&b, to);
	if (rc || a.fid->connection != b.fid->connection) {
		if (!rc)
			p9_fid_put(b.fid);
		p9_fid_put(a.fid);
		return rc ? rc : P9_AGAIN;
	}
	c = p9_call_new(P9_RENAMEAT, 8 + P9_NAME(old) + P9_NAME(new), 0);
	if (c) {
		p9_put(c, a.fid->number, 4);
		p9_put_name(c, old);
		p9_put(c, b.fid->number, 4);
		p9_put_name(c, new);
	}
	rc = finish(&a, c);
	p9_fid_put(b.fid);
	return rc;
}

static int rename_entry(struct node *from, struct name old, struct node *to,
			struct name new, struct node *node, struct node *over)
{
	unsigned tries = 0;
	int rc;

	do
		rc = rename_once(from, old, to, new);
	while (p9_again(&rc, &tries, false));
	if (rc)
		return rc;
	if (over && over != node)
		p9_unplace(p9_of(over));
	/* without memory it is found by its old name, and so not at all */
	p9_place(p9_of(node), p9_of(to), new);
	return 0;
}

/* --- the rest ------------------------------------------------------------- */

static const char *target(struct node *n)
{
	return p9_of(n)->target;
}

static uint64_t space(const struct node *n)
{
	return ((const struct p9_node *)(const void *)n)->space;
}

static int statfs_once(struct p9_node *n, struct statfs *s)
{
	struct p9_call *c;
	struct p9_fid *fid;
	uint64_t id;
	int rc = p9_node_fid(n, &fid);

	if (rc)
		return rc;
	c = p9_call_new(P9_STATFS, 4, 60);
	rc = -ENOMEM;
	if (c) {
		p9_put(c, fid->number, 4);
		rc = p9_call(n->fs, c, fid->connection);
	}
	if (!rc) {
		s->f_type = (unsigned long)p9_get(c, 4);
		s->f_bsize = s->f_frsize = (unsigned long)p9_get(c, 4);
		s->f_blocks = p9_get(c, 8);
		s->f_bfree = p9_get(c, 8);
		s->f_bavail = p9_get(c, 8);
		s->f_files = p9_get(c, 8);
		s->f_ffree = p9_get(c, 8);
		id = p9_get(c, 8);
		memcpy(&s->f_fsid, &id, sizeof(id));
		s->f_namelen = (unsigned long)p9_get(c, 4);
		rc = p9_reply(n->fs, c);
	}
	heap_free(c);
	p9_fid_put(fid);
	return rc;
}

static int p9_statfs(struct node *n, struct statfs *s)
{
	unsigned tries = 0;
	int rc;

	do
		rc = statfs_once(p9_of(n), s);
	while (p9_again(&rc, &tries, true));
	return rc;
}

const struct node_ops p9_ops = {
	.lookup = p9_lookup,
	.make = make,
	.link = make_link,
	.unlink = unlink_name,
	.rename = rename_entry,
	.empty = p9_empty,
	.list = p9_list,
	.target = target,
	.open = p9_open,
	.read = p9_read,
	.write = p9_write,
	.truncate = p9_truncate,
	.changed = p9_changed,
	.refresh = p9_refresh,
	.sync = p9_sync,
	.statfs = p9_statfs,
	.unmount = p9_unmount,
	.space = space,
	.release = p9_release,
};
