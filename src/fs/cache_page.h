/* SPDX-License-Identifier: ISC */
/* The inside of the page cache: cache.c, cache_{io,read,write}.c. */
#ifndef FATA_FS_CACHE_PAGE_H
#define FATA_FS_CACHE_PAGE_H

#include <fs/cache.h>

struct cache_page {
	struct list hash, file; /* bucket; its file's pages */
	struct list queue;      /* the clean ones', or its file's dirty ones' */
	struct cached *of;
	uint64_t index;
	unsigned char *data;
	unsigned pins; /* tasks that use it */
	unsigned io;   /* parts under way, and who still starts some */
	int error;     /* of the last reading or writing */
	bool reading, writing, dirty;
	bool ahead; /* when it is read, read ahead once more */
	bool dead;  /* forgotten; goes with its last user */
};

struct cache_page *page_find(struct cached *c, uint64_t index);
struct cache_page *page_new(struct cached *c, uint64_t index);
void page_unpin(struct cache_page *p);
void page_forget(struct cache_page *p);
void page_set_dirty(struct cache_page *p);
void page_clear_dirty(struct cache_page *p);
void page_io_done(struct cache_page *p, int status);
void page_used(struct cache_page *p);
void page_zero_tail(struct cache_page *p);

/* The page, read and pinned. 0, -ENOMEM, or the disk's error. */
int page_get(struct cached *c, uint64_t index, struct cache_page **out);

/* Start a request for these bytes of pages that begin with this number. */
void page_submit(struct cached *c, enum block_op op, uint64_t first,
		 struct cache_page **pages, uint64_t at, uint64_t length,
		 uint64_t disk, void (*done)(void *arg, int status), void *arg);

/* Wait for, tell of, a change of one of its pages. */
void cache_wait(struct cached *c);
void cache_wake(struct cached *c);

/* Wait while too much is dirty. */
void cache_throttle(struct cached *c);

/* Zero from `at` to the end of its page, which is dirty then. */
int cache_page_zero(struct cached *c, uint64_t at);

#endif
