/* SPDX-License-Identifier: ISC */
/*
 * ext4's nodes: what is kept in memory of an inode, and its way back.
 *
 *     hash table   ino -> node, as long as there is one
 *     idle         nodes that nobody holds; the oldest go, if they are clean
 *     dirty        nodes whose inode the next commit writes
 *     orphans      nodes without a name that somebody holds: on the disk a
 *                  chain from the superblock through i_dtime, so that after a
 *                  power cut what they take can be given back
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fs/ext4.h>
#include <string.h>

FATA_LOG_SOURCE("ext4");

#define IDLE_MOST  1024
#define SECOND     FATA_NS_PER_S
#define LINKS_MOST 65000

static struct list *bucket(struct ext4 *e, ext2_ino_t ino)
{
	return &e->nodes[ino & 1023];
}

struct ext4_node *ext4_node_find(struct ext4 *e, ext2_ino_t ino)
{
	list_for_each(l, bucket(e, ino))
	{
		struct ext4_node *n = list_entry(l, struct ext4_node, hash);

		if (n->ino != ino)
			continue;
		if (!n->node.refs++) {
			list_remove(&n->idle);
			list_init(&n->idle);
			e->n_idle--;
		}
		return n;
	}
	return NULL;
}

/* --- times ---------------------------------------------------------------- */

/* Seconds with two bits more in `extra`, whose others are nanoseconds. */
static uint64_t time_of(uint32_t seconds, uint32_t extra, bool has_extra)
{
	int64_t s = (int32_t)seconds;

	if (!has_extra)
		return s < 0 ? 0 : (uint64_t)s * SECOND;
	s += (int64_t)(extra & 3) << 32;
	if (s < 0 || extra >> 2 >= SECOND)
		return 0;
	return (uint64_t)s * SECOND + (extra >> 2);
}

static void set_time(uint64_t ns, uint32_t *seconds, uint32_t *extra)
{
	int64_t s = (int64_t)(ns / SECOND);

	*seconds = (uint32_t)s;
	if (extra)
		*extra = (uint32_t)((s - (int32_t)s) >> 32 & 3) |
			 (uint32_t)(ns % SECOND) << 2;
}

static bool has_extra(const struct ext4 *e, const struct ext2_inode_large *i)
{
	return EXT2_INODE_SIZE(e->fs->super) >= sizeof(*i) &&
	       i->i_extra_isize >= 24;
}

/* --- from the disk -------------------------------------------------------- */

static int read_inode(struct ext4 *e, ext2_ino_t ino,
		      struct ext2_inode_large *i)
{
	memset(i, 0, sizeof(*i));
	return ext4_error(ext2fs_read_inode_full(
		e->fs, ino, (struct ext2_inode *)i, sizeof(*i)));
}

static int read_target(struct ext4_node *n, struct ext2_inode_large *i)
{
	struct ext4 *e = n->fs;
	uint64_t size = n->node.size;
	blk64_t block;
	int err = 0;

	if (!size || size >= PATH_MAX || size >= e->block_size)
		return -EUCLEAN;
	n->target = heap_calloc(1, size + 1);
	if (!n->target)
		return -ENOMEM;
	if (ext2fs_is_fast_symlink((struct ext2_inode *)i)) {
		if (size >= sizeof(i->i_block))
			return -EUCLEAN;
		memcpy(n->target, i->i_block, size);
	} else {
		err = ext4_error(ext2fs_bmap2(e->fs, n->ino,
					      (struct ext2_inode *)i, NULL, 0,
					      0, NULL, &block));
		if (!err)
			err = block ? ext4_buf_read(e, block * e->block_size,
						    size, n->target)
				    : -EUCLEAN;
	}
	if (!err && strlen(n->target) != size)
		err = -EUCLEAN;
	return err;
}

static void copy_fields(struct ext4_node *n, const struct ext2_inode_large *i)
{
	struct ext4 *e = n->fs;
	bool more = has_extra(e, i);
	uint32_t old = i->i_block[0], new = i->i_block[1];

	n->node.mode = i->i_mode;
	n->node.nlink = i->i_links_count;
	n->node.uid = i->i_uid | (unsigned)i->osd2.linux2.l_i_uid_high << 16;
	n->node.gid = i->i_gid | (unsigned)i->osd2.linux2.l_i_gid_high << 16;
	n->node.size = i->i_size;
	if (S_ISREG(i->i_mode) || S_ISDIR(i->i_mode))
		n->node.size |= (uint64_t)i->i_size_high << 32;
	n->node.atime = time_of(i->i_atime, i->i_atime_extra, more);
	n->node.mtime = time_of(i->i_mtime, i->i_mtime_extra, more);
	n->node.ctime = time_of(i->i_ctime, i->i_ctime_extra, more);
	if (S_ISCHR(i->i_mode) || S_ISBLK(i->i_mode))
		n->node.rdev = old ? (old & 0xffff) : new;
	n->space =
		ext2fs_get_stat_i_blocks(e->fs, (struct ext2_inode *)i) * 512;
	n->disk_size = n->node.size;
	n->cached.size = n->node.size;
}

static int check_fields(const struct ext4_node *n,
			const struct ext2_inode_large *i)
{
	switch (i->i_mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	default:
		return -EUCLEAN;
	}
	if (n->node.size > INT64_MAX / 2)
		return -EUCLEAN;
	if (S_ISDIR(i->i_mode) && n->node.size % n->fs->block_size)
		return -EUCLEAN;
	if (i->i_flags & (EXT4_INLINE_DATA_FL | EXT4_ENCRYPT_FL |
			  EXT4_VERITY_FL | EXT4_EA_INODE_FL))
		return -EOPNOTSUPP;
	return 0;
}

static struct ext4_node *new_node(struct ext4 *e, ext2_ino_t ino)
{
	struct ext4_node *n = heap_calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->node.ops = &ext4_ops;
	n->node.refs = 1;
	n->node.ino = ino;
	n->node.device = e->device;
	n->node.read_only = ext4_writable(e) != 0;
	n->fs = e;
	n->ino = ino;
	cache_init(&n->cached, &ext4_cached, e->disk);
	list_init(&n->idle);
	list_init(&n->dirty);
	list_init(&n->orphans);
	list_add_first(bucket(e, ino), &n->hash);
	e->n_nodes++;
	return n;
}

static void set_clean(struct ext4_node *n)
{
	if (list_empty(&n->dirty))
		return;
	list_remove(&n->dirty);
	list_init(&n->dirty);
	n->fs->n_dirty_nodes--;
}

static void free_node(struct ext4_node *n)
{
	struct ext4 *e = n->fs;
	struct node *parent = n->node.parent;

	list_remove(&n->hash);
	set_clean(n);
	ext4_dir_free(n);
	heap_free(n->target);
	heap_free(n);
	e->n_nodes--;
	if (parent)
		node_put(parent);
}

static int load(struct ext4 *e, ext2_ino_t ino, bool nameless,
		struct ext4_node **out)
{
	struct ext2_inode_large i;
	struct ext4_node *n;
	int err;

	n = ext4_node_find(e, ino);
	if (n) {
		*out = n;
		return 0;
	}
	if (!ino || ino > e->fs->super->s_inodes_count ||
	    (ino < EXT2_FIRST_INODE(e->fs->super) && ino != EXT2_ROOT_INO))
		return -EUCLEAN;
	err = read_inode(e, ino, &i);
	if (err)
		return err;
	if (!i.i_links_count && !nameless)
		return -EUCLEAN;
	n = new_node(e, ino);
	if (!n)
		return -ENOMEM;
	copy_fields(n, &i);
	err = check_fields(n, &i);
	if (!err && S_ISLNK(i.i_mode))
		err = read_target(n, &i);
	if (err) {
		free_node(n);
		return err;
	}
	*out = n;
	return 0;
}

int ext4_node_load(struct ext4 *e, ext2_ino_t ino, struct ext4_node **out)
{
	return load(e, ino, false, out);
}

int ext4_node_new(struct ext4 *e, ext2_ino_t ino, struct ext4_node **out)
{
	return load(e, ino, false, out);
}

int ext4_node_refresh(struct ext4_node *n)
{
	struct ext2_inode_large i;
	int err = read_inode(n->fs, n->ino, &i);

	if (err)
		return err;
	n->space =
		ext2fs_get_stat_i_blocks(n->fs->fs, (struct ext2_inode *)&i) *
		512;
	if (S_ISDIR(n->node.mode)) {
		n->node.size = i.i_size | (uint64_t)i.i_size_high << 32;
		n->disk_size = n->node.size;
	}
	return 0;
}

/* --- to the disk ---------------------------------------------------------- */

void ext4_node_dirty(struct ext4_node *n, bool data)
{
	struct ext4 *e = n->fs;

	n->tid = e->tid;
	if (data)
		n->data_tid = e->tid;
	if (!list_empty(&n->dirty))
		return;
	list_add_last(&e->dirty_nodes, &n->dirty);
	e->n_dirty_nodes++;
}

static int write_node(struct ext4_node *n)
{
	struct ext4 *e = n->fs;
	struct ext2_inode_large i;
	bool more;
	int err = read_inode(e, n->ino, &i);

	if (err)
		return err;
	more = has_extra(e, &i);
	i.i_mode = (uint16_t)n->node.mode;
	i.i_uid = (uint16_t)n->node.uid;
	i.i_gid = (uint16_t)n->node.gid;
	i.osd2.linux2.l_i_uid_high = (uint16_t)(n->node.uid >> 16);
	i.osd2.linux2.l_i_gid_high = (uint16_t)(n->node.gid >> 16);
	i.i_links_count = (uint16_t)n->node.nlink;
	if (S_ISDIR(n->node.mode) && n->node.nlink >= LINKS_MOST)
		i.i_links_count = 1;
	if (S_ISREG(n->node.mode)) {
		i.i_size = (uint32_t)n->disk_size;
		i.i_size_high = (uint32_t)(n->disk_size >> 32);
		if (n->disk_size >> 31)
			ext2fs_set_feature_large_file(e->fs->super);
	}
	set_time(n->node.atime, &i.i_atime, more ? &i.i_atime_extra : NULL);
	set_time(n->node.mtime, &i.i_mtime, more ? &i.i_mtime_extra : NULL);
	set_time(n->node.ctime, &i.i_ctime, more ? &i.i_ctime_extra : NULL);
	i.i_dtime = n->orphan ? n->next_orphan : 0;
	return ext4_error(ext2fs_write_inode_full(
		e->fs, n->ino, (struct ext2_inode *)&i, sizeof(i)));
}

int ext4_nodes_write(struct ext4 *e)
{
	int err = 0;

	while (!list_empty(&e->dirty_nodes) && !err) {
		struct ext4_node *n = list_entry(e->dirty_nodes.next,
						 struct ext4_node, dirty);

		err = write_node(n);
		set_clean(n);
	}
	return err;
}

/* --- without a name ------------------------------------------------------- */

void ext4_orphan_add(struct ext4_node *n)
{
	struct ext4 *e = n->fs;

	if (n->orphan)
		return;
	n->orphan = true;
	n->next_orphan = e->fs->super->s_last_orphan;
	e->fs->super->s_last_orphan = n->ino;
	ext2fs_mark_super_dirty(e->fs);
	list_add_first(&e->orphans, &n->orphans);
	ext4_node_dirty(n, false);
}

/* Out of the chain: the one before it is the next in the list's order. */
static void orphan_remove(struct ext4_node *n)
{
	struct ext4 *e = n->fs;

	if (!n->orphan)
		return;
	if (n->orphans.prev == &e->orphans) {
		e->fs->super->s_last_orphan = n->next_orphan;
		ext2fs_mark_super_dirty(e->fs);
	} else {
		struct ext4_node *before =
			list_entry(n->orphans.prev, struct ext4_node, orphans);

		before->next_orphan = n->next_orphan;
		ext4_node_dirty(before, false);
	}
	list_remove(&n->orphans);
	list_init(&n->orphans);
	n->orphan = false;
}

/* Its last name and its last user have gone. */
static int delete_inode(struct ext4 *e, struct ext4_node *n)
{
	bool directory = S_ISDIR(n->node.mode);
	struct ext2_inode_large i;
	int err;

	cache_drop(&n->cached);
	orphan_remove(n);
	err = ext4_punch(n, 0);
	if (!err)
		err = read_inode(e, n->ino, &i);
	if (!err && ext2fs_file_acl_block(e->fs, (struct ext2_inode *)&i))
		err = ext4_error(ext2fs_free_ext_attr(e->fs, n->ino, &i));
	if (err)
		return err;
	i.i_links_count = 0;
	i.i_size = i.i_size_high = 0;
	i.i_dtime = (uint32_t)(clock_wall_ns() / SECOND);
	err = ext4_error(ext2fs_write_inode_full(
		e->fs, n->ino, (struct ext2_inode *)&i, sizeof(i)));
	if (err)
		return err;
	ext2fs_inode_alloc_stats2(e->fs, n->ino, -1, directory);
	ext4_group_dirty(e, ext2fs_group_of_ino(e->fs, n->ino));
	return 0;
}

static int release_job(struct ext4 *e, void *arg)
{
	struct ext4_node *n = arg;
	int err = 0;

	if (!ext4_writable(e))
		err = delete_inode(e, n);
	else
		cache_drop(&n->cached);
	if (err)
		ext4_abort(e, err, "an inode cannot be freed");
	list_remove(&n->orphans);
	free_node(n);
	return 0;
}

static bool busy(const struct ext4_node *n)
{
	return !list_empty(&n->dirty) || n->cached.n_dirty ||
	       n->cached.reading || n->cached.writing;
}

/* The oldest idle nodes go, as far as they have nothing to be written. */
static void shrink(struct ext4 *e)
{
	struct list *l = e->idle.next;

	for (unsigned i = 0; i < 32 && e->n_idle > IDLE_MOST && l != &e->idle;
	     i++) {
		struct ext4_node *n = list_entry(l, struct ext4_node, idle);

		l = l->next;
		if (busy(n))
			continue;
		list_remove(&n->idle);
		e->n_idle--;
		cache_drop(&n->cached); /* nothing to wait for */
		free_node(n);           /* may make its directory idle */
		l = e->idle.next;
	}
}

void ext4_node_release(struct node *node)
{
	struct ext4_node *n = ext4_of(node);
	struct ext4 *e = n->fs;

	if (!node->nlink) {
		/* out of sight at once, so that nobody takes hold of it */
		cache_forget(&n->cached);
		list_remove(&n->hash);
		list_init(&n->hash);
		ext4_call(e, release_job, n);
		return;
	}
	list_add_last(&e->idle, &n->idle);
	e->n_idle++;
	shrink(e);
}

/* --- mount and unmount ---------------------------------------------------- */

/*
 * What was open without a name, or being cut, when the power went: the chain is
 * somebody else's data, so it is followed for so many steps only.
 */
int ext4_orphans_clean(struct ext4 *e)
{
	ext2_ino_t ino = e->fs->super->s_last_orphan;
	unsigned n = 0;
	int err = 0;

	while (ino && !err && n++ < 100000) {
		struct ext2_inode_large i;
		struct ext4_node *node;

		if (ino < EXT2_FIRST_INODE(e->fs->super) ||
		    ino > e->fs->super->s_inodes_count)
			break;
		err = read_inode(e, ino, &i);
		if (!err)
			err = load(e, ino, true, &node);
		if (err)
			break;
		ino = i.i_links_count || i.i_dtime != ino ? i.i_dtime : 0;
		e->fs->super->s_last_orphan = ino;
		ext2fs_mark_super_dirty(e->fs);
		if (i.i_links_count) { /* a truncation was not finished */
			err = ext4_punch(node,
					 (node->node.size + e->block_size - 1) /
						 e->block_size);
			ext4_node_dirty(node, true);
		}
		node_put(&node->node);
		if (!err)
			err = ext4_commit(e);
	}
	if (n)
		log_info("%s: %u files without a name removed", e->name, n);
	if (err)
		log_warn("%s: its list of nameless files is broken", e->name);
	e->fs->super->s_last_orphan = 0;
	ext2fs_mark_super_dirty(e->fs);
	return e->aborted ? -EUCLEAN : 0;
}

/* A directory becomes idle when the last below it has gone. */
static void drop_idle(struct ext4 *e)
{
	while (!list_empty(&e->idle)) {
		struct ext4_node *n =
			list_entry(e->idle.next, struct ext4_node, idle);

		list_remove(&n->idle);
		e->n_idle--;
		cache_drop(&n->cached);
		free_node(n);
	}
}

int ext4_nodes_end(struct ext4 *e)
{
	if (!ext4_writable(e))
		ext4_write_all(e);
	drop_idle(e);
	if (e->n_nodes > 1 || (e->root && e->root->node.refs > 1))
		return -EBUSY;
	if (e->root) {
		cache_drop(&e->root->cached);
		free_node(e->root);
	}
	e->root = NULL;
	return 0;
}
