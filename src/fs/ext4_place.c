/* SPDX-License-Identifier: ISC */
/*
 * Where the blocks of an ext4 file lie: found, given, and freed, in runs as
 * long as the disk has them.
 *
 *     known     the last few runs of a file, remembered; asked from any task
 *     found     in the tree of extents, or the lists of ext2 and ext3
 *     placed    given when a page is written back (ext4_pages.c), or kept for
 *               later, when they read as zeroes
 *
 * libext2fs tells of single blocks that it takes (ext4_bitmap.c), not of runs:
 * whoever asks it for a run marks the groups where that run was found.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fs/ext4.h>
#include <string.h>

static void forget_runs(struct ext4_node *n)
{
	memset(n->runs, 0, sizeof(n->runs));
}

/* The hole at block `at`, up to the next extent; the handle stands before it.
 */
static uint64_t hole_length(ext2_extent_handle_t h, uint64_t at, uint64_t most)
{
	struct ext2fs_extent x;

	if (ext2fs_extent_get(h, EXT2_EXTENT_CURRENT, &x))
		return most;
	/* no leaf has more entries than these; it may stand at the first */
	for (unsigned i = 0; i < 4096 / 12 && x.e_lblk <= at; i++)
		if (ext2fs_extent_get(h, EXT2_EXTENT_NEXT_LEAF, &x))
			return most;
	if (x.e_lblk <= at)
		return 1;
	return x.e_lblk - at < most ? x.e_lblk - at : most;
}

static int find_extent(struct ext4_node *n, uint64_t at, uint64_t most,
		       struct ext4_run *run)
{
	ext2_filsys fs = n->fs->fs;
	ext2_extent_handle_t h;
	struct ext2fs_extent x;
	errcode_t rc = ext2fs_extent_open(fs, n->ino, &h);

	if (rc)
		return ext4_error(rc);
	*run = (struct ext4_run){.at = at};
	rc = ext2fs_extent_goto(h, at);
	if (rc == EXT2_ET_EXTENT_NOT_FOUND) {
		run->length = hole_length(h, at, most);
		rc = 0;
	} else if (!rc) {
		rc = ext2fs_extent_get(h, EXT2_EXTENT_CURRENT, &x);
		if (!rc) {
			run->length = x.e_lblk + x.e_len - at;
			run->disk = x.e_pblk + (at - x.e_lblk);
			run->unwritten = x.e_flags & EXT2_EXTENT_FLAGS_UNINIT;
		}
	}
	ext2fs_extent_free(h);
	return ext4_error(rc);
}

/* Of a file without extents (ext2, ext3): block by block. */
static int find_blocks(struct ext4_node *n, uint64_t at, uint64_t most,
		       struct ext4_run *run)
{
	*run = (struct ext4_run){.at = at};
	for (; run->length < most && run->length < 256; run->length++) {
		blk64_t disk = 0;
		errcode_t rc = ext2fs_bmap2(n->fs->fs, n->ino, NULL, NULL, 0,
					    at + run->length, NULL, &disk);

		if (rc)
			return ext4_error(rc);
		if (!run->length)
			run->disk = disk;
		else if (run->disk ? disk != run->disk + run->length
				   : disk != 0)
			break;
	}
	return 0;
}

/* The run at this block, from the disk; remembered. On the task. */
int ext4_run_find(struct ext4_node *n, uint64_t at, uint64_t most,
		  struct ext4_run *run)
{
	ext2_filsys fs = n->fs->fs;
	uint64_t end = ext2fs_blocks_count(fs->super);
	struct ext2_inode i;
	int err = ext4_error(ext2fs_read_inode(fs, n->ino, &i));

	if (!err)
		err = i.i_flags & EXT4_EXTENTS_FL
			      ? find_extent(n, at, most, run)
			      : find_blocks(n, at, most, run);
	if (err)
		return err;
	if (!run->length || run->disk >= end || run->length > end - run->disk)
		if (!run->length || run->disk)
			return -EUCLEAN;
	n->runs[n->next_run++ % EXT4_RUNS] = *run;
	return 0;
}

bool ext4_run_known(const struct ext4_node *n, uint64_t at,
		    struct ext4_run *run)
{
	for (unsigned i = 0; i < EXT4_RUNS; i++) {
		const struct ext4_run *r = &n->runs[i];

		if (at < r->at || at - r->at >= r->length)
			continue;
		*run = *r;
		run->length -= at - r->at;
		run->disk += r->disk ? at - r->at : 0;
		run->at = at;
		return true;
	}
	return false;
}

/* --- giving --------------------------------------------------------------- */

static void groups_dirty(struct ext4 *e, const struct ext4_run *run)
{
	unsigned from = ext2fs_group_of_blk2(e->fs, run->disk);
	unsigned to = ext2fs_group_of_blk2(e->fs, run->disk + run->length - 1);

	for (unsigned g = from; run->disk && g <= to; g++)
		ext4_group_dirty(e, g);
}

/* Blocks one by one: of files without extents, or unwritten ones. */
static errcode_t give_blocks(struct ext4_node *n, struct ext2_inode *i,
			     const struct ext4_run *run)
{
	struct ext4 *e = n->fs;
	errcode_t rc = 0;

	for (uint64_t k = 0; k < run->length && !rc; k++) {
		blk64_t disk = run->disk + k;

		rc = ext2fs_bmap2(e->fs, n->ino, i, NULL,
				  run->unwritten ? BMAP_SET : BMAP_ALLOC,
				  run->at + k, NULL, &disk);
		/* the library zeroes a new one; data come there instead */
		if (!rc && !run->unwritten)
			ext4_buf_freed(e, disk);
	}
	return rc;
}

/* Is there no extent before this range, but one some way behind it? */
static bool before_all(struct ext4_node *n, struct ext2_inode *i, uint64_t at,
		       uint64_t length)
{
	ext2_extent_handle_t h;
	struct ext2fs_extent x;
	bool before;

	if (ext2fs_extent_open2(n->fs->fs, n->ino, i, &h))
		return false;
	ext2fs_extent_goto(h, at);
	before = !ext2fs_extent_get(h, EXT2_EXTENT_CURRENT, &x) &&
		 x.e_lblk > at + length;
	ext2fs_extent_free(h);
	return before;
}

/*
 * Blocks in a row. Before a file's first extent libext2fs gives the whole gap,
 * however little is asked for, and what lies there would be read: so the first
 * block is given alone, and there is an extent before the others.
 */
static errcode_t give_range(struct ext4_node *n, struct ext2_inode *i,
			    bool unwritten, uint64_t at, uint64_t length)
{
	struct ext4 *e = n->fs;
	blk64_t disk = 0;
	errcode_t rc;

	if (before_all(n, i, at, length)) {
		rc = ext2fs_bmap2(e->fs, n->ino, i, NULL,
				  BMAP_ALLOC | (unwritten ? BMAP_UNINIT : 0),
				  at, NULL, &disk);
		if (rc)
			return rc;
		ext4_buf_freed(e, disk); /* as in give_blocks */
		at++;
		length--;
	}
	return ext2fs_fallocate(e->fs,
				unwritten ? 0 : EXT2_FALLOCATE_FORCE_INIT,
				n->ino, i, ~0ull, at, length);
}

/* Places for a run that has none, or only unwritten ones. */
static int give_places(struct ext4_node *n, const struct ext4_run *run)
{
	struct ext4 *e = n->fs;
	struct ext2_inode i;
	errcode_t rc = ext2fs_read_inode(e->fs, n->ino, &i);

	forget_runs(n);
	if (!rc && !run->unwritten && i.i_flags & EXT4_EXTENTS_FL)
		rc = give_range(n, &i, false, run->at, run->length);
	else if (!rc)
		rc = give_blocks(n, &i, run);
	if (!rc)
		rc = ext2fs_write_inode(e->fs, n->ino, &i);
	ext4_node_dirty(n, true);
	if (!rc)
		n->space = ext2fs_get_stat_i_blocks(e->fs, &i) * 512;
	return ext4_error(rc);
}

/*
 * libext2fs does not say which blocks it takes in a row (what it passes to the
 * callback for ranges is nothing): look where they are.
 */
static int note_places(struct ext4_node *n, uint64_t from, uint64_t to)
{
	struct ext4_run run = {.length = 1};
	int err = 0;

	for (; from < to && !err; from += run.length) {
		err = ext4_run_find(n, from, to - from, &run);
		if (!err && run.length > to - from)
			run.length = to - from;
		if (!err)
			groups_dirty(n->fs, &run);
	}
	return err;
}

/* The run at this block, with a place. */
int ext4_run_place(struct ext4_node *n, uint64_t at, uint64_t length,
		   struct ext4_run *run)
{
	int err = ext4_run_known(n, at, run)
			  ? 0
			  : ext4_run_find(n, at, length, run);

	if (err || (run->disk && !run->unwritten))
		return err;
	if (run->length > length)
		run->length = length;
	length = run->length;
	err = give_places(n, run);
	if (!err)
		err = note_places(n, at, at + length);
	if (!err)
		err = ext4_run_find(n, at, length, run);
	if (!err && (!run->disk || run->unwritten))
		err = -EUCLEAN;
	return err;
}

int ext4_run_reserve(struct ext4_node *n, uint64_t from, uint64_t to)
{
	struct ext4 *e = n->fs;
	struct ext2_inode i;
	errcode_t rc = ext2fs_read_inode(e->fs, n->ino, &i);
	int err;

	if (!rc && !(i.i_flags & EXT4_EXTENTS_FL))
		return -EOPNOTSUPP;
	if (!rc)
		rc = give_range(n, &i, true, from, to - from);
	if (!rc)
		rc = ext2fs_write_inode(e->fs, n->ino, &i);
	if (rc)
		return ext4_abort(e, ext4_error(rc), "space cannot be given");
	forget_runs(n);
	err = note_places(n, from, to);
	if (err)
		return err;
	n->space = ext2fs_get_stat_i_blocks(e->fs, &i) * 512;
	ext4_node_dirty(n, true);
	return 0;
}

int ext4_punch(struct ext4_node *n, uint64_t from)
{
	struct ext4 *e = n->fs;
	struct ext2_inode i;
	errcode_t rc = ext2fs_read_inode(e->fs, n->ino, &i);

	forget_runs(n);
	if (rc)
		return ext4_error(rc);
	if (S_ISLNK(i.i_mode) && ext2fs_is_fast_symlink(&i))
		return 0;
	if (S_ISREG(i.i_mode) || S_ISDIR(i.i_mode) || S_ISLNK(i.i_mode))
		rc = ext2fs_punch(e->fs, n->ino, &i, NULL, from, ~0ull);
	n->space = ext2fs_get_stat_i_blocks(e->fs, &i) * 512;
	ext4_node_dirty(n, true);
	return ext4_error(rc);
}
