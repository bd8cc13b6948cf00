/* SPDX-License-Identifier: ISC */
/*
 * ext4: mount and unmount.
 *
 *     mount    superblock judged, journal replayed, bitmaps read, orphans
 *              removed, "needs recovery" set
 *     unmount  all written and committed, a checkpoint, "needs recovery"
 * cleared
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fs/ext4.h>
#include <fs/mount.h>
#include <string.h>

FATA_LOG_SOURCE("ext4");

#define MAGIC_AT     (1024 + 0x38)
#define NODE_BUCKETS 1024

/* --- mounting ------------------------------------------------------------- */

static int check_disk(struct ext4 *e)
{
	unsigned char sector[4096];
	struct block_info info;
	uint16_t magic;
	int err;

	block_info(e->disk, &info);
	e->disk_size = info.size;
	if (info.size < 65536)
		return fs_bad(-EINVAL, "the disk is too small");
	if (info.readonly)
		e->read_only = true;
	err = block_read(e->disk, 0, sector, sizeof(sector), FATA_FOREVER);
	if (err)
		return fs_bad(err, "the disk cannot be read (error %d)", -err);
	memcpy(&magic, sector + MAGIC_AT, 2);
	if (magic != EXT2_SUPER_MAGIC)
		return fs_bad(-EINVAL, "no ext4 file system is on it");
	/* log_block_size: 1, 2 or 4 KiB */
	if (sector[1024 + 0x18] > 2 || sector[1024 + 0x19] ||
	    sector[1024 + 0x1a] || sector[1024 + 0x1b])
		return fs_bad(-EOPNOTSUPP, "blocks of more than 4 KiB");
	e->block_size = 1024u << sector[1024 + 0x18];
	if (e->block_size < info.sector)
		return fs_bad(-EOPNOTSUPP,
			      "blocks that are smaller than the disk's "
			      "sectors");
	return 0;
}

/*
 * A superblock that was cut in half by a power failure has a wrong checksum,
 * and its copy in the journal makes it whole: `torn` says that it is so.
 */
static int open_fs(struct ext4 *e, bool write, bool *torn)
{
	int flags = EXT2_FLAG_64BITS | (write ? EXT2_FLAG_RW : 0);
	errcode_t rc;

	ext4_opening = e;
	rc = ext2fs_open2(e->name, NULL, flags, 0, 0, &ext4_io, &e->fs);
	if (rc == EXT2_ET_SB_CSUM_INVALID && torn) {
		*torn = true;
		rc = ext2fs_open2(e->name, NULL,
				  flags | EXT2_FLAG_IGNORE_CSUM_ERRORS, 0, 0,
				  &ext4_io, &e->fs);
	}
	if (rc) {
		e->fs = NULL;
		return fs_bad(ext4_error(rc),
			      "its superblock is broken or of an unknown kind "
			      "(libext2fs: %ld)",
			      (long)rc);
	}
	e->fs->priv_data = e;
	if (ext2fs_blocks_count(e->fs->super) > e->disk_size / e->block_size)
		return fs_bad(-EUCLEAN, "it is larger than the disk");
	return 0;
}

static void close_fs(struct ext4 *e)
{
	if (e->fs)
		ext2fs_free(e->fs);
	e->fs = NULL;
	ext4_bufs_free(e);
}

/* What we could not keep right, or not even read. */
static int check_features(struct ext4 *e)
{
	struct ext2_super_block *s = e->fs->super;
	const uint32_t read =
		EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER |
		EXT2_FEATURE_INCOMPAT_META_BG | EXT3_FEATURE_INCOMPAT_EXTENTS |
		EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG |
		EXT4_FEATURE_INCOMPAT_CSUM_SEED |
		EXT4_FEATURE_INCOMPAT_LARGEDIR;
	const uint32_t written = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER |
				 EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
				 EXT4_FEATURE_RO_COMPAT_HUGE_FILE |
				 EXT4_FEATURE_RO_COMPAT_GDT_CSUM |
				 EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
				 EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE |
				 EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;

	if (s->s_feature_incompat & ~read)
		return fs_bad(-EOPNOTSUPP,
			      "it has features that are not supported (0x%x)",
			      s->s_feature_incompat & ~read);
	if (!e->read_only && s->s_feature_ro_compat & ~written)
		return fs_bad(-EOPNOTSUPP,
			      "it has features that can only be read (0x%x): "
			      "add ,ro",
			      s->s_feature_ro_compat & ~written);
	return 0;
}

static int replay_journal(struct ext4 *e, bool torn)
{
	bool replayed = false;
	int err;

	if (ext2fs_has_feature_journal(e->fs->super)) {
		err = ext4_journal_load(e, &replayed);
		if (err)
			return err;
	} else if (!e->read_only) {
		log_warn("%s: no journal: a power cut may damage it", e->name);
	}
	if (torn && !replayed)
		return fs_bad(-EUCLEAN, "its superblock has a wrong checksum");
	if (!replayed)
		return 0;
	log_info("%s: the journal was replayed", e->name);
	/* what was read before it is old */
	close_fs(e);
	err = ext4_bufs_init(e);
	return err ? err : open_fs(e, !e->read_only, NULL);
}

/* Like Linux: while it is mounted the journal is to be replayed. */
static int set_mounted(struct ext4 *e, bool mounted)
{
	struct ext2_super_block *s = e->fs->super;
	int err;

	if (e->journal.there && mounted) {
		ext2fs_set_feature_journal_needs_recovery(s);
		s->s_mtime = (uint32_t)(clock_wall_ns() / FATA_NS_PER_S);
		s->s_mnt_count++;
	} else if (e->journal.there) {
		ext2fs_clear_feature_journal_needs_recovery(s);
	} else if (mounted) {
		s->s_state &= (uint16_t)~EXT2_VALID_FS;
	} else {
		s->s_state |= EXT2_VALID_FS;
	}
	ext2fs_mark_super_dirty(e->fs);
	err = ext4_error(ext2fs_flush2(e->fs, EXT2_FLAG_FLUSH_NO_SYNC));
	if (!err)
		err = ext4_bufs_home(e, &e->dirty);
	return err ? err : block_flush(e->disk, FATA_FOREVER);
}

static int start_writing(struct ext4 *e)
{
	ext2_filsys fs = e->fs;
	errcode_t rc = ext2fs_read_bitmaps(fs);
	int err;

	if (rc)
		return fs_bad(ext4_error(rc),
			      "its bitmaps are broken (libext2fs: %ld)",
			      (long)rc);
	err = ext4_bitmaps_start(e);
	if (!err && e->journal.there)
		err = ext4_journal_start(e);
	if (!err)
		err = set_mounted(e, true);
	if (!err)
		err = ext4_orphans_clean(e);
	return err ? err : ext4_commit(e);
}

static int mount_job(struct ext4 *e, void *arg)
{
	bool torn = false;
	int err = check_disk(e);

	(void)arg;
	if (!err)
		err = ext4_bufs_init(e);
	if (!err)
		err = open_fs(e, !e->read_only, &torn);
	if (!err)
		err = check_features(e);
	if (!err)
		err = replay_journal(e, torn);
	if (!err && e->fs->super->s_state & EXT2_ERROR_FS)
		log_warn("%s: it is marked as damaged: e2fsck should see it",
			 e->name);
	if (!err && !e->read_only)
		err = start_writing(e);
	if (!err)
		err = ext4_node_load(e, EXT2_ROOT_INO, &e->root);
	if (!err && !S_ISDIR(e->root->node.mode)) {
		node_put(&e->root->node);
		err = fs_bad(-EUCLEAN, "its root is no directory");
	}
	return err;
}

static int unmount_job(struct ext4 *e, void *arg)
{
	int err = ext4_nodes_end(e);

	(void)arg;
	if (err)
		return err;
	if (!ext4_writable(e)) {
		err = ext4_commit(e);
		if (!err)
			err = ext4_checkpoint(e);
		if (!err)
			err = set_mounted(e, false);
	} else if (e->aborted) {
		err = -EROFS;
	}
	return err == -EBUSY ? -EIO : err;
}

static int close_job(struct ext4 *e, void *arg)
{
	(void)arg;
	if (e->nodes)
		ext4_nodes_end(e);
	ext4_journal_free(e);
	close_fs(e);
	heap_free(e->groups_dirty);
	heap_free(e->held);
	heap_free(e->nodes);
	return 0;
}

static void finish(struct ext4 *e)
{
	ext4_call(e, close_job, NULL);
	ext4_task_end(e);
	heap_free(e);
}

int ext4_unmount(struct node *root)
{
	struct ext4 *e = ext4_of(root)->fs;
	int err;

	ext4_sync_all(root);
	err = ext4_call(e, unmount_job, NULL);
	if (err != -EBUSY)
		finish(e);
	return err;
}

static struct ext4 *new_ext4(const struct fs_source *from, bool read_only)
{
	size_t n = strlen(from->name) + 1;
	struct ext4 *e = heap_calloc(1, sizeof(*e) + n);

	if (!e)
		return NULL;
	e->nodes = heap_alloc(NODE_BUCKETS * sizeof(*e->nodes));
	if (!e->nodes) {
		heap_free(e);
		return NULL;
	}
	for (unsigned i = 0; i < NODE_BUCKETS; i++)
		list_init(&e->nodes[i]);
	e->name = memcpy(e + 1, from->name, n);
	e->disk = from->disk;
	e->read_only = read_only;
	e->device = node_new_device();
	e->tid = 1;
	list_init(&e->jobs);
	list_init(&e->idle);
	list_init(&e->dirty_nodes);
	list_init(&e->orphans);
	return e;
}

static int ext4_mount(const struct fs_source *from, bool read_only,
		      struct node **root)
{
	struct ext4 *e = new_ext4(from, read_only);
	int err;

	if (!e)
		return -ENOMEM;
	err = ext4_task_start(e);
	if (err) {
		heap_free(e->nodes);
		heap_free(e);
		return err;
	}
	err = ext4_call(e, mount_job, NULL);
	if (err) {
		e->aborted = true; /* nothing more is to be written */
		finish(e);
		return err;
	}
	*root = &e->root->node;
	return 0;
}

const struct fs_type fs_ext4 = {
	.name = "ext4",
	.needs_disk = true,
	.mount = ext4_mount,
};
FS_TYPE(ext4);
