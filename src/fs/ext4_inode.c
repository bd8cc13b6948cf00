/* SPDX-License-Identifier: ISC */
/*
 * ext4's inodes: from the disk into a node, and back.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/ext4.h>
#include <string.h>

#define SECOND     FATA_NS_PER_S
#define LINKS_MOST 65000

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

int ext4_inode_read(struct ext4 *e, ext2_ino_t ino, struct ext2_inode_large *i)
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

int ext4_inode_fill(struct ext4_node *n, struct ext2_inode_large *i)
{
	int err;

	copy_fields(n, i);
	err = check_fields(n, i);
	if (!err && S_ISLNK(i->i_mode))
		err = read_target(n, i);
	return err;
}

int ext4_node_refresh(struct ext4_node *n)
{
	struct ext2_inode_large i;
	int err = ext4_inode_read(n->fs, n->ino, &i);

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

static int write_node(struct ext4_node *n)
{
	struct ext4 *e = n->fs;
	struct ext2_inode_large i;
	bool more;
	int err = ext4_inode_read(e, n->ino, &i);

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
		ext4_node_clean(n);
	}
	return err;
}
