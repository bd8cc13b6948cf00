/* SPDX-License-Identifier: ISC */
/*
 * ext4: what is durable, and when. A node knows the last transaction that it
 * needs, and the last one that its data need (fdatasync); what was committed
 * before may still want a flush of the disk.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fs/ext4.h>
#include <sys/statfs.h>

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
