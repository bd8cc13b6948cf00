/* SPDX-License-Identifier: ISC */
/*
 * What files of the RAM file system hold:
 *
 *     file        an array of pages; a hole has none
 *     bytes       read-only, somewhere in memory (a boot module)
 *     part        read-only, somewhere on a disk (tar.c)
 *
 * Interface: struct node_ops (node.h). Nothing blocks but reading a part.
 */
#include <core/page.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fs/cache.h>
#include <fs/ram_node.h>
#include <string.h>

ssize_t ram_read(struct node *n, void *p, size_t size, uint64_t at)
{
	struct ram *r = ram_of(n);
	size_t done = 0;

	if (at >= n->size)
		return 0;
	if (size > n->size - at)
		size = n->size - at;
	if (r->bytes) {
		memcpy(p, r->bytes + at, size);
		return (ssize_t)size;
	}
	if (r->disk)
		return cache_read(r->disk, p, size, r->disk_at + at);
	while (done < size) {
		size_t i = (at + done) / PAGE_SIZE;
		size_t in = (at + done) % PAGE_SIZE;
		size_t part = PAGE_SIZE - in;
		const char *page = i < r->n_pages ? r->pages[i] : NULL;

		if (part > size - done)
			part = size - done;
		if (page)
			memcpy((char *)p + done, page + in, part);
		else
			memset((char *)p + done, 0, part);
		done += part;
	}
	return (ssize_t)done;
}

/*
 * The page of a file, made if need be; NULL without memory. What is made for a
 * write of the whole page need not be zeroed first.
 */
static char *page_at(struct ram *r, size_t i, bool whole)
{
	if (i >= r->n_pages) {
		size_t n = r->n_pages ? r->n_pages * 2 : 4;
		void **pages;

		while (n <= i)
			n *= 2;
		pages = heap_realloc(r->pages, n * sizeof(*pages));
		if (!pages)
			return NULL;
		memset(pages + r->n_pages, 0,
		       (n - r->n_pages) * sizeof(*pages));
		r->pages = pages;
		r->n_pages = n;
	}
	if (!r->pages[i]) {
		r->pages[i] = whole ? page_alloc_raw(0) : page_alloc(0);
		r->backed += !!r->pages[i];
	}
	return r->pages[i];
}

ssize_t ram_write(struct node *n, const void *p, size_t size, uint64_t at)
{
	struct ram *r = ram_of(n);
	size_t done = 0;

	if (n->read_only || r->bytes)
		return -EROFS;
	if (at > INT64_MAX - size || (at + size) / PAGE_SIZE > UINT32_MAX)
		return -EFBIG;
	while (done < size) {
		size_t in = (at + done) % PAGE_SIZE, part = PAGE_SIZE - in;
		char *page;

		if (part > size - done)
			part = size - done;
		page = page_at(r, (at + done) / PAGE_SIZE, part == PAGE_SIZE);
		if (!page)
			break;
		memcpy(page + in, (const char *)p + done, part);
		done += part;
	}
	if (at + done > n->size && done)
		n->size = at + done;
	node_modified(n);
	return done || !size ? (ssize_t)done : -ENOSPC;
}

/* Whole pages behind the end go; the rest of the last one becomes zero. */
int ram_truncate(struct node *n, uint64_t size)
{
	struct ram *r = ram_of(n);
	size_t keep = (size + PAGE_SIZE - 1) / PAGE_SIZE;

	if (r->bytes)
		return -EROFS;
	for (size_t i = keep; i < r->n_pages; i++) {
		if (r->pages[i]) {
			page_free(r->pages[i], 0);
			r->backed--;
		}
		r->pages[i] = NULL;
	}
	if (size % PAGE_SIZE && keep <= r->n_pages && r->pages[keep - 1])
		memset((char *)r->pages[keep - 1] + size % PAGE_SIZE, 0,
		       PAGE_SIZE - size % PAGE_SIZE);
	n->size = size;
	node_modified(n);
	return 0;
}

uint64_t ram_space(const struct node *n)
{
	const struct ram *r = (const void *)n;

	return r->backed * PAGE_SIZE;
}
