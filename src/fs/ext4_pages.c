/* SPDX-License-Identifier: ISC */
/*
 * The pages of ext4's files: where they lie, and when they get there (struct
 * cached_ops).
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
 * Interface: fs/cache.h.
 */
#include <errno.h>
#include <fata/page.h>
#include <fs/ext4.h>

static struct ext4_node *node_of(struct cached *c)
{
	return (struct ext4_node *)((char *)c -
				    offsetof(struct ext4_node, cached));
}

/* --- places --------------------------------------------------------------- */

struct map_args {
	struct ext4_node *n;
	uint64_t at, most;
	struct ext4_run run;
};

static int map_job(struct ext4 *e, void *arg)
{
	struct map_args *a = arg;

	(void)e;
	if (ext4_run_known(a->n, a->at, &a->run))
		return 0;
	return ext4_run_find(a->n, a->at, a->most, &a->run);
}

static int map(struct cached *c, uint64_t at, uint64_t *length, uint64_t *disk)
{
	struct ext4_node *n = node_of(c);
	unsigned size = n->fs->block_size;
	struct map_args a = {.n = n, .at = at / size, .most = 1 << 20};
	uint64_t room;
	int err = ext4_run_known(n, a.at, &a.run)
			  ? 0
			  : ext4_call(n->fs, map_job, &a);

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

		err = ext4_run_place(n, at / size, length, &run);
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
