/* SPDX-License-Identifier: ISC */
/*
 * ext4: new inodes, with the contents that they have from the start: a
 * directory's "." and "..", a symbolic link's target.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fs/ext4.h>
#include <string.h>

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
int ext4_new_space(struct ext4 *e)
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

int ext4_new_inode(struct ext4 *e, ext2_ino_t dir, const struct node_new *what,
		   ext2_ino_t *ino)
{
	bool directory = S_ISDIR(what->mode);
	struct ext2_inode_large i;
	int err = ext4_error(
		ext2fs_new_inode(e->fs, dir, (int)what->mode, NULL, ino));

	if (err)
		return err;
	new_fields(e, &i, what);
	ext2fs_inode_alloc_stats2(e->fs, *ino, 1, directory);
	ext4_group_dirty(e, ext2fs_group_of_ino(e->fs, *ino));
	if (directory)
		err = fill_directory(e, *ino, dir, &i);
	else if (what->target)
		err = fill_link(e, *ino, what->target, &i);
	if (!err)
		err = ext4_error(ext2fs_write_inode_full(
			e->fs, *ino, (struct ext2_inode *)&i, sizeof(i)));
	return err;
}
