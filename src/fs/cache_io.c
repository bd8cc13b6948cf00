/* SPDX-License-Identifier: ISC */
/*
 * The page cache's requests to the disk, for some bytes of pages in a row.
 *
 * A page's `io` counts the parts of it that are under way, plus one while parts
 * are still being started, so that it is never done too early:
 *
 *     start: io = 1        part A: io = 2, part B: io = 3
 *     ends:  A -> 2, B -> 1, all started -> 0: done
 *
 * Interface: fs/cache.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fs/cache_page.h>

/* A request to the disk for some bytes of pages in a row. */
struct io {
	struct block_request r;
	void (*done)(void *arg, int status);
	void *arg;
	unsigned n;
	struct cache_page **pages; /* behind the vector */
	struct iovec vec[];
};

static void io_done(struct block_request *r)
{
	struct io *io = r->arg;

	for (unsigned i = 0; i < io->n; i++)
		page_io_done(io->pages[i], r->status);
	if (io->done)
		io->done(io->arg, r->status);
	heap_free(io);
}

static struct io *io_new(uint64_t first, struct cache_page **pages, uint64_t at,
			 uint64_t length)
{
	uint64_t from = at / PAGE_SIZE, to = (at + length - 1) / PAGE_SIZE;
	unsigned n = (unsigned)(to - from + 1);
	struct io *io = heap_calloc(
		1, sizeof(*io) + n * (sizeof(io->vec[0]) + sizeof(void *)));

	if (!io)
		return NULL;
	io->n = n;
	io->pages = (struct cache_page **)(void *)(io->vec + n);
	for (unsigned i = 0; i < n; i++) {
		struct cache_page *p = pages[from - first + i];
		size_t in = i ? 0 : at % PAGE_SIZE;
		size_t part = PAGE_SIZE - in;

		if (part > length)
			part = (size_t)length;
		io->pages[i] = p;
		io->vec[i] = (struct iovec){p->data + in, part};
		length -= part;
	}
	return io;
}

void page_submit(struct cached *c, enum block_op op, uint64_t first,
		 struct cache_page **pages, uint64_t at, uint64_t length,
		 uint64_t disk, void (*done)(void *arg, int status), void *arg)
{
	struct io *io = io_new(first, pages, at, length);
	uint64_t from = at / PAGE_SIZE, to = (at + length - 1) / PAGE_SIZE;
	int err;

	for (uint64_t i = from; i <= to; i++)
		pages[i - first]->io++;
	if (io) {
		io->r.op = op;
		io->r.offset = disk;
		io->r.vec = io->vec;
		io->r.count = io->n;
		io->r.fn = io_done;
		io->r.arg = io;
		io->done = done;
		io->arg = arg;
		err = block_submit(c->disk, &io->r);
		if (!err)
			return;
		heap_free(io);
	} else {
		err = -ENOMEM;
	}
	for (uint64_t i = from; i <= to; i++)
		page_io_done(pages[i - first], err);
	if (done)
		done(arg, err);
}

void cache_submit(struct cached *c, uint64_t first, struct cache_page **pages,
		  uint64_t at, uint64_t length, uint64_t disk,
		  void (*done)(void *arg, int status), void *arg)
{
	page_submit(c, BLOCK_WRITE, first, pages, at, length, disk, done, arg);
}

static int raw_map(struct cached *c, uint64_t at, uint64_t *length,
		   uint64_t *disk)
{
	uint64_t room = c->size - at;

	if (*length > room)
		*length = room;
	*disk = at;
	return 0;
}

const struct cached_ops cache_raw = {.map = raw_map};
