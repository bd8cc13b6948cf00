/* SPDX-License-Identifier: ISC */
/*
 * The page cache's readers. Who reads on gets more read ahead each time: when a
 * reader passes the middle of what was read ahead, the next part is begun.
 *
 * Interface: fs/cache.h.
 */
#include <errno.h>
#include <fata/page.h>
#include <fs/cache_page.h>
#include <libc/user.h>
#include <string.h>

#define AHEAD_LEAST 4
#define AHEAD_MOST  64

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
			page_submit(c, BLOCK_READ, first, pages, at, length,
				    disk, NULL, NULL);
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

int page_get(struct cached *c, uint64_t index, struct cache_page **out)
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
		int err = page_get(c, at / PAGE_SIZE, &page);

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
