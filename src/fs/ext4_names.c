/* SPDX-License-Identifier: ISC */
/*
 * ext4's operations on names (struct node_ops). Each change is one job on the
 * file system's task, and so lies in one transaction.
 *
 * What can fail for want of space is done first, so that a failure leaves
 * nothing behind; a failure after that means a broken disk, and the file system
 * is read-only from then on.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fs/ext4.h>
#include <string.h>

/* What a job is about. */
struct args {
	struct ext4_node *dir, *to, *node, *over, *out;
	struct name name, new;
	const struct node_new *what;
};

/* --- looking -------------------------------------------------------------- */

/* A directory has one parent, which stays as long as it is known. */
static int set_parent(struct ext4_node *n, struct ext4_node *dir)
{
	if (!S_ISDIR(n->node.mode))
		return 0;
	if (n == n->fs->root || n == dir ||
	    (n->node.parent && n->node.parent != &dir->node))
		return -EUCLEAN;
	if (!n->node.parent)
		n->node.parent = node_get(&dir->node);
	return 0;
}

static int get_child(struct ext4_node *dir, const struct ext4_dent *d,
		     struct ext4_node **out)
{
	int err = ext4_node_load(dir->fs, d->ino, out);

	if (err)
		return err;
	err = set_parent(*out, dir);
	if (err)
		node_put(&(*out)->node);
	return err;
}

static int lookup_job(struct ext4 *e, void *arg)
{
	struct args *a = arg;
	struct ext4_dent *d;
	int err = ext4_dir_load(a->dir);

	(void)e;
	if (err)
		return err;
	d = ext4_dir_find(a->dir, a->name);
	return d ? get_child(a->dir, d, &a->out) : -ENOENT;
}

static int lookup(struct node *dir, struct name name, struct node **out)
{
	struct args a = {.dir = ext4_of(dir), .name = name};
	int err;

	if (a.dir->dir) { /* perhaps all of it is known */
		struct ext4_dent *d = ext4_dir_find(a.dir, name);

		if (!d)
			return -ENOENT;
		a.out = ext4_node_find(a.dir->fs, d->ino);
		if (a.out && set_parent(a.out, a.dir)) {
			node_put(&a.out->node);
			return -EUCLEAN;
		}
	}
	err = a.out ? 0 : ext4_call(a.dir->fs, lookup_job, &a);
	if (!err)
		*out = &a.out->node;
	return err;
}

static int load_job(struct ext4 *e, void *arg)
{
	(void)e;
	return ext4_dir_load(arg);
}

static int empty(struct node *n)
{
	struct ext4_node *dir = ext4_of(n);
	int err = dir->dir ? 0 : ext4_call(dir->fs, load_job, dir);

	return err ? err : dir->dir->n == 0;
}

static mode_t mode_of(uint8_t type)
{
	static const mode_t modes[] = {0,       S_IFREG, S_IFDIR,  S_IFCHR,
				       S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};

	return type < 8 ? modes[type] : 0;
}

static int list(struct node *n, struct dirent_sink *sink, uint64_t *pos)
{
	struct ext4_node *dir = ext4_of(n);
	int err = dir->dir ? 0 : ext4_call(dir->fs, load_job, dir);
	struct ext4_dir *t = dir->dir;
	struct list *l;

	if (err)
		return err;
	if (t->last && t->last->cookie == *pos)
		l = t->last->link.next;
	else
		for (l = t->entries.next; l != &t->entries; l = l->next)
			if (list_entry(l, struct ext4_dent, link)->cookie >
			    *pos)
				break;
	for (; l != &t->entries; l = l->next) {
		struct ext4_dent *d = list_entry(l, struct ext4_dent, link);

		if (!sink_put(sink, d->ino, d->cookie, mode_of(d->type),
			      (struct name){d->name, d->length}))
			break;
		*pos = d->cookie;
		t->last = d;
	}
	return 0;
}

static const char *target(struct node *n)
{
	return ext4_of(n)->target;
}

/* --- making --------------------------------------------------------------- */

/* The fields of a new inode, but for what its contents need. */
static void new_fields(struct ext4 *e, struct ext2_inode_large *i,
		       const struct node_new *what)
{
	uint64_t now = clock_wall_ns();
	uint32_t s = (uint32_t)(now / FATA_NS_PER_S);
	uint32_t extra = (uint32_t)((now / FATA_NS_PER_S >> 32) & 3) |
			 (uint32_t)(now % FATA_NS_PER_S) << 2;

	memset(i, 0, sizeof(*i));
	i->i_mode = (uint16_t)what->mode;
	i->i_links_count = S_ISDIR(what->mode) ? 2 : 1;
	i->i_atime = i->i_mtime = i->i_ctime = s;
	if (EXT2_INODE_SIZE(e->fs->super) >= sizeof(*i)) {
		i->i_extra_isize = sizeof(*i) - EXT2_GOOD_OLD_INODE_SIZE;
		i->i_crtime = s;
		i->i_atime_extra = i->i_mtime_extra = i->i_ctime_extra =
			i->i_crtime_extra = extra;
	}
	if (S_ISCHR(what->mode) || S_ISBLK(what->mode)) {
		if (what->rdev < 65536)
			i->i_block[0] = (uint32_t)what->rdev;
		else
			i->i_block[1] = (uint32_t)what->rdev;
	} else if (ext2fs_has_feature_extents(e->fs->super) &&
		   (S_ISREG(what->mode) || S_ISDIR(what->mode))) {
		static const uint16_t header[] = {0xf30a, 0, 4, 0, 0, 0};

		i->i_flags |= EXT4_EXTENTS_FL;
		memcpy(i->i_block, header, sizeof(header));
	}
}

/* Give an inode its first block, of zeroes. */
static int add_block(struct ext4 *e, ext2_ino_t ino, struct ext2_inode_large *i,
		     blk64_t *block)
{
	struct ext2_inode *small = (struct ext2_inode *)i;
	errcode_t rc = ext2fs_alloc_block3(
		e->fs, ext2fs_find_inode_goal(e->fs, ino, small, 0), NULL,
		block, NULL);

	if (rc)
		return ext4_error(rc);
	rc = ext2fs_write_inode_full(e->fs, ino, small, sizeof(*i));
	if (!rc)
		rc = ext2fs_iblk_set(e->fs, small, 1);
	if (!rc)
		rc = ext2fs_bmap2(e->fs, ino, small, NULL, BMAP_SET, 0, NULL,
				  block);
	return ext4_error(rc);
}

static int fill_directory(struct ext4 *e, ext2_ino_t ino, ext2_ino_t up,
			  struct ext2_inode_large *i)
{
	blk64_t block;
	char *buf;
	int err = ext4_error(ext2fs_new_dir_block(e->fs, ino, up, &buf));

	if (err)
		return err;
	i->i_size = e->block_size;
	err = add_block(e, ino, i, &block);
	if (!err) /* its checksum needs the inode on the disk */
		err = ext4_error(ext2fs_write_inode_full(
			e->fs, ino, (struct ext2_inode *)i, sizeof(*i)));
	if (!err)
		err = ext4_error(
			ext2fs_write_dir_block4(e->fs, block, buf, 0, ino));
	ext2fs_free_mem(&buf);
	return err;
}

static int fill_link(struct ext4 *e, ext2_ino_t ino, const char *text,
		     struct ext2_inode_large *i)
{
	size_t n = strlen(text);
	blk64_t block;
	int err;

	if (n >= e->block_size)
		return -ENAMETOOLONG;
	i->i_size = (uint32_t)n;
	if (n < sizeof(i->i_block)) {
		memcpy(i->i_block, text, n);
		return 0;
	}
	if (ext2fs_has_feature_extents(e->fs->super)) {
		static const uint16_t header[] = {0xf30a, 0, 4, 0, 0, 0};

		i->i_flags |= EXT4_EXTENTS_FL;
		memcpy(i->i_block, header, sizeof(header));
	}
	err = add_block(e, ino, i, &block);
	return err ? err : ext4_buf_write(e, block * e->block_size, n, text);
}

/* Room for an inode, a directory's block, and what an entry may need. */
static int space_to_make(struct ext4 *e)
{
	struct ext2_super_block *s = e->fs->super;

	if (!s->s_free_inodes_count)
		return -ENOSPC;
	if (ext2fs_free_blocks_count(s) < e->promised + e->held_blocks + 16) {
		ext4_commit(e); /* what was freed is free then */
		if (ext2fs_free_blocks_count(s) < e->promised + 16)
			return -ENOSPC;
	}
	return 0;
}

static int new_inode(struct ext4 *e, struct args *a, ext2_ino_t *ino)
{
	bool directory = S_ISDIR(a->what->mode);
	struct ext2_inode_large i;
	int err = ext4_error(ext2fs_new_inode(e->fs, a->dir->ino,
					      (int)a->what->mode, NULL, ino));

	if (err)
		return err;
	new_fields(e, &i, a->what);
	ext2fs_inode_alloc_stats2(e->fs, *ino, 1, directory);
	ext4_group_dirty(e, ext2fs_group_of_ino(e->fs, *ino));
	if (directory)
		err = fill_directory(e, *ino, a->dir->ino, &i);
	else if (a->what->target)
		err = fill_link(e, *ino, a->what->target, &i);
	if (!err)
		err = ext4_error(ext2fs_write_inode_full(
			e->fs, *ino, (struct ext2_inode *)&i, sizeof(i)));
	return err;
}

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
		err = space_to_make(e);
	if (err)
		return err;
	err = new_inode(e, a, &ino);
	if (!err)
		err = ext4_dir_add(a->dir, a->name, ino, a->what->mode);
	if (!err)
		err = ext4_node_new(e, ino, &a->out);
	if (err)
		return ext4_abort(e, err, "a file cannot be made");
	if (S_ISDIR(a->what->mode)) {
		a->dir->node.nlink++;
		set_parent(a->out, a->dir);
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
		err = space_to_make(e);
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
		err = space_to_make(e);
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
	.lookup = lookup,
	.make = make,
	.link = make_link,
	.unlink = unlink_name,
	.rename = rename_entry,
	.empty = empty,
	.list = list,
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
