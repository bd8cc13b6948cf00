/* SPDX-License-Identifier: ISC */
/*
 * ext4's changes of names, and its struct node_ops. Each change is one job on
 * the file system's task, and so lies in one transaction.
 *
 * What can fail for want of space is done first, so that a failure leaves
 * nothing behind; a failure after that means a broken disk, and the file system
 * is read-only from then on.
 */
#include <errno.h>
#include <fs/ext4.h>
#include <string.h>

/* What a job is about. */
struct args {
	struct ext4_node *dir, *to, *node, *over, *out;
	struct name name, new;
	const struct node_new *what;
};

static const char *target(struct node *n)
{
	return ext4_of(n)->target;
}

/* --- making --------------------------------------------------------------- */

static int check_dir(struct ext4_node *dir)
{
	int err = ext4_writable(dir->fs);

	if (!err && !dir->node.nlink)
		err = -ENOENT;
	return err ? err : ext4_dir_load(dir);
}

static int make_job(struct ext4 *e, void *arg)
{
	struct args *a = arg;
	ext2_ino_t ino;
	int err = check_dir(a->dir);

	if (!err && ext4_dir_find(a->dir, a->name))
		err = -EEXIST;
	if (!err && a->what->target && strlen(a->what->target) >= e->block_size)
		err = -ENAMETOOLONG;
	if (!err)
		err = ext4_new_space(e);
	if (err)
		return err;
	err = ext4_new_inode(e, a->dir->ino, a->what, &ino);
	if (!err)
		err = ext4_dir_add(a->dir, a->name, ino, a->what->mode);
	if (!err)
		err = ext4_node_new(e, ino, &a->out);
	if (err)
		return ext4_abort(e, err, "a file cannot be made");
	if (S_ISDIR(a->what->mode)) {
		a->dir->node.nlink++;
		ext4_set_parent(a->out, a->dir);
	}
	ext4_node_dirty(a->out, true);
	return 0;
}

static int make(struct node *dir, struct name name, const struct node_new *what,
		struct node **out)
{
	struct args a = {.dir = ext4_of(dir), .name = name, .what = what};
	int err = ext4_call(a.dir->fs, make_job, &a);

	if (!err)
		*out = &a.out->node;
	return err;
}

static int link_job(struct ext4 *e, void *arg)
{
	struct args *a = arg;
	int err = check_dir(a->dir);

	if (!err && ext4_dir_find(a->dir, a->name))
		err = -EEXIST;
	if (!err && !a->node->node.nlink)
		err = -ENOENT;
	if (!err && a->node->node.nlink >= 65000)
		err = -EMLINK;
	if (!err)
		err = ext4_new_space(e);
	if (err)
		return err;
	err = ext4_dir_add(a->dir, a->name, a->node->ino, a->node->node.mode);
	if (err)
		return ext4_abort(e, err, "a link cannot be made");
	a->node->node.nlink++;
	node_changed(&a->node->node);
	ext4_node_dirty(a->node, true);
	return 0;
}

static int make_link(struct node *dir, struct name name, struct node *node)
{
	struct args a = {
		.dir = ext4_of(dir), .name = name, .node = ext4_of(node)};

	return ext4_call(a.dir->fs, link_job, &a);
}

/* --- removing and renaming ------------------------------------------------ */

/* The node has one name less. */
static void drop_name(struct ext4_node *dir, struct ext4_node *n)
{
	if (S_ISDIR(n->node.mode)) {
		struct node *parent = n->node.parent;

		dir->node.nlink--;
		n->node.nlink = 0;
		n->node.parent = NULL;
		if (parent)
			node_put(parent);
	} else {
		n->node.nlink--;
	}
	node_changed(&n->node);
	ext4_node_dirty(n, true);
	if (!n->node.nlink)
		ext4_orphan_add(n);
}

/* The entry, if it is this node's still. */
static struct ext4_dent *entry_of(struct ext4_node *dir, struct name name,
				  const struct ext4_node *n)
{
	struct ext4_dent *d = ext4_dir_find(dir, name);

	return d && d->ino == n->ino ? d : NULL;
}

static int check_empty(struct ext4_node *n)
{
	int err = S_ISDIR(n->node.mode) ? ext4_dir_load(n) : 0;

	return err ? err : n->dir && n->dir->n ? -ENOTEMPTY : 0;
}

static int unlink_job(struct ext4 *e, void *arg)
{
	struct args *a = arg;
	struct ext4_dent *d;
	int err = check_dir(a->dir);

	if (!err)
		err = check_empty(a->node);
	if (err)
		return err;
	d = entry_of(a->dir, a->name, a->node);
	if (!d)
		return -ENOENT;
	err = ext4_dir_remove(a->dir, d);
	if (err)
		return ext4_abort(e, err, "a name cannot be removed");
	drop_name(a->dir, a->node);
	return 0;
}

static int unlink_name(struct node *dir, struct name name, struct node *node)
{
	struct args a = {
		.dir = ext4_of(dir), .name = name, .node = ext4_of(node)};

	return ext4_call(a.dir->fs, unlink_job, &a);
}

/* A directory hangs somewhere else now. */
static int move_up(struct ext4_node *n, struct ext4_node *from,
		   struct ext4_node *to)
{
	int err;

	if (!S_ISDIR(n->node.mode) || from == to)
		return 0;
	err = ext4_dir_set_up(n, to->ino);
	if (err)
		return err;
	from->node.nlink--;
	to->node.nlink++;
	n->node.parent = node_get(&to->node);
	node_put(&from->node);
	return 0;
}

/* Is `to` below n by now? Another may have moved it meanwhile. */
static bool below(const struct ext4_node *to, const struct ext4_node *n)
{
	for (const struct node *d = &to->node; d; d = d->parent)
		if (d == &n->node)
			return true;
	return false;
}

static int do_rename(struct ext4 *e, struct args *a)
{
	struct ext4_dent *d;
	int err;

	if (a->over) {
		d = ext4_dir_find(a->to, a->new);
		err = ext4_dir_set(a->to, d, a->node->ino, a->node->node.mode);
		if (!err)
			drop_name(a->to, a->over);
	} else {
		err = ext4_dir_add(a->to, a->new, a->node->ino,
				   a->node->node.mode);
	}
	if (!err)
		err = ext4_dir_load(a->dir); /* if memory was short */
	d = err ? NULL : ext4_dir_find(a->dir, a->name);
	if (!err)
		err = d ? ext4_dir_remove(a->dir, d) : -EUCLEAN;
	if (!err)
		err = move_up(a->node, a->dir, a->to);
	if (err)
		return ext4_abort(e, err, "a rename failed half-way");
	node_changed(&a->node->node);
	ext4_node_dirty(a->node, true);
	return 0;
}

static int rename_job(struct ext4 *e, void *arg)
{
	struct args *a = arg;
	struct ext4_dent *there;
	int err = check_dir(a->dir);

	if (!err)
		err = check_dir(a->to);
	if (!err && a->over)
		err = check_empty(a->over);
	if (!err)
		err = ext4_new_space(e);
	if (err)
		return err;
	there = ext4_dir_find(a->to, a->new);
	if (!entry_of(a->dir, a->name, a->node) ||
	    (a->over && (!there || there->ino != a->over->ino)))
		return -ENOENT;
	if (!a->over && there)
		return -EEXIST;
	if (S_ISDIR(a->node->node.mode) && below(a->to, a->node))
		return -EINVAL;
	/* who replaces a file by another wants that one's data to be there */
	if (a->over)
		cache_flush_start(&a->node->cached);
	return do_rename(e, a);
}

static int rename_entry(struct node *from, struct name old, struct node *to,
			struct name new, struct node *node, struct node *over)
{
	struct args a = {.dir = ext4_of(from),
			 .to = ext4_of(to),
			 .node = ext4_of(node),
			 .over = over ? ext4_of(over) : NULL,
			 .name = old,
			 .new = new};

	return ext4_call(a.dir->fs, rename_job, &a);
}

static int changed(struct node *n)
{
	struct ext4 *e = ext4_of(n)->fs;
	int err = ext4_writable(e);

	if (err)
		return err;
	ext4_node_dirty(ext4_of(n), false);
	ext4_bound_soon(e);
	return 0;
}

static uint64_t space(const struct node *n)
{
	return ((const struct ext4_node *)(const void *)n)->space;
}

const struct node_ops ext4_ops = {
	.lookup = ext4_lookup,
	.make = make,
	.link = make_link,
	.unlink = unlink_name,
	.rename = rename_entry,
	.empty = ext4_empty,
	.list = ext4_list,
	.target = target,
	.read = ext4_read,
	.write = ext4_write,
	.truncate = ext4_truncate,
	.reserve = ext4_reserve,
	.seek = ext4_seek,
	.changed = changed,
	.sync = ext4_sync,
	.sync_all = ext4_sync_all,
	.statfs = ext4_statfs,
	.unmount = ext4_unmount,
	.space = space,
	.release = ext4_node_release,
};
