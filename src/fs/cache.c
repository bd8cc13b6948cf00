/* SPDX-License-Identifier: ISC */
/*
 * The page cache: pages, their states, eviction; reading and writing whole
 * runs is cache_io.c.
 *
 * Interface: fs/cache.h.
 */
#include <core/assert.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/param.h>
#include <fs/cache_page.h>
#include <libc/user.h>
#include <string.h>

static uint64_t limit_bytes;
FATA_PARAM_SIZE(limit_bytes, "cache", "1/4 of the memory",
		"pages of files on disks that are kept in memory");

static struct {
	struct list *buckets;
	size_t n_buckets; /* a power of two */
	struct list lru;  /* clean ones, the least recently used first */
	unsigned n_pages, n_dirty, limit;
	struct list dirty; /* of struct cached */
} cache = {.lru = LIST_INIT(cache.lru), .dirty = LIST_INIT(cache.dirty)};

unsigned cache_pages(void)
{
	return cache.n_pages;
}

unsigned cache_dirty(void)
{
	return cache.n_dirty;
}

static unsigned limit_of(uint64_t bytes)
{
	uint64_t n = bytes / PAGE_SIZE;

	return n < 64 ? 64 : n > 1u << 28 ? 1u << 28 : (unsigned)n;
}

void cache_set_limit(uint64_t bytes)
{
	limit_bytes = bytes;
	cache.limit = limit_of(bytes);
}

/* At the first use: the limit, and a table for it. */
static int setup(void)
{
	size_t n = 64;

	if (!cache.limit) {
		struct page_stat s;

		page_stat(&s);
		cache.limit = limit_of(limit_bytes ? limit_bytes
						   : (uint64_t)s.total *
							     PAGE_SIZE / 4);
	}
	while (n < cache.limit / 2)
		n *= 2;
	cache.buckets = heap_alloc(n * sizeof(*cache.buckets));
	if (!cache.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		list_init(&cache.buckets[i]);
	cache.n_buckets = n;
	return 0;
}

static struct list *bucket(const struct cached *c, uint64_t index)
{
	uint64_t h = ((uintptr_t)c >> 4) * 0x9e3779b97f4a7c15u;

	h = (h ^ index) * 0xff51afd7ed558ccdu;
	return &cache.buckets[(h >> 32) & (cache.n_buckets - 1)];
}

struct cache_page *page_find(struct cached *c, uint64_t index)
{
	if (!cache.buckets)
		return NULL;
	list_for_each(l, bucket(c, index))
	{
		struct cache_page *p = list_entry(l, struct cache_page, hash);

		if (p->of == c && p->index == index)
			return p;
	}
	return NULL;
}

void cache_init(struct cached *c, const struct cached_ops *ops,
		struct block *disk)
{
	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->disk = disk;
	list_init(&c->pages);
	list_init(&c->dirty);
	list_init(&c->dirty_all);
}

/* --- states --------------------------------------------------------------- */

static void page_drop(struct cache_page *p)
{
	ASSERT(p->dead && !p->pins && !p->io);
	page_free(p->data, 0);
	heap_free(p);
	cache.n_pages--;
}

void page_unpin(struct cache_page *p)
{
	if (--p->pins == 0 && p->dead && !p->io)
		page_drop(p);
}

/* Clean and idle pages can be evicted; others are in no queue. */
static void to_lru(struct cache_page *p)
{
	if (!p->dirty && !p->writing && !p->reading)
		list_add_last(&cache.lru, &p->queue);
}

/* Out of sight; its memory goes when nobody uses it any more. */
void page_forget(struct cache_page *p)
{
	if (p->dirty)
		page_clear_dirty(p);
	list_remove(&p->queue);
	list_init(&p->queue);
	list_remove(&p->hash);
	list_remove(&p->file);
	p->dead = true;
	if (!p->pins && !p->io)
		page_drop(p);
}

void page_set_dirty(struct cache_page *p)
{
	struct cached *c = p->of;

	if (p->dirty)
		return;
	p->dirty = true;
	list_remove(&p->queue);
	list_add_last(&c->dirty, &p->queue);
	if (!c->n_dirty++)
		list_add_last(&cache.dirty, &c->dirty_all);
	cache.n_dirty++;
}

void page_clear_dirty(struct cache_page *p)
{
	struct cached *c = p->of;

	p->dirty = false;
	list_remove(&p->queue);
	list_init(&p->queue);
	if (!--c->n_dirty) {
		list_remove(&c->dirty_all);
		list_init(&c->dirty_all);
	}
	cache.n_dirty--;
	if (c->ops->clean && !p->writing)
		c->ops->clean(c, 1);
}

void cache_wake(struct cached *c)
{
	while (wait_wake_first(&c->waiters, 0))
		;
}

void cache_wait(struct cached *c)
{
	wait_in(&c->waiters, NULL, "disk", FATA_FOREVER, false);
}

/* One part of its reading or writing has ended. */
void page_io_done(struct cache_page *p, int status)
{
	struct cached *c = p->of;

	if (status)
		p->error = status;
	if (--p->io)
		return;
	if (p->writing) {
		p->writing = false;
		c->writing--;
		if (p->error)
			c->error = p->error;
		if (c->ops->clean)
			c->ops->clean(c, 1);
	}
	if (p->reading) {
		p->reading = false;
		c->reading--;
		if (!p->error && !p->dead)
			page_zero_tail(p);
	}
	if (p->dead) {
		if (!p->pins)
			page_drop(p);
	} else {
		to_lru(p);
	}
	cache_wake(c);
}

/* --- memory --------------------------------------------------------------- */

/* Give up clean pages until `n` more fit into the limit. */
static void evict(unsigned n)
{
	struct list *l = cache.lru.next;

	while (l != &cache.lru && cache.n_pages + n > cache.limit) {
		struct cache_page *p = list_entry(l, struct cache_page, queue);

		l = l->next;
		if (!p->pins)
			page_forget(p);
	}
}

/* A page of that number, in no state yet, pinned once; NULL: no memory. */
struct cache_page *page_new(struct cached *c, uint64_t index)
{
	struct cache_page *p;
	void *data;

	if (!cache.buckets && setup())
		return NULL;
	evict(1);
	p = heap_calloc(1, sizeof(*p));
	data = page_alloc(0);
	if (!data) {
		/* a quarter of the cache for those who need it now */
		evict(cache.limit - cache.n_pages + cache.n_pages / 4 + 1);
		data = page_alloc(0);
	}
	if (!p || !data) {
		heap_free(p);
		if (data)
			page_free(data, 0);
		return NULL;
	}
	p->of = c;
	p->index = index;
	p->data = data;
	p->pins = 1;
	list_init(&p->queue);
	list_add_first(bucket(c, index), &p->hash);
	list_add_last(&c->pages, &p->file);
	cache.n_pages++;
	return p;
}

void page_used(struct cache_page *p)
{
	if (!p->dirty && !p->writing && !p->reading) {
		list_remove(&p->queue);
		list_add_last(&cache.lru, &p->queue);
	}
}

void page_zero_tail(struct cache_page *p)
{
	uint64_t size = p->of->size, start = p->index * PAGE_SIZE;

	if (size < start + PAGE_SIZE) {
		size_t keep = size > start ? (size_t)(size - start) : 0;

		memset(p->data + keep, 0, PAGE_SIZE - keep);
	}
}

/* --- limits --------------------------------------------------------------- */

static bool too_dirty(void)
{
	return cache.n_dirty > cache.limit / 2;
}

/* Write some of what is dirty; false: nothing can be done but wait. */
static bool write_some(struct cached *c, struct cached *worst)
{
	unsigned before = cache.n_dirty;

	cache_flush_start(worst);
	if (cache.n_dirty < before && c->writing <= cache.limit / 4)
		return true;
	/* what is dirty may just be written as it was before */
	if (c->writing)
		cache_wait(c);
	else if (cache.n_dirty >= before && worst->writing)
		cache_wait(worst);
	else
		return false;
	return true;
}

void cache_throttle(struct cached *c)
{
	while (too_dirty() && !list_empty(&cache.dirty)) {
		struct cached *worst =
			c->n_dirty * 4 >= cache.n_dirty
				? c
				: list_entry(cache.dirty.next, struct cached,
					     dirty_all);
		bool more;

		if (worst->ops->hold)
			worst->ops->hold(worst, true);
		more = write_some(c, worst);
		if (worst->ops->hold)
			worst->ops->hold(worst, false);
		if (!more)
			break;
	}
}

static void wait_idle(struct cached *c)
{
	while (c->reading || c->writing)
		cache_wait(c);
}

void cache_forget(struct cached *c)
{
	while (!list_empty(&c->pages))
		page_forget(list_entry(c->pages.next, struct cache_page, file));
}

void cache_drop(struct cached *c)
{
	cache_forget(c);
	wait_idle(c);
}

int cache_truncate(struct cached *c, uint64_t size)
{
	uint64_t old = c->size, keep = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	int err;

	if (size < old && size % PAGE_SIZE) {
		err = cache_page_zero(c, size);
		if (err)
			return err;
	}
	c->size = size;
	if (size >= old)
		return 0;
	wait_idle(c);
	list_for_each(l, &c->pages)
	{
		struct cache_page *p = list_entry(l, struct cache_page, file);

		if (p->index >= keep)
			page_forget(p);
	}
	return 0;
}
