/* SPDX-License-Identifier: ISC */
/*
 * ext4's files: where pages lie, and when they get there.
 *
 * Writing only fills pages (delayed allocation): blocks are given when pages
 * are written back, in runs that are as long as the run of pages. Until then
 * they are promised: so many blocks are kept free. The size that the inode says
 * follows what has been written back, so that after a power cut a file never
 * ends in zeroes that nobody wrote.
 *
 *     write          pages dirty, blocks promised
 *     write-back     job: blocks given, their writes submitted
 *     commit         waits for these writes, then the inode may point to them
 *
 * Where a file's blocks lie is asked once for each run and remembered.
 */
#include <errno.h>
#include <fata/page.h>
#include <fata/sync.h>
#include <fata/task.h>
#include <fs/ext4.h>
#include <libc/file.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#ifndef SEEK_DATA
#define SEEK_DATA 3
#endif

static void forget_runs(struct ext4_node *n)
{
	memset(n->runs, 0, sizeof(n->runs));
}

/* --- places --------------------------------------------------------------- */

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
static int find_run(struct ext4_node *n, uint64_t at, uint64_t most,
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

static bool known_run(const struct ext4_node *n, uint64_t at,
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

struct map_args {
	struct ext4_node *n;
	uint64_t at, most;
	struct ext4_run run;
};

static int map_job(struct ext4 *e, void *arg)
{
	struct map_args *a = arg;

	(void)e;
	if (known_run(a->n, a->at, &a->run))
		return 0;
	return find_run(a->n, a->at, a->most, &a->run);
}

static struct ext4_node *node_of(struct cached *c)
{
	return (struct ext4_node *)((char *)c -
				    offsetof(struct ext4_node, cached));
}

static int map(struct cached *c, uint64_t at, uint64_t *length, uint64_t *disk)
{
	struct ext4_node *n = node_of(c);
	unsigned size = n->fs->block_size;
	struct map_args a = {.n = n, .at = at / size, .most = 1 << 20};
	uint64_t room;
	int err =
		known_run(n, a.at, &a.run) ? 0 : ext4_call(n->fs, map_job, &a);

	if (err)
		return err;
	room = a.run.length * size - at % size;
	if (*length > room)
		*length = room;
	*disk = a.run.disk && !a.run.unwritten ? a.run.disk * size + at % size
					       : CACHE_HOLE;
	return 0;
}

/* --- write-back ----------------------------------------------------------- */

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
		err = find_run(n, from, to - from, &run);
		if (!err && run.length > to - from)
			run.length = to - from;
		if (!err)
			groups_dirty(n->fs, &run);
	}
	return err;
}

/* The run at this block, with a place. */
static int place(struct ext4_node *n, uint64_t at, uint64_t length,
		 struct ext4_run *run)
{
	int err = known_run(n, at, run) ? 0 : find_run(n, at, length, run);

	if (err || (run->disk && !run->unwritten))
		return err;
	if (run->length > length)
		run->length = length;
	length = run->length;
	err = give_places(n, run);
	if (!err)
		err = note_places(n, at, at + length);
	if (!err)
		err = find_run(n, at, length, run);
	if (!err && (!run->disk || run->unwritten))
		err = -EUCLEAN;
	return err;
}

static void written(void *arg, int status)
{
	struct ext4 *e = arg;

	(void)status; /* the page tells its file */
	if (--e->under_way == 0)
		while (wait_wake_first(&e->drained, 0))
			;
}

struct write_args {
	struct ext4_node *n;
	uint64_t first;
	struct cache_page **pages;
	unsigned count;
};

static int write_job(struct ext4 *e, void *arg)
{
	struct write_args *a = arg;
	struct ext4_node *n = a->n;
	unsigned size = e->block_size;
	uint64_t at = a->first * PAGE_SIZE, end = at + a->count * PAGE_SIZE;
	uint64_t limit = (n->cached.size + size - 1) / size * size;
	int err = ext4_writable(e);

	if (end > limit)
		end = limit; /* pages that were cut off have gone */
	while (at < end && !err) {
		struct ext4_run run;
		uint64_t length = (end - at) / size;

		err = place(n, at / size, length, &run);
		if (err)
			break;
		length = run.length < length ? run.length : length;
		e->under_way++;
		e->unflushed = true;
		cache_submit(&n->cached, a->first, a->pages, at, length * size,
			     run.disk * size, written, e);
		at += length * size;
		if (at > n->disk_size) {
			n->disk_size =
				at < n->cached.size ? at : n->cached.size;
			ext4_node_dirty(n, true);
		}
	}
	if (err == -EUCLEAN)
		ext4_abort(e, err, "a file's blocks are broken");
	if (!err)
		ext4_bound(e);
	return err;
}

static int write_pages(struct cached *c, uint64_t first,
		       struct cache_page **pages, unsigned n)
{
	struct write_args a = {node_of(c), first, pages, n};

	return ext4_call(a.n->fs, write_job, &a);
}

/* --- promises ------------------------------------------------------------- */

static unsigned page_blocks(const struct ext4 *e)
{
	return PAGE_SIZE / e->block_size;
}

/* What extents and the like may need beside the blocks themselves. */
static bool room(const struct ext4 *e)
{
	uint64_t taken = e->promised + e->promised / 64 + 64 + e->held_blocks;

	return ext2fs_free_blocks_count(e->fs->super) >= taken;
}

static int make_room(struct ext4 *e, void *arg)
{
	(void)arg;
	ext4_write_all(e); /* promises become places, often fewer */
	return room(e) ? 0 : -ENOSPC;
}

static int dirty(struct cached *c)
{
	struct ext4 *e = node_of(c)->fs;
	int err = ext4_writable(e);

	if (err)
		return err;
	e->promised += page_blocks(e);
	if (room(e) || !ext4_call(e, make_room, NULL))
		return 0;
	e->promised -= page_blocks(e);
	return -ENOSPC;
}

static void clean(struct cached *c, unsigned n)
{
	struct ext4 *e = node_of(c)->fs;

	e->promised -= (uint64_t)n * page_blocks(e);
}

static void hold(struct cached *c, bool hold)
{
	struct ext4_node *n = node_of(c);

	if (hold)
		ext4_node_find(n->fs, n->ino);
	else
		node_put(&n->node);
}

const struct cached_ops ext4_cached = {
	.hold = hold,
	.map = map,
	.write = write_pages,
	.dirty = dirty,
	.clean = clean,
};

/* --- as a file ------------------------------------------------------------ */

/* Writing and cutting exclude each other; no cancellation ends the wait. */
static void lock(struct ext4_node *n)
{
	bool cancelled = false;

	while (mutex_lock(&n->lock, FATA_FOREVER))
		cancelled = true;
	if (cancelled)
		fata_task_cancel(fata_task_self());
}

ssize_t ext4_read(struct node *n, void *p, size_t size, uint64_t at)
{
	return cache_read(&ext4_of(n)->cached, p, size, at);
}

ssize_t ext4_write(struct node *node, const void *p, size_t size, uint64_t at)
{
	struct ext4_node *n = ext4_of(node);
	/* extents count blocks with 32 bits; their last number is no block */
	uint64_t most = 0xffffffffull * n->fs->block_size - PAGE_SIZE;
	int err = ext4_writable(n->fs);
	ssize_t r;

	if (err)
		return err;
	if (at >= most)
		return -EFBIG;
	if (size > most - at)
		size = (size_t)(most - at);
	lock(n);
	r = cache_write(&n->cached, p, size, at);
	mutex_unlock(&n->lock);
	if (r > 0) {
		node->size = n->cached.size;
		node_modified(node);
		ext4_node_dirty(n, false);
		ext4_bound_soon(n->fs);
	}
	return r;
}

struct size_args {
	struct ext4_node *n;
	uint64_t at, size;
	bool shorter;
};

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

static int truncate_job(struct ext4 *e, void *arg)
{
	struct size_args *a = arg;
	struct ext4_node *n = a->n;
	int err = ext4_writable(e);

	if (err)
		return err;
	if (a->shorter) {
		/* the zeroes behind the new end are to be there in time */
		if (a->size % PAGE_SIZE)
			cache_flush_start(&n->cached);
		err = ext4_punch(n,
				 (a->size + e->block_size - 1) / e->block_size);
		if (err)
			return ext4_abort(e, err, "a file cannot be cut");
	}
	n->node.size = n->disk_size = a->size;
	node_modified(&n->node);
	ext4_node_dirty(n, true);
	return 0;
}

/*
 * Pages go first, and not on the task: one that is just being read waits for a
 * job of its own.
 */
int ext4_truncate(struct node *n, uint64_t size)
{
	struct size_args a = {.n = ext4_of(n), .size = size};
	int err = ext4_writable(a.n->fs);

	if (err)
		return err;
	if (size > 0xffffffffull * a.n->fs->block_size - PAGE_SIZE)
		return -EFBIG;
	lock(a.n);
	a.shorter = size < a.n->cached.size;
	err = cache_truncate(&a.n->cached, size);
	if (!err)
		err = ext4_call(a.n->fs, truncate_job, &a);
	mutex_unlock(&a.n->lock);
	return err;
}

static int reserve_job(struct ext4 *e, void *arg)
{
	struct size_args *a = arg;
	struct ext4_node *n = a->n;
	uint64_t from = a->at / e->block_size;
	uint64_t to = (a->at + a->size + e->block_size - 1) / e->block_size;
	struct ext2_inode i;
	errcode_t rc;
	int err = ext4_writable(e);

	if (err)
		return err;
	if (ext2fs_free_blocks_count(e->fs->super) <
	    to - from + e->promised + e->held_blocks + 64)
		return -ENOSPC;
	rc = ext2fs_read_inode(e->fs, n->ino, &i);
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

int ext4_reserve(struct node *n, uint64_t at, uint64_t size)
{
	struct size_args a = {.n = ext4_of(n), .at = at, .size = size};
	int err;

	if (at + size > 0xffffffffull * a.n->fs->block_size - PAGE_SIZE)
		return -EFBIG;
	lock(a.n);
	err = ext4_call(a.n->fs, reserve_job, &a);
	mutex_unlock(&a.n->lock);
	return err;
}

off_t ext4_seek(struct node *node, off_t at, int whence)
{
	struct cached *c = &ext4_of(node)->cached;
	uint64_t pos = (uint64_t)at;
	int err = cache_flush(c); /* so that all data have a place */

	while (!err && pos < c->size) {
		uint64_t length = c->size - pos, disk;

		err = c->ops->map(c, pos, &length, &disk);
		if (!err && (disk == CACHE_HOLE) == (whence != SEEK_DATA))
			return (off_t)pos;
		pos += length;
	}
	if (err)
		return err;
	return whence == SEEK_DATA ? -ENXIO : (off_t)c->size;
}

/* --- durability ----------------------------------------------------------- */

struct sync_args {
	struct ext4_node *n;
	bool data;
};

static int sync_job(struct ext4 *e, void *arg)
{
	struct sync_args *a = arg;
	uint64_t tid = a->data ? a->n->data_tid : a->n->tid;

	if (e->aborted)
		return -EIO;
	if (tid >= e->tid)
		return ext4_commit(e);
	if (!e->unflushed)
		return 0;
	e->unflushed = false;
	return block_flush(e->disk, FATA_FOREVER);
}

int ext4_sync(struct node *node, bool data)
{
	struct sync_args a = {ext4_of(node), data};
	int err;

	if (a.n->fs->read_only)
		return 0;
	err = cache_flush(&a.n->cached);
	return err ? err : ext4_call(a.n->fs, sync_job, &a);
}

/* One that this round has not come to; held. */
static struct ext4_node *next_dirty(struct ext4 *e, unsigned bucket,
				    unsigned round)
{
	list_for_each(l, &e->nodes[bucket])
	{
		struct ext4_node *n = list_entry(l, struct ext4_node, hash);

		if (n->cached.n_dirty && n->round != round)
			return ext4_node_find(e, n->ino);
	}
	return NULL;
}

int ext4_write_all(struct ext4 *e)
{
	unsigned round = ++e->round;
	struct ext4_node *n;

	if (e->read_only || e->aborted || !e->fs)
		return 0;
	for (unsigned i = 0; i < 1024; i++) {
		/* the list may be another after each */
		while ((n = next_dirty(e, i, round))) {
			n->round = round;
			cache_flush_start(&n->cached);
			node_put(&n->node);
		}
	}
	return ext4_commit(e);
}

static int sync_all_job(struct ext4 *e, void *arg)
{
	(void)arg;
	return ext4_write_all(e);
}

int ext4_sync_all(struct node *n)
{
	return ext4_call(ext4_of(n)->fs, sync_all_job, NULL);
}

static int statfs_job(struct ext4 *e, void *arg)
{
	struct ext2_super_block *s = e->fs->super;
	uint64_t free = ext2fs_free_blocks_count(s), kept = e->promised;
	struct statfs *f = arg;

	f->f_type = EXT2_SUPER_MAGIC;
	f->f_bsize = f->f_frsize = e->block_size;
	f->f_blocks = ext2fs_blocks_count(s);
	f->f_bfree = f->f_bavail = free > kept ? free - kept : 0;
	f->f_files = s->s_inodes_count;
	f->f_ffree = s->s_free_inodes_count;
	f->f_namelen = EXT2_NAME_LEN;
	if (e->read_only || e->aborted)
		f->f_flags = 1; /* ST_RDONLY */
	return 0;
}

int ext4_statfs(struct node *n, struct statfs *s)
{
	return ext4_call(ext4_of(n)->fs, statfs_job, s);
}
