/* SPDX-License-Identifier: ISC */
/*
 * The journal at mount: the replay of what was committed.
 *
 * Two walks over the ring from its oldest transaction. The first finds the last
 * commit block of the unbroken row and notes the revokes; the second writes
 * each block of these transactions to its place, unless a later one revoked it.
 * Every number is somebody else's: positions are taken modulo the ring and
 * counted, block numbers compared with the file system's end.
 */
#include <core/sort.h>
#include <errno.h>
#include <fata/heap.h>
#include <fs/ext4.h>
#include <fs/ext4_jbd.h>
#include <fs/mount.h>
#include <string.h>

struct revoked {
	uint64_t block;
	uint32_t sequence;
};

struct replay {
	struct ext4 *e;
	unsigned char *block, *data;
	uint32_t incompat;
	uint32_t at, sequence, steps; /* steps: blocks of the ring seen */
	uint32_t last; /* the first sequence not to be replayed */
	bool writing;  /* the second walk */
	struct revoked *revoked;
	size_t n_revoked, room;
	uint64_t written;
};

/* --- the ring ------------------------------------------------------------- */

/* The next block of the ring; false: the ring has been seen, or an error. */
static bool next(struct replay *r, void *into, int *err)
{
	struct ext4_journal *j = &r->e->journal;

	if (r->steps++ >= j->end - j->first)
		return false;
	*err = block_read(r->e->disk,
			  ext4_journal_at(j, r->e->block_size, r->at), into,
			  r->e->block_size, FATA_FOREVER);
	r->at = r->at + 1 == j->end ? j->first : r->at + 1;
	return !*err;
}

/* Is the checksum at the end of a descriptor or a revoke right? */
static bool sealed(const struct replay *r)
{
	unsigned n = r->e->block_size;
	struct jbd_tail *tail = (void *)(r->block + n - sizeof(*tail));
	uint32_t said = tail->checksum, is;

	if (!(r->incompat & JBD_INCOMPAT_CSUM_V3))
		return true;
	tail->checksum = 0;
	is = ext2fs_crc32c_le(r->e->journal.seed, r->block, n);
	tail->checksum = said;
	return is == be32(said);
}

static bool commit_holds(const struct replay *r)
{
	struct jbd_commit *c = (void *)r->block;
	uint32_t said = c->checksum[0], is;

	if (!(r->incompat & JBD_INCOMPAT_CSUM_V3))
		return true;
	c->checksum[0] = 0;
	is = ext2fs_crc32c_le(r->e->journal.seed, r->block, r->e->block_size);
	return is == be32(said);
}

static int note_revokes(struct replay *r)
{
	const struct jbd_revoke *h = (const void *)r->block;
	size_t size = r->incompat & JBD_INCOMPAT_64BIT ? 8 : 4;
	size_t end = be32(h->bytes);

	if (end > r->e->block_size)
		return -EUCLEAN;
	for (size_t at = sizeof(*h); at + size <= end; at += size) {
		uint64_t wide;
		uint32_t narrow;

		if (r->n_revoked == r->room) {
			size_t n = r->room ? r->room * 2 : 64;
			struct revoked *more =
				heap_realloc(r->revoked, n * sizeof(*more));

			if (!more)
				return -ENOMEM;
			r->revoked = more;
			r->room = n;
		}
		memcpy(&wide, r->block + at, size);
		memcpy(&narrow, r->block + at, 4);
		r->revoked[r->n_revoked++] = (struct revoked){
			size == 8 ? be64(wide) : be32(narrow), r->sequence};
	}
	return 0;
}

/* By block, then by sequence, the last first. */
static bool before(const void *x, const void *y)
{
	const struct revoked *a = x, *b = y;

	if (a->block != b->block)
		return a->block < b->block;
	return (int32_t)(a->sequence - b->sequence) > 0;
}

static bool is_revoked(const struct replay *r, uint64_t block)
{
	size_t low = 0, high = r->n_revoked;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (r->revoked[middle].block < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->n_revoked && r->revoked[low].block == block &&
	       (int32_t)(r->revoked[low].sequence - r->sequence) >= 0;
}

/* One block of a transaction that holds, to its place. */
static int restore(struct replay *r, uint64_t block, uint32_t flags,
		   uint32_t sum)
{
	struct ext4 *e = r->e;
	uint32_t sequence = be32(r->sequence), is;

	if (block >= ext2fs_blocks_count(e->fs->super))
		return -EUCLEAN;
	if (is_revoked(r, block))
		return 0;
	if (r->incompat & JBD_INCOMPAT_CSUM_V3) {
		is = ext2fs_crc32c_le(e->journal.seed, (void *)&sequence, 4);
		is = ext2fs_crc32c_le(is, r->data, e->block_size);
		if (is != sum)
			return -EUCLEAN;
	}
	if (flags & JBD_ESCAPED) {
		uint32_t magic = be32(JBD_MAGIC);

		memcpy(r->data, &magic, 4);
	}
	r->written++;
	return block_write(e->disk, block * e->block_size, r->data,
			   e->block_size, FATA_FOREVER);
}

/* A descriptor: 1 to go on, 0 at the end of the ring, or an error. */
static int describe(struct replay *r)
{
	bool v3 = r->incompat & JBD_INCOMPAT_CSUM_V3;
	bool wide = r->incompat & JBD_INCOMPAT_64BIT;
	size_t size = v3 ? sizeof(struct jbd_tag3) : wide ? 12 : 8;
	size_t at = sizeof(struct jbd_header);
	size_t end = r->e->block_size - (v3 ? sizeof(struct jbd_tail) : 0);
	uint32_t flags = 0;

	while (!(flags & JBD_LAST) && at + size <= end) {
		struct jbd_tag tag = {0};
		struct jbd_tag3 tag3 = {0};
		uint64_t block;
		int err = 0;

		memcpy(&tag, r->block + at, v3 ? 8 : size);
		memcpy(&tag3, r->block + at, v3 ? size : 0);
		flags = v3 ? be32(tag3.flags) : be16(tag.flags);
		block = be32(tag.block);
		if (wide)
			block |= (uint64_t)be32(v3 ? tag3.block_high
						   : tag.block_high)
				 << 32;
		at += size + (flags & JBD_SAME_UUID ? 0 : 16);
		if (!next(r, r->data, &err))
			return err;
		if (r->writing)
			err = restore(r, block, flags, be32(tag3.checksum));
		if (err)
			return err;
	}
	return 1;
}

/* From the oldest transaction to the end of the row. */
static int walk(struct replay *r)
{
	const struct jbd_super *s = (const void *)r->e->journal.super;
	int err = 0;

	r->at = be32(s->start);
	r->sequence = be32(s->sequence);
	r->steps = 0;
	while (!r->writing || r->sequence != r->last) {
		const struct jbd_header *h = (const void *)r->block;

		if (!next(r, r->block, &err) || be32(h->magic) != JBD_MAGIC ||
		    be32(h->sequence) != r->sequence)
			break;
		switch (be32(h->type)) {
		case JBD_DESCRIPTOR:
			if (!sealed(r))
				return 0;
			err = describe(r);
			if (err != 1)
				return err;
			err = 0;
			continue;
		case JBD_REVOKE:
			if (!sealed(r))
				return 0;
			err = r->writing ? 0 : note_revokes(r);
			if (err)
				return err;
			continue;
		case JBD_COMMIT:
			if (!r->writing && !commit_holds(r))
				return 0;
			r->sequence++;
			if (!r->writing)
				r->last = r->sequence;
			continue;
		}
		break;
	}
	return err;
}

/* Revokes of a transaction that has no commit block do not count. */
static void forget_late(struct replay *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_revoked; i++)
		if ((int32_t)(r->revoked[i].sequence - r->last) < 0)
			r->revoked[n++] = r->revoked[i];
	r->n_revoked = n;
	sort(r->revoked, r->n_revoked, sizeof(*r->revoked), before);
}

int ext4_replay(struct ext4 *e)
{
	struct jbd_super *s = (void *)e->journal.super;
	struct replay r = {.e = e, .incompat = be32(s->incompat)};
	int err = -ENOMEM;

	r.last = be32(s->sequence);
	r.block = heap_alloc(e->block_size);
	r.data = heap_alloc(e->block_size);
	if (r.block && r.data)
		err = walk(&r);
	if (!err) {
		forget_late(&r);
		r.writing = true;
		err = walk(&r);
	}
	if (!err && r.sequence != r.last)
		err = -EUCLEAN;
	heap_free(r.block);
	heap_free(r.data);
	heap_free(r.revoked);
	if (!err)
		err = block_flush(e->disk, FATA_FOREVER);
	if (err)
		return fs_bad(err, "the journal cannot be replayed (error %d)",
			      -err);
	e->journal.sequence = r.last + 1;
	s->start = 0;
	s->sequence = be32(e->journal.sequence);
	e->journal.checksums = r.incompat & JBD_INCOMPAT_CSUM_V3;
	err = ext4_journal_write_super(e);
	return err ? err : block_flush(e->disk, FATA_FOREVER);
}
