/* SPDX-License-Identifier: ISC */
/*
 * The journal: where it lies, and its superblock, which says where the log
 * begins and how it is written. What is written is in ext4_log.c.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/ext4.h>
#include <fs/ext4_jbd.h>
#include <fs/mount.h>
#include <string.h>

/* --- where it lies -------------------------------------------------------- */

static int add_run(struct ext4_journal *j, uint64_t at, uint64_t disk)
{
	struct ext4_run *last = j->n_map ? &j->map[j->n_map - 1] : NULL;

	if (last && last->disk + last->length == disk) {
		last->length++;
		return 0;
	}
	if (j->n_map % 16 == 0) {
		struct ext4_run *map =
			heap_realloc(j->map, (j->n_map + 16) * sizeof(*map));

		if (!map)
			return -ENOMEM;
		j->map = map;
	}
	j->map[j->n_map++] = (struct ext4_run){at, 1, disk, false};
	return 0;
}

static int map_journal(struct ext4 *e, uint32_t blocks)
{
	struct ext2_inode inode;
	ext2_ino_t ino = e->fs->super->s_journal_inum;
	errcode_t rc = ext2fs_read_inode(e->fs, ino, &inode);
	int err = rc ? ext4_error(rc) : 0;

	for (uint32_t i = 0; i < blocks && !err; i++) {
		blk64_t disk = 0;

		rc = ext2fs_bmap2(e->fs, ino, &inode, NULL, 0, i, NULL, &disk);
		if (rc || !disk || disk >= ext2fs_blocks_count(e->fs->super))
			return fs_bad(-EUCLEAN, "the journal has holes");
		err = add_run(&e->journal, i, disk);
	}
	return err;
}

static int check_super(struct ext4 *e)
{
	struct ext4_journal *j = &e->journal;
	struct jbd_super *s = (void *)j->super;
	const uint32_t known =
		JBD_INCOMPAT_REVOKE | JBD_INCOMPAT_64BIT | JBD_INCOMPAT_CSUM_V3;

	if (be32(s->header.magic) != JBD_MAGIC ||
	    be32(s->header.type) != JBD_SUPER_2 ||
	    be32(s->block_size) != e->block_size || be32(s->first) < 1 ||
	    be32(s->max_len) > 1u << 24 ||
	    be32(s->max_len) < be32(s->first) + 64)
		return fs_bad(-EUCLEAN, "the journal's superblock is broken");
	if (be32(s->incompat) & ~known)
		return fs_bad(-EOPNOTSUPP,
			      "the journal has features that are not "
			      "supported (0x%x)",
			      be32(s->incompat) & ~known);
	if (be32(s->incompat) & JBD_INCOMPAT_CSUM_V3) {
		uint32_t said = s->checksum, is;

		s->checksum = 0;
		is = ext2fs_crc32c_le(~0u, (void *)s, sizeof(*s));
		s->checksum = said;
		if (is != be32(said))
			return fs_bad(-EUCLEAN, "the journal's superblock has "
						"a wrong checksum");
	}
	if (be32(s->start) && (be32(s->start) < be32(s->first) ||
			       be32(s->start) >= be32(s->max_len)))
		return fs_bad(-EUCLEAN, "the journal begins nowhere");
	return 0;
}

uint64_t ext4_journal_at(const struct ext4_journal *j, unsigned block_size,
			 uint32_t i)
{
	for (unsigned r = 0; r < j->n_map; r++) {
		const struct ext4_run *run = &j->map[r];

		if (i >= run->at && i - run->at < run->length)
			return (run->disk + (i - run->at)) * block_size;
	}
	return 0; /* the map has no holes: ext4_journal_load */
}

int ext4_journal_write_super(struct ext4 *e)
{
	struct ext4_journal *j = &e->journal;
	struct jbd_super *s = (void *)j->super;

	if (j->checksums) {
		s->checksum = 0;
		s->checksum =
			be32(ext2fs_crc32c_le(~0u, (void *)s, sizeof(*s)));
	}
	return block_write(e->disk, ext4_journal_at(j, e->block_size, 0),
			   j->super, e->block_size, FATA_FOREVER);
}

int ext4_journal_start(struct ext4 *e)
{
	struct ext4_journal *j = &e->journal;
	struct jbd_super *s = (void *)j->super;
	uint32_t features = JBD_INCOMPAT_REVOKE;

	j->wide = ext2fs_has_feature_64bit(e->fs->super);
	j->checksums = ext2fs_has_feature_metadata_csum(e->fs->super);
	if (j->wide)
		features |= JBD_INCOMPAT_64BIT;
	if (j->checksums) {
		features |= JBD_INCOMPAT_CSUM_V3;
		s->checksum_type = JBD_CRC32C;
		s->compat &= ~be32(1u); /* the checksums of old */
	}
	s->incompat = be32(features);
	s->start = 0;
	s->sequence = be32(j->sequence);
	j->seed = ext2fs_crc32c_le(~0u, s->uuid, sizeof(s->uuid));
	j->head = j->first;
	j->used = 0;
	return ext4_journal_write_super(e);
}

/* --- from mount to unmount -------------------------------------------------
 */

int ext4_journal_load(struct ext4 *e, bool *replayed)
{
	struct ext4_journal *j = &e->journal;
	struct jbd_super *s;
	struct block_info info;
	int err;

	*replayed = false;
	if (e->fs->super->s_journal_dev || !e->fs->super->s_journal_inum)
		return fs_bad(-EOPNOTSUPP, "its journal is on another disk");
	j->super = heap_alloc(e->block_size);
	if (!j->super)
		return -ENOMEM;
	err = map_journal(e, 1);
	if (!err)
		err = block_read(e->disk, ext4_journal_at(j, e->block_size, 0),
				 j->super, e->block_size, FATA_FOREVER);
	s = (void *)j->super;
	if (!err)
		err = check_super(e);
	if (err)
		return err;
	j->n_map = 0;
	err = map_journal(e, be32(s->max_len));
	if (err)
		return err;
	j->there = true;
	j->first = be32(s->first);
	j->end = be32(s->max_len);
	j->sequence = be32(s->sequence);
	j->seed = ext2fs_crc32c_le(~0u, s->uuid, sizeof(s->uuid));
	if (!s->start)
		return 0;
	if (!ext2fs_has_feature_journal_needs_recovery(e->fs->super)) {
		/* not wanted any more; no number of the ring comes again */
		j->sequence += j->end;
		return 0;
	}
	block_info(e->disk, &info);
	if (info.readonly)
		return fs_bad(-EROFS, "the journal must be replayed, but the "
				      "disk cannot be written");
	*replayed = true;
	return ext4_replay(e);
}

void ext4_journal_free(struct ext4 *e)
{
	heap_free(e->journal.map);
	heap_free(e->journal.super);
	memset(&e->journal, 0, sizeof(e->journal));
}
