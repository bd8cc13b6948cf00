/* SPDX-License-Identifier: ISC */
/*
 * The page cache's way to the disk and to the program: runs of pages are read
 * ahead and written together.
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
#include <libc/user.h>
#include <string.h>

#define RUN_PAGES   256 /* at most in one request */
#define AHEAD_LEAST 4
#define AHEAD_MOST  64

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

static void submit(struct cached *c, enum block_op op, uint64_t first,
		   struct cache_page **pages, uint64_t at, uint64_t length,
		   uint64_t disk, void (*done)(void *arg, int status),
		   void *arg)
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
	submit(c, BLOCK_WRITE, first, pages, at, length, disk, done, arg);
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

/* --- reading -------------------------------------------------------------- */

static void zero_part(uint64_t first, struct cache_page **pages, uint64_t at,
		      uint64_t length)
{
	while (length) {
		size_t in = at % PAGE_SIZE, part = PAGE_SIZE - in;

		if (part > length)
			part = (size_t)length;
		memset(pages[at / PAGE_SIZE - first]->data + in, 0, part);
		at += part;
		length -= part;
	}
}

/* Read n fresh pages in a row; each is done some time later, or failed. */
static void read_run(struct cached *c, struct cache_page **pages, unsigned n)
{
	uint64_t first = pages[0]->index, at = first * PAGE_SIZE;
	uint64_t end = at + (uint64_t)n * PAGE_SIZE;
	int err = 0;

	while (at < end && !err) {
		uint64_t length = end - at, disk;

		if (at >= c->size) {
			zero_part(first, pages, at, length);
			break;
		}
		err = c->ops->map(c, at, &length, &disk);
		if (err)
			break;
		if (length > end - at)
			length = end - at;
		if (disk == CACHE_HOLE)
			zero_part(first, pages, at, length);
		else
			submit(c, BLOCK_READ, first, pages, at, length, disk,
			       NULL, NULL);
		at += length;
	}
	for (unsigned i = 0; i < n; i++) {
		bool missed = err && (first + i + 1) * PAGE_SIZE > at;

		page_io_done(pages[i], missed ? err : 0);
	}
}

/*
 * Begin to read from this page on, as far as there are none yet. The first is
 * the caller's, pinned; NULL: no memory.
 */
static struct cache_page *read_start(struct cached *c, uint64_t index,
				     unsigned most)
{
	struct cache_page *pages[AHEAD_MOST];
	uint64_t last = c->size ? (c->size - 1) / PAGE_SIZE : 0;
	unsigned n = 0;

	while (n < most && (!n || index + n <= last)) {
		struct cache_page *p = page_find(c, index + n);

		if (p || !(p = page_new(c, index + n)))
			break;
		p->reading = true;
		p->io = 1;
		c->reading++;
		pages[n++] = p;
	}
	if (!n)
		return NULL;
	if (n > AHEAD_LEAST)
		pages[n / 2]->ahead = true;
	read_run(c, pages, n);
	for (unsigned i = 1; i < n; i++)
		page_unpin(pages[i]);
	return pages[0];
}

/* How much to read at this page: more each time that a reader goes on. */
static unsigned window(struct cached *c, uint64_t index)
{
	if (index != c->next)
		c->window = index ? 1 : AHEAD_LEAST;
	else if (c->window < AHEAD_MOST)
		c->window *= 2;
	if (c->window > AHEAD_MOST || !c->window)
		c->window = AHEAD_LEAST;
	return c->window;
}

/* A reader passes the middle of what was read ahead: read the next part. */
static void go_on(struct cached *c, struct cache_page *p)
{
	uint64_t from = p->index + 1;
	struct cache_page *next;

	p->ahead = false;
	while ((next = page_find(c, from)) && from - p->index < AHEAD_MOST)
		from++;
	if (next || from * PAGE_SIZE >= c->size)
		return;
	if (c->window < AHEAD_MOST)
		c->window *= 2;
	next = read_start(c, from, c->window ? c->window : AHEAD_LEAST);
	if (next)
		page_unpin(next);
}

/* The page, read and pinned. 0, -ENOMEM, or the disk's error. */
static int get_page(struct cached *c, uint64_t index, struct cache_page **out)
{
	for (;;) {
		struct cache_page *p = page_find(c, index);

		if (p)
			p->pins++;
		else
			p = read_start(c, index, window(c, index));
		if (!p)
			return -ENOMEM;
		if (p->ahead)
			go_on(c, p);
		while (p->reading && !p->dead)
			cache_wait(c);
		c->next = index + 1;
		if (!p->dead && !p->error) {
			*out = p;
			return 0;
		}
		if (!p->dead) {
			int err = p->error;

			page_forget(p);
			page_unpin(p);
			return err;
		}
		page_unpin(p); /* cut off meanwhile */
		if (index * PAGE_SIZE >= c->size)
			return -ESTALE;
	}
}

ssize_t cache_read(struct cached *c, void *p, size_t n, uint64_t at)
{
	size_t done = 0;

	while (done < n && at < c->size) {
		size_t in = at % PAGE_SIZE, part = PAGE_SIZE - in;
		struct cache_page *page;
		int err = get_page(c, at / PAGE_SIZE, &page);

		if (err == -ESTALE)
			break;
		if (part > n - done)
			part = n - done;
		if (at >= c->size)
			part = 0;
		else if (part > c->size - at)
			part = (size_t)(c->size - at);
		if (!err && !user_writable((char *)p + done, part))
			err = -EFAULT;
		if (!err) {
			memcpy((char *)p + done, page->data + in, part);
			page_used(page);
		}
		if (err != -EFAULT && err)
			return done ? (ssize_t)done : err;
		page_unpin(page);
		if (err)
			return done ? (ssize_t)done : err;
		done += part;
		at += part;
		if (!part)
			break;
	}
	return (ssize_t)done;
}

/* --- writing -------------------------------------------------------------- */

/* A page to write into, pinned: read only if some of its old bytes stay. */
static int page_to_write(struct cached *c, uint64_t at, size_t n,
			 struct cache_page **out)
{
	uint64_t index = at / PAGE_SIZE, start = index * PAGE_SIZE;
	struct cache_page *p = page_find(c, index);
	bool whole = at == start && (n == PAGE_SIZE || at + n >= c->size);

	if (p || !(whole || start >= c->size))
		return get_page(c, index, out);
	p = page_new(c, index);
	if (!p)
		return -ENOMEM;
	page_used(p);
	*out = p;
	return 0;
}

static int make_dirty(struct cached *c, struct cache_page *p)
{
	int err;

	if (p->dirty)
		return 0;
	err = c->ops->dirty ? c->ops->dirty(c) : 0;
	if (err)
		return err;
	if (p->dirty || p->dead) { /* while `dirty` waited */
		if (c->ops->clean)
			c->ops->clean(c, 1);
		return 0;
	}
	page_set_dirty(p);
	return 0;
}

ssize_t cache_write(struct cached *c, const void *p, size_t n, uint64_t at)
{
	size_t done = 0;
	int err = 0;

	while (done < n) {
		size_t in = at % PAGE_SIZE, part = PAGE_SIZE - in;
		struct cache_page *page;

		cache_throttle(c);
		if (part > n - done)
			part = n - done;
		err = page_to_write(c, at, part, &page);
		if (err)
			break;
		err = make_dirty(c, page);
		if (!err && !user_readable((const char *)p + done, part))
			err = -EFAULT;
		if (!err && !page->dead) {
			memcpy(page->data + in, (const char *)p + done, part);
			done += part;
			at += part;
			if (at > c->size)
				c->size = at;
		}
		page_unpin(page);
		if (err)
			break;
	}
	return done || !err ? (ssize_t)done : err == -ESTALE ? -EIO : err;
}

int cache_page_zero(struct cached *c, uint64_t at)
{
	uint64_t length = 1, disk;
	struct cache_page *p;
	int err;

	if (!page_find(c, at / PAGE_SIZE)) {
		err = c->ops->map(c, at, &length, &disk);
		if (err || disk == CACHE_HOLE)
			return err;
	}
	err = get_page(c, at / PAGE_SIZE, &p);
	if (err)
		return err == -ESTALE ? 0 : err;
	err = make_dirty(c, p);
	memset(p->data + at % PAGE_SIZE, 0, PAGE_SIZE - at % PAGE_SIZE);
	page_unpin(p);
	return err;
}

/* Shell's sort, by page number: few, or nearly in order. */
static void sort(struct cache_page **p, unsigned n)
{
	for (unsigned gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11) {
		for (unsigned i = gap; i < n; i++) {
			struct cache_page *x = p[i];
			unsigned j = i;

			for (; j >= gap && p[j - gap]->index > x->index;
			     j -= gap)
				p[j] = p[j - gap];
			p[j] = x;
		}
	}
}

/* Pages in a row, still dirty when their turn has come. */
static void write_run(struct cached *c, struct cache_page **pages, unsigned n)
{
	int err;

	for (unsigned i = 0; i < n; i++) {
		pages[i]->writing = true;
		pages[i]->error = 0;
		pages[i]->io++;
		c->writing++;
		page_clear_dirty(pages[i]);
	}
	err = c->ops->write(c, pages[0]->index, pages, n);
	for (unsigned i = 0; i < n; i++)
		page_io_done(pages[i], err);
}

static bool may_write(const struct cache_page *p)
{
	return p->dirty && !p->dead && !p->writing && !p->reading;
}

static void write_sorted(struct cached *c, struct cache_page **pages,
			 unsigned n)
{
	for (unsigned i = 0; i < n;) {
		unsigned run = 0;

		while (i < n && !may_write(pages[i]))
			i++;
		while (i + run < n && run < RUN_PAGES &&
		       may_write(pages[i + run]) &&
		       pages[i + run]->index == pages[i]->index + run)
			run++;
		if (run)
			write_run(c, pages + i, run);
		i += run;
	}
}

void cache_flush_start(struct cached *c)
{
	unsigned n = 0, most = c->n_dirty;
	struct cache_page **pages = heap_alloc(most * sizeof(*pages) + 1);
	struct cache_page *few[16];

	if (!pages) { /* then a few at a time */
		pages = few;
		most = most < 16 ? most : 16;
	}
	list_for_each(l, &c->dirty)
	{
		if (n == most)
			break;
		pages[n] = list_entry(l, struct cache_page, queue);
		pages[n++]->pins++;
	}
	sort(pages, n);
	write_sorted(c, pages, n);
	for (unsigned i = 0; i < n; i++)
		page_unpin(pages[i]);
	if (pages != few)
		heap_free(pages);
}

/*
 * What is dirtied meanwhile is not waited for without end: pages that are under
 * way at the first look are let end, then all that is dirty is written once.
 */
int cache_flush(struct cached *c)
{
	int err;

	for (unsigned round = 0; round < 2; round++) {
		if (round && !c->n_dirty)
			break;
		cache_flush_start(c);
		while (c->writing)
			cache_wait(c);
	}
	err = c->error;
	c->error = 0;
	return err;
}
