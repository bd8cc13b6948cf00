/* SPDX-License-Identifier: ISC */
/*
 * Disks inside: what every kind of disk has, and what each does for itself.
 *
 * Interface: block.c checks a request against the disk's info before `submit`
 * sees it. A kind of disk calls block_end once for each request that it has
 * accepted, unless `cancel` came before.
 */
#ifndef FATA_CORE_BLOCK_H
#define FATA_CORE_BLOCK_H

#include <core/list.h>
#include <fata/block.h>

struct block_ops {
	/* Accept r: 0 or an error. May call block_end at once. */
	int (*submit)(struct block *b, struct block_request *r);
	/* (o) Somebody waits: hold nothing back. */
	void (*push)(struct block *b);
	/* Forget r, which has not ended. */
	void (*cancel)(struct block *b, struct block_request *r);
	void (*close)(struct block *b);
	/* (o) else page_alloc and page_free */
	void *(*buffer_alloc)(struct block *b, unsigned order);
	void (*buffer_free)(struct block *b, void *p, unsigned order);
};

/* What a kind of disk embeds. */
struct block {
	const struct block_ops *ops;
	struct block_info info;
	struct block_stat stat;
	struct event changed;
};

/* r has ended. */
void block_end(struct block_request *r, int status);

/* 0, or why this disk, as it is now, cannot do r. */
int block_judge(const struct block *b, const struct block_request *r);

/*
 * Copy n bytes between r's pieces and p. *vec and *byte say where in the pieces
 * to begin and move on. `in`: from p into the pieces.
 */
void block_copy(const struct block_request *r, unsigned *vec, size_t *byte,
		void *p, size_t n, bool in);

/* Move over n bytes without copying. */
void block_skip(const struct block_request *r, unsigned *vec, size_t *byte,
		size_t n);

static inline struct list *block_link(struct block_request *r)
{
	_Static_assert(sizeof(r->link) == sizeof(struct list), "a list entry");
	return (struct list *)(void *)r->link;
}

#define block_of_link(entry) list_entry(entry, struct block_request, link)

#endif
