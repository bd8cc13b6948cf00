/* SPDX-License-Identifier: ISC */
/*
 * ext4's files: reading, writing, cutting, reserving, and where their holes
 * are. Contents go through the page cache; see ext4_pages.c.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/page.h>
#include <fata/sync.h>
#include <fata/task.h>
#include <fs/ext4.h>
#include <unistd.h>

#ifndef SEEK_DATA
#define SEEK_DATA 3
#endif

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
	uint64_t from = a->at / e->block_size;
	uint64_t to = (a->at + a->size + e->block_size - 1) / e->block_size;
	int err = ext4_writable(e);

	if (err)
		return err;
	if (ext2fs_free_blocks_count(e->fs->super) <
	    to - from + e->promised + e->held_blocks + 64)
		return -ENOSPC;
	return ext4_run_reserve(a->n, from, to);
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
