/* SPDX-License-Identifier: ISC */
/*
 * The page cache's writers: into pages, which are dirty then; and from there to
 * the disk, in the order of the file, neighbours together.
 *
 * Interface: fs/cache.h.
 */
#include <core/sort.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fs/cache_page.h>
#include <libc/user.h>
#include <string.h>

#define RUN_PAGES 256 /* at most in one request */

/* A page to write into, pinned: read only if some of its old bytes stay. */
static int page_to_write(struct cached *c, uint64_t at, size_t n,
			 struct cache_page **out)
{
	uint64_t index = at / PAGE_SIZE, start = index * PAGE_SIZE;
	struct cache_page *p = page_find(c, index);
	bool whole = at == start && (n == PAGE_SIZE || at + n >= c->size);

	if (p || !(whole || start >= c->size))
		return page_get(c, index, out);
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
	err = page_get(c, at / PAGE_SIZE, &p);
	if (err)
		return err == -ESTALE ? 0 : err;
	err = make_dirty(c, p);
	memset(p->data + at % PAGE_SIZE, 0, PAGE_SIZE - at % PAGE_SIZE);
	page_unpin(p);
	return err;
}

static bool before(const void *a, const void *b)
{
	const struct cache_page *const *p = a, *const *q = b;

	return (*p)->index < (*q)->index;
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
	sort(pages, n, sizeof(*pages), before);
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
