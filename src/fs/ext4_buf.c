/* SPDX-License-Identifier: ISC */
/*
 * Blocks of ext4's metadata in memory: what libext2fs reads and writes.
 *
 *     clean    as on the disk; the least recently used goes first
 *     dirty    changed in the running transaction
 *     logged   committed to the journal, not yet written to its place
 *     revoked  logged, then freed: the commit says so, then it goes
 *
 *              write            commit            checkpoint
 *     clean  --------->  dirty  -------->  logged ---------->  clean
 *                          ^------------------'  write
 *
 * A buffer that is dirty and logged is in the dirty queue. A checkpoint comes
 * only right after a commit, when nothing is dirty, so that one copy of a block
 * is enough.
 */
#include <core/sort.h>
#include <errno.h>
#include <fata/heap.h>
#include <fs/ext4.h>
#include <string.h>

#define BUCKETS     4096 /* a power of two */
#define CLEAN_BYTES (4u << 20)
#define AHEAD       8 /* blocks read at once */

static struct list *bucket(const struct ext4 *e, uint64_t block)
{
	return &e->bufs[block * 0x9e3779b97f4a7c15u >> 52 & (BUCKETS - 1)];
}

int ext4_bufs_init(struct ext4 *e)
{
	e->bufs = heap_alloc(BUCKETS * sizeof(*e->bufs));
	if (!e->bufs)
		return -ENOMEM;
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&e->bufs[i]);
	list_init(&e->clean);
	list_init(&e->dirty);
	list_init(&e->logged);
	list_init(&e->revoked);
	return 0;
}

static struct ext4_buf *find(const struct ext4 *e, uint64_t block)
{
	list_for_each(l, bucket(e, block))
	{
		struct ext4_buf *b = list_entry(l, struct ext4_buf, hash);

		if (b->block == block)
			return b;
	}
	return NULL;
}

static void drop(struct ext4 *e, struct ext4_buf *b)
{
	list_remove(&b->hash);
	list_remove(&b->queue);
	heap_free(b);
	e->n_bufs--;
}

static void drop_queue(struct ext4 *e, struct list *queue)
{
	while (!list_empty(queue))
		drop(e, list_entry(queue->next, struct ext4_buf, queue));
}

void ext4_bufs_free(struct ext4 *e)
{
	if (!e->bufs)
		return;
	drop_queue(e, &e->clean);
	drop_queue(e, &e->dirty);
	drop_queue(e, &e->logged);
	drop_queue(e, &e->revoked);
	heap_free(e->bufs);
	e->bufs = NULL;
}

/* Let the oldest clean ones go, so that there is room for n more. */
static void make_room(struct ext4 *e, unsigned n)
{
	while (((uint64_t)e->n_bufs + n) * e->block_size > CLEAN_BYTES &&
	       !list_empty(&e->clean))
		drop(e, list_entry(e->clean.next, struct ext4_buf, queue));
}

static struct ext4_buf *make(struct ext4 *e, uint64_t block)
{
	struct ext4_buf *b = heap_calloc(1, sizeof(*b) + e->block_size);

	if (!b)
		return NULL;
	b->block = block;
	list_add_first(bucket(e, block), &b->hash);
	list_add_last(&e->clean, &b->queue);
	e->n_bufs++;
	return b;
}

/* Read a block and those behind it that are not known. */
static int fill(struct ext4 *e, uint64_t block, struct ext4_buf **out)
{
	uint64_t n_blocks = e->disk_size / e->block_size;
	struct ext4_buf *b[AHEAD];
	struct iovec v[AHEAD];
	unsigned n = 0;
	int err;

	if (block >= n_blocks)
		return -EUCLEAN;
	make_room(e, AHEAD); /* before: what is made here is clean, too */
	while (n < AHEAD && block + n < n_blocks && !find(e, block + n)) {
		b[n] = make(e, block + n);
		if (!b[n])
			break;
		v[n] = (struct iovec){b[n]->data, e->block_size};
		n++;
	}
	if (!n)
		return -ENOMEM;
	err = block_readv(e->disk, block * e->block_size, v, n, FATA_FOREVER);
	if (!err) {
		*out = b[0];
		return 0;
	}
	while (n)
		drop(e, b[--n]);
	return err;
}

/* whole: it will be written completely, so it need not be read. */
static int get(struct ext4 *e, uint64_t block, bool whole,
	       struct ext4_buf **out)
{
	struct ext4_buf *b = find(e, block);

	if (!b && whole) {
		make_room(e, 1);
		b = make(e, block);
		*out = b;
		return b ? 0 : -ENOMEM;
	}
	if (!b)
		return fill(e, block, out);
	if (!b->dirty && !b->logged) {
		list_remove(&b->queue);
		list_add_last(&e->clean, &b->queue);
	}
	*out = b;
	return 0;
}

int ext4_buf_read(struct ext4 *e, uint64_t at, size_t n, void *p)
{
	while (n) {
		size_t in = at % e->block_size, part = e->block_size - in;
		struct ext4_buf *b;
		int err = get(e, at / e->block_size, false, &b);

		if (err)
			return err;
		if (part > n)
			part = n;
		memcpy(p, b->data + in, part);
		p = (char *)p + part;
		at += part;
		n -= part;
	}
	return 0;
}

static void set_dirty(struct ext4 *e, struct ext4_buf *b)
{
	if (b->dirty)
		return;
	b->dirty = true;
	e->n_dirty++;
	list_remove(&b->queue);
	list_add_last(&e->dirty, &b->queue);
}

int ext4_buf_write(struct ext4 *e, uint64_t at, size_t n, const void *p)
{
	while (n) {
		size_t in = at % e->block_size, part = e->block_size - in;
		uint64_t block = at / e->block_size;
		bool known = find(e, block);
		struct ext4_buf *b;
		int err;

		if (part > n)
			part = n;
		if (block >= e->disk_size / e->block_size)
			return -EUCLEAN;
		err = get(e, block, part == e->block_size, &b);
		if (err)
			return err;
		known = known || part < e->block_size;
		if (!known || memcmp(b->data + in, p, part)) {
			memcpy(b->data + in, p, part);
			set_dirty(e, b);
		}
		p = (const char *)p + part;
		at += part;
		n -= part;
	}
	return 0;
}

void ext4_buf_freed(struct ext4 *e, uint64_t block)
{
	struct ext4_buf *b = find(e, block);

	if (!b)
		return;
	if (b->dirty)
		e->n_dirty--;
	if (!b->logged) {
		drop(e, b);
		return;
	}
	b->dirty = false;
	list_remove(&b->hash); /* nobody is to find it any more */
	list_init(&b->hash);
	list_remove(&b->queue);
	list_add_last(&e->revoked, &b->queue);
	e->n_revoked++;
}

void ext4_bufs_committed(struct ext4 *e)
{
	while (!list_empty(&e->dirty)) {
		struct ext4_buf *b =
			list_entry(e->dirty.next, struct ext4_buf, queue);

		b->dirty = false;
		b->logged = true;
		list_remove(&b->queue);
		list_add_last(&e->logged, &b->queue);
	}
	e->n_dirty = 0;
	drop_queue(e, &e->revoked);
	e->n_revoked = 0;
}

static bool before(const void *a, const void *b)
{
	const struct ext4_buf *const *p = a, *const *q = b;

	return (*p)->block < (*q)->block;
}

#define RUN 64

/* In the order of the disk, neighbours together. */
static int write_sorted(struct ext4 *e, struct ext4_buf **b, size_t n)
{
	struct iovec v[RUN];
	int err = 0;

	for (size_t i = 0; i < n && !err;) {
		unsigned run = 0;

		while (run < RUN && i + run < n &&
		       b[i + run]->block == b[i]->block + run) {
			v[run] =
				(struct iovec){b[i + run]->data, e->block_size};
			run++;
		}
		err = block_writev(e->disk, b[i]->block * e->block_size, v, run,
				   FATA_FOREVER);
		i += run;
	}
	return err;
}

int ext4_bufs_home(struct ext4 *e, struct list *queue)
{
	struct ext4_buf **b;
	size_t n = 0, i = 0;
	int err;

	list_for_each(l, queue) n++;
	if (!n)
		return 0;
	b = heap_alloc(n * sizeof(*b));
	if (!b)
		return -ENOMEM;
	list_for_each(l, queue) b[i++] = list_entry(l, struct ext4_buf, queue);
	sort(b, n, sizeof(*b), before);
	err = write_sorted(e, b, n);
	for (i = 0; i < n && !err; i++) {
		if (b[i]->dirty)
			e->n_dirty--;
		b[i]->dirty = b[i]->logged = false;
		list_remove(&b[i]->queue);
		list_add_last(&e->clean, &b[i]->queue);
	}
	heap_free(b);
	return err;
}
