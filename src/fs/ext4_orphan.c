/* SPDX-License-Identifier: ISC */
/*
 * ext4: inodes without a name that somebody still holds. On the disk they are a
 * chain from the superblock through i_dtime, so that after a power cut what
 * they take can be given back.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/log.h>
#include <fs/ext4.h>

FATA_LOG_SOURCE("ext4");

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
int ext4_orphan_delete(struct ext4 *e, struct ext4_node *n)
{
	bool directory = S_ISDIR(n->node.mode);
	struct ext2_inode_large i;
	int err;

	cache_drop(&n->cached);
	orphan_remove(n);
	err = ext4_punch(n, 0);
	if (!err)
		err = ext4_inode_read(e, n->ino, &i);
	if (!err && ext2fs_file_acl_block(e->fs, (struct ext2_inode *)&i))
		err = ext4_error(ext2fs_free_ext_attr(e->fs, n->ino, &i));
	if (err)
		return err;
	i.i_links_count = 0;
	i.i_size = i.i_size_high = 0;
	i.i_dtime = (uint32_t)(clock_wall_ns() / FATA_NS_PER_S);
	err = ext4_error(ext2fs_write_inode_full(
		e->fs, n->ino, (struct ext2_inode *)&i, sizeof(i)));
	if (err)
		return err;
	ext2fs_inode_alloc_stats2(e->fs, n->ino, -1, directory);
	ext4_group_dirty(e, ext2fs_group_of_ino(e->fs, n->ino));
	return 0;
}

/* --- at mount ------------------------------------------------------------- */

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
		err = ext4_inode_read(e, ino, &i);
		if (!err)
			err = ext4_node_load_nameless(e, ino, &node);
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
