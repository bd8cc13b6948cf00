/* SPDX-License-Identifier: ISC */
/*
 * The journal's writing side. One transaction runs at a time; all that is dirty
 * is committed by one call, on the file system's task, so that no operation is
 * cut in two:
 *
 *     inodes, bitmaps, descriptors -> buffers
 *     wait for the data that were given places
 *     journal: [superblock if the log was empty] revokes, descriptors, blocks
 *     flush                        -- all of it, and the data, are durable
 *     commit block
 *     flush                        -- the transaction holds
 *     when the ring is a third full: checkpoint
 *
 * A checkpoint brings everything logged to its place and empties the log:
 *
 *     buffers home, flush, superblock: empty, flush
 *
 * Without a journal (ext2) a commit writes buffers to their places and
 * flushes; a power cut in between is then for e2fsck.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fs/ext4.h>
#include <fs/ext4_jbd.h>
#include <string.h>

/* What is being written: a stretch of the ring, in memory. */
struct out {
	struct ext4 *e;
	unsigned char *memory;
	uint32_t room, n; /* blocks; those to be written */
	uint32_t at;      /* where in the ring the first belongs */
	int err;
};

#define CHUNK (1u << 20)

static uint32_t crc(uint32_t seed, const void *p, size_t n)
{
	return ext2fs_crc32c_le(seed, p, n);
}

/* --- the stretch ---------------------------------------------------------- */

/* Write what has gathered; the ring may wrap in the middle. */
static void drain(struct out *o)
{
	struct ext4 *e = o->e;
	struct ext4_journal *j = &e->journal;
	uint32_t done = 0;

	while (done < o->n && !o->err) {
		uint32_t i = o->at, run = 1;
		uint64_t disk = ext4_journal_at(j, e->block_size, i);

		while (done + run < o->n && i + run < j->end &&
		       ext4_journal_at(j, e->block_size, i + run) ==
			       disk + (uint64_t)run * e->block_size)
			run++;
		o->err = block_write(e->disk, disk,
				     o->memory + (size_t)done * e->block_size,
				     (size_t)run * e->block_size, FATA_FOREVER);
		done += run;
		o->at = i + run == j->end ? j->first : i + run;
	}
	o->n = 0;
}

/* The next block of the ring, zeroed, to be filled in. */
static void *next_block(struct out *o)
{
	unsigned char *p;

	if (o->n == o->room)
		drain(o);
	p = o->memory + (size_t)o->n * o->e->block_size;
	memset(p, 0, o->e->block_size);
	o->n++;
	o->e->journal.used++;
	return p;
}

static struct jbd_header header_of(const struct ext4_journal *j,
				   enum jbd_type type)
{
	return (struct jbd_header){be32(JBD_MAGIC), be32(type),
				   be32(j->sequence)};
}

static void seal(struct ext4 *e, void *block)
{
	struct ext4_journal *j = &e->journal;
	struct jbd_tail *tail =
		(void *)((char *)block + e->block_size - sizeof(*tail));

	if (j->checksums)
		tail->checksum = be32(crc(j->seed, block, e->block_size));
}

static size_t block_room(const struct ext4 *e)
{
	return e->block_size -
	       (e->journal.checksums ? sizeof(struct jbd_tail) : 0);
}

static size_t tag_size(const struct ext4_journal *j)
{
	return j->checksums ? sizeof(struct jbd_tag3) : j->wide ? 12 : 8;
}

/* --- what a transaction consists of --------------------------------------- */

static void write_revokes(struct out *o)
{
	struct ext4 *e = o->e;
	struct ext4_journal *j = &e->journal;
	size_t size = j->wide ? 8 : 4, at = 0;
	struct jbd_revoke *r = NULL;

	list_for_each(l, &e->revoked)
	{
		struct ext4_buf *b = list_entry(l, struct ext4_buf, queue);

		if (r && at + size > block_room(e)) {
			r->bytes = be32((uint32_t)at);
			seal(e, r);
			r = NULL;
		}
		if (!r) {
			r = next_block(o);
			r->header = header_of(j, JBD_REVOKE);
			at = sizeof(*r);
		}
		if (j->wide) {
			uint64_t v = be64(b->block);

			memcpy((char *)r + at, &v, 8);
		} else {
			uint32_t v = be32((uint32_t)b->block);

			memcpy((char *)r + at, &v, 4);
		}
		at += size;
	}
	if (r) {
		r->bytes = be32((uint32_t)at);
		seal(e, r);
	}
}

/* A descriptor's tag for a block; `data` is what stands in the journal. */
static void put_tag(struct ext4 *e, void *at, const struct ext4_buf *b,
		    const void *data, uint32_t flags)
{
	struct ext4_journal *j = &e->journal;
	uint32_t low = be32((uint32_t)b->block);
	uint32_t high = be32((uint32_t)(b->block >> 32));
	struct jbd_tag tag = {low, 0, be16((uint16_t)flags), high};
	struct jbd_tag3 tag3 = {low, be32(flags), j->wide ? high : 0, 0};
	uint32_t sequence = be32(j->sequence);

	if (!j->checksums) {
		memcpy(at, &tag, tag_size(j));
		return;
	}
	tag3.checksum =
		be32(crc(crc(j->seed, &sequence, 4), data, e->block_size));
	memcpy(at, &tag3, sizeof(tag3));
}

/* How many tags fit into one descriptor; the first brings 16 bytes more. */
static unsigned tags_in_block(const struct ext4 *e)
{
	return (unsigned)((block_room(e) - sizeof(struct jbd_header) - 16) /
			  tag_size(&e->journal));
}

/*
 * A descriptor and its blocks. The tags need the blocks as they are written,
 * so the descriptor is put together aside, and takes its place first: a stretch
 * has room for both.
 */
static struct list *write_group(struct out *o, struct list *l)
{
	struct ext4 *e = o->e;
	struct ext4_journal *j = &e->journal;
	unsigned most = tags_in_block(e), n = 0;
	size_t at = sizeof(struct jbd_header);
	unsigned char *d;

	if (o->room - o->n < 2)
		drain(o);
	if (most > o->room - o->n - 1)
		most = o->room - o->n - 1;
	d = next_block(o);
	*(struct jbd_header *)(void *)d = header_of(j, JBD_DESCRIPTOR);
	for (; l != &e->dirty && n < most; n++, l = l->next) {
		struct ext4_buf *b = list_entry(l, struct ext4_buf, queue);
		bool last = n + 1 == most || l->next == &e->dirty;
		uint32_t flags =
			(n ? JBD_SAME_UUID : 0) | (last ? JBD_LAST : 0);
		unsigned char *p = next_block(o);

		memcpy(p, b->data, e->block_size);
		if (*(uint32_t *)(void *)p == be32(JBD_MAGIC)) {
			memset(p, 0, 4);
			flags |= JBD_ESCAPED;
		}
		put_tag(e, d + at, b, p, flags);
		at += tag_size(j);
		if (!n) {
			const struct jbd_super *s = (const void *)j->super;

			memcpy(d + at, s->uuid, 16);
			at += 16;
		}
	}
	seal(e, d);
	return l;
}

static void write_commit_block(struct out *o)
{
	struct ext4 *e = o->e;
	struct ext4_journal *j = &e->journal;
	struct jbd_commit *c = next_block(o);
	uint64_t now = clock_wall_ns();

	c->header = header_of(j, JBD_COMMIT);
	c->seconds = be64(now / FATA_NS_PER_S);
	c->nanoseconds = be32((uint32_t)(now % FATA_NS_PER_S));
	if (j->checksums)
		c->checksum[0] = be32(crc(j->seed, c, e->block_size));
	drain(o);
}

/* Blocks of the ring that the transaction takes, at most. */
static uint64_t needed(const struct ext4 *e)
{
	unsigned tags = tags_in_block(e), revokes;
	unsigned chunk = CHUNK / e->block_size - 1;

	if (tags > chunk)
		tags = chunk;
	/* a stretch may end early for want of room: twice the descriptors */
	revokes = (unsigned)((block_room(e) - sizeof(struct jbd_revoke)) /
			     (e->journal.wide ? 8 : 4));
	return (uint64_t)e->n_dirty + 2 * (e->n_dirty / tags + 1) +
	       e->n_revoked / revokes + 1 + 1;
}

static int write_transaction(struct ext4 *e)
{
	struct ext4_journal *j = &e->journal;
	struct jbd_super *s = (void *)j->super;
	struct out o = {.e = e, .room = CHUNK / e->block_size, .at = j->head};
	struct list *l = e->dirty.next;

	if (needed(e) > j->end - j->first - j->used)
		return -EFBIG;
	o.memory = heap_alloc(CHUNK);
	if (!o.memory)
		return -ENOMEM;
	if (!s->start) {
		s->start = be32(j->head);
		s->sequence = be32(j->sequence);
		o.err = ext4_journal_write_super(e);
	}
	write_revokes(&o);
	while (l != &e->dirty && !o.err)
		l = write_group(&o, l);
	drain(&o);
	if (!o.err)
		o.err = block_flush(e->disk, FATA_FOREVER);
	if (!o.err)
		write_commit_block(&o);
	if (!o.err)
		o.err = block_flush(e->disk, FATA_FOREVER);
	j->head = o.at;
	heap_free(o.memory);
	return o.err;
}

/* --- commits and checkpoints ---------------------------------------------- */

int ext4_checkpoint(struct ext4 *e)
{
	struct ext4_journal *j = &e->journal;
	struct jbd_super *s = (void *)j->super;
	int err = ext4_bufs_home(e, &e->logged);

	if (!j->there || !s->start)
		return err;
	if (!err)
		err = block_flush(e->disk, FATA_FOREVER);
	if (err)
		return ext4_abort(e, err, "a checkpoint failed");
	s->start = 0;
	s->sequence = be32(j->sequence);
	err = ext4_journal_write_super(e);
	if (!err)
		err = block_flush(e->disk, FATA_FOREVER);
	if (err)
		return ext4_abort(e, err, "a checkpoint failed");
	j->used = 0;
	return 0;
}

static int gather(struct ext4 *e)
{
	int err = ext4_nodes_write(e);

	if (!err && e->fs->flags & EXT2_FLAG_DIRTY)
		err = ext4_error(ext2fs_flush2(e->fs, EXT2_FLAG_FLUSH_NO_SYNC));
	while (e->under_way)
		wait_in(&e->drained, NULL, "disk", FATA_FOREVER, false);
	return err;
}

static int write_plainly(struct ext4 *e)
{
	int err = ext4_bufs_home(e, &e->dirty);

	return err ? err : block_flush(e->disk, FATA_FOREVER);
}

static bool too_much(const struct ext4 *e)
{
	const struct ext4_journal *j = &e->journal;

	return j->there && !ext4_writable(e) &&
	       e->n_dirty + e->n_dirty_nodes > (j->end - j->first) / 4;
}

void ext4_bound(struct ext4 *e)
{
	if (!too_much(e))
		return;
	/* many inodes share a block: how much is it really? */
	if (ext4_nodes_write(e) || too_much(e))
		ext4_commit(e);
}

static int bound_job(struct ext4 *e, void *arg)
{
	(void)arg;
	ext4_bound(e);
	return 0;
}

void ext4_bound_soon(struct ext4 *e)
{
	if (too_much(e))
		ext4_call(e, bound_job, NULL);
}

int ext4_commit(struct ext4 *e)
{
	struct ext4_journal *j = &e->journal;
	int err;

	if (e->read_only || e->aborted)
		return e->aborted ? -EROFS : 0;
	err = gather(e);
	if (err)
		return ext4_abort(e, err, "metadata cannot be written");
	if (!e->n_dirty && !e->n_revoked) {
		bool flush = e->unflushed;

		e->unflushed = false;
		return flush ? block_flush(e->disk, FATA_FOREVER) : 0;
	}
	e->unflushed = false;
	err = j->there ? write_transaction(e) : write_plainly(e);
	if (err)
		return ext4_abort(e, err, "a commit failed");
	if (j->there)
		ext4_bufs_committed(e);
	ext4_bitmaps_committed(e);
	e->tid++;
	j->sequence++;
	if (j->there && j->used > (j->end - j->first) / 3)
		return ext4_checkpoint(e);
	return 0;
}
