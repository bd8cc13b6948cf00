/* SPDX-License-Identifier: ISC */
/*
 * The page cache: what was read from a disk, and what is still to be written.
 *
 *     struct cached     a file, or a disk as it is: knows where its bytes lie
 *       pages 0 1 2 ..  valid, dirty, or under way; found by one hash table
 *     struct block      the disk (fata/block.h)
 *
 * A page goes through
 *
 *     (none) -> READING -> clean -> DIRTY -> WRITING -> clean -> (evicted)
 *                                     ^---------'  written to meanwhile
 *
 * Clean pages of all files stand in one queue, the least recently used first;
 * it is cut to the limit of boot parameter `cache`. When more than half of the
 * limit is dirty, who writes waits until some is written.
 *
 * Interface: tasks only. Calls wait for disks, and so may find the world
 * changed after them; a `struct cached` stays in place while a call on it runs.
 * A wait for a disk is not cut short by a cancellation or a signal.
 */
#ifndef FATA_FS_CACHE_H
#define FATA_FS_CACHE_H

#include <core/list.h>
#include <core/wait.h>
#include <fata/block.h>
#include <stdbool.h>
#include <sys/types.h>

struct cached;
struct cache_page;

/* Nothing is stored there: it reads as zeroes. */
#define CACHE_HOLE UINT64_MAX

struct cached_ops {
	/*
	 * Where on the disk the bytes from `at` on lie; *length is cut to what
	 * lies together. *disk: bytes, or CACHE_HOLE. Can block.
	 */
	int (*map)(struct cached *c, uint64_t at, uint64_t *length,
		   uint64_t *disk);
	/*
	 * Write n pages in a row, from this page number on: give them space,
	 * then cache_submit for each part that lies together. An error: what
	 * was not submitted is lost. Can block.
	 */
	int (*write)(struct cached *c, uint64_t first,
		     struct cache_page **pages, unsigned n);
	/* (o) One more page is dirty that was not: 0, or -ENOSPC. */
	int (*dirty)(struct cached *c);
	/* (o) n dirty pages are written, or lost. */
	void (*clean)(struct cached *c, unsigned n);
	/* (o) Keep it in place, or let it go: others write its pages. */
	void (*hold)(struct cached *c, bool hold);
};

struct cached {
	const struct cached_ops *ops;
	struct block *disk;
	uint64_t size;            /* bytes; pages end there with zeroes */
	struct list pages, dirty; /* all; those to be written */
	struct list dirty_all;    /* in the list of those that have such */
	unsigned n_dirty, reading, writing;
	int error;                 /* of a write, until somebody is told */
	uint64_t next;             /* page number: a sequential reader's next */
	unsigned window;           /* pages to read ahead for it */
	struct sync_queue waiters; /* for any page to change its state */
};

void cache_init(struct cached *c, const struct cached_ops *ops,
		struct block *disk);

/* Forget all pages, dirty ones too; what is under way goes on. */
void cache_forget(struct cached *c);

/* The same, then wait for what is under way. */
void cache_drop(struct cached *c);

/*
 * Copy out (in). `p` may be the program's memory: checked before each touch.
 * The bytes copied, fewer at the end; writing moves the end. -EIO, -EFAULT,
 * -ENOMEM, -ENOSPC when there are none.
 */
ssize_t cache_read(struct cached *c, void *p, size_t n, uint64_t at);
ssize_t cache_write(struct cached *c, const void *p, size_t n, uint64_t at);

/*
 * Cut off (or add a hole): pages behind the end are forgotten, the rest of the
 * last one is zeroed, and dirty then. 0, or the error of reading that page.
 */
int cache_truncate(struct cached *c, uint64_t size);

/* Write all dirty pages and wait for it. 0, or an error since the last call. */
int cache_flush(struct cached *c);

/* Begin the same, without waiting for the disk. */
void cache_flush_start(struct cached *c);

/*
 * For `write`: these bytes of the pages go there on the disk. `at`: in the
 * file. `done` (o) is called when it has ended; must not block.
 */
void cache_submit(struct cached *c, uint64_t first, struct cache_page **pages,
		  uint64_t at, uint64_t length, uint64_t disk,
		  void (*done)(void *arg, int status), void *arg);

/* A whole disk, read as it is. */
extern const struct cached_ops cache_raw;

/* Pages there are, and of them dirty ones; for tests and metrics. */
unsigned cache_pages(void);
unsigned cache_dirty(void);

/* In place of the parameter's value. */
void cache_set_limit(uint64_t bytes);

#endif
