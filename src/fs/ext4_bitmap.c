/* SPDX-License-Identifier: ISC */
/*
 * ext4: the bitmaps of blocks and inodes on the disk. libext2fs writes all of
 * them; here a group's are written that has changed. Blocks that were freed in
 * the running transaction are free on the disk with its commit, and in memory
 * only after it.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/ext4.h>
#include <string.h>

void ext4_group_dirty(struct ext4 *e, unsigned group)
{
	if (group < e->fs->group_desc_count)
		e->groups_dirty[group / 8] |= (unsigned char)(1 << group % 8);
}

/*
 * libext2fs has freed a block, or taken one (of a run that it takes at once it
 * tells nothing useful: ext4_file.c looks itself). A freed one is marked as
 * taken again until the commit (ext4_log.c): what the disk's bitmap says of it
 * is corrected where bitmaps are written.
 */
static void note_block(ext2_filsys fs, blk64_t block, int in_use)
{
	struct ext4 *e = fs->priv_data;
	struct ext4_held *last = e->n_held ? &e->held[e->n_held - 1] : NULL;

	ext4_group_dirty(e, ext2fs_group_of_blk2(fs, block));
	if (in_use > 0)
		return;
	ext4_buf_freed(e, block);
	if (last && last->block + last->length == block) {
		last->length++;
	} else if (last && last->block == block + 1) {
		last->block--;
		last->length++;
	} else {
		if (e->n_held == e->room_held) {
			unsigned n = e->room_held ? e->room_held * 2 : 64;
			struct ext4_held *more =
				heap_realloc(e->held, n * sizeof(*more));

			if (!more) {
				ext4_abort(e, -ENOMEM, "blocks were freed");
				return;
			}
			e->held = more;
			e->room_held = n;
		}
		e->held[e->n_held++] = (struct ext4_held){block, 1};
	}
	ext2fs_mark_block_bitmap2(fs->block_map, block);
	e->held_blocks++;
}

static errcode_t write_block_bitmap(struct ext4 *e, unsigned g, char *buf)
{
	ext2_filsys fs = e->fs;
	unsigned n = EXT2_BLOCKS_PER_GROUP(fs->super);
	blk64_t first = ext2fs_group_first_block2(fs, g);
	blk64_t blocks = ext2fs_blocks_count(fs->super);
	errcode_t rc;

	memset(buf, 0xff, e->block_size);
	rc = ext2fs_get_block_bitmap_range2(fs->block_map, first, n, buf);
	if (rc)
		return rc;
	for (blk64_t i = blocks - first; i < 8ull * e->block_size; i++)
		ext2fs_set_bit((unsigned)i, buf); /* behind the end */
	for (unsigned i = 0; i < e->n_held; i++) {
		uint64_t at = e->held[i].block, end = at + e->held[i].length;

		for (at = at > first ? at : first; at < end && at < first + n;
		     at++)
			ext2fs_clear_bit((unsigned)(at - first), buf);
	}
	rc = ext2fs_block_bitmap_csum_set(fs, g, buf, (int)(n / 8));
	if (rc)
		return rc;
	return io_channel_write_blk64(fs->io, ext2fs_block_bitmap_loc(fs, g), 1,
				      buf);
}

static errcode_t write_inode_bitmap(struct ext4 *e, unsigned g, char *buf)
{
	ext2_filsys fs = e->fs;
	unsigned n = EXT2_INODES_PER_GROUP(fs->super);
	errcode_t rc;

	memset(buf, 0xff, e->block_size);
	rc = ext2fs_get_inode_bitmap_range2(fs->inode_map, (uint64_t)g * n + 1,
					    n, buf);
	if (!rc)
		rc = ext2fs_inode_bitmap_csum_set(fs, g, buf,
						  (int)((n + 7) / 8));
	if (rc)
		return rc;
	return io_channel_write_blk64(fs->io, ext2fs_inode_bitmap_loc(fs, g), 1,
				      buf);
}

/* In place of libext2fs's own, which writes those of all groups. */
static errcode_t write_bitmaps(ext2_filsys fs)
{
	struct ext4 *e = fs->priv_data;
	char *buf = heap_alloc(e->block_size);
	bool sums = ext2fs_has_group_desc_csum(fs);
	errcode_t rc = buf ? 0 : EXT2_ET_NO_MEMORY;

	for (unsigned g = 0; g < fs->group_desc_count && !rc; g++) {
		if (!(e->groups_dirty[g / 8] & 1 << g % 8))
			continue;
		e->groups_dirty[g / 8] &= (unsigned char)~(1 << g % 8);
		if (!sums || !ext2fs_bg_flags_test(fs, g, EXT2_BG_BLOCK_UNINIT))
			rc = write_block_bitmap(e, g, buf);
		if (!rc && (!sums ||
			    !ext2fs_bg_flags_test(fs, g, EXT2_BG_INODE_UNINIT)))
			rc = write_inode_bitmap(e, g, buf);
		ext2fs_group_desc_csum_set(fs, g);
	}
	heap_free(buf);
	fs->flags &= ~(EXT2_FLAG_BB_DIRTY | EXT2_FLAG_IB_DIRTY);
	return rc;
}

int ext4_bitmaps_start(struct ext4 *e)
{
	e->groups_dirty = heap_calloc(1, e->fs->group_desc_count / 8 + 1);
	if (!e->groups_dirty)
		return -ENOMEM;
	e->fs->write_bitmaps = write_bitmaps;
	ext2fs_set_block_alloc_stats_callback(e->fs, note_block, NULL);
	return 0;
}

void ext4_bitmaps_committed(struct ext4 *e)
{
	for (unsigned i = 0; i < e->n_held; i++)
		ext2fs_unmark_block_bitmap_range2(e->fs->block_map,
						  e->held[i].block,
						  (unsigned)e->held[i].length);
	e->n_held = 0;
	e->held_blocks = 0;
}
