/* SPDX-License-Identifier: ISC */
/*
 * Disks in memory: zeroed RAM, or a boot module. A request ends before
 * block_submit returns.
 */
#include <core/block.h>
#include <errno.h>
#include <fata/boot.h>
#include <fata/heap.h>
#include <string.h>

#define SECTOR 512

struct memory_disk {
	struct block block;
	unsigned char *data;
	bool owned;
};

static int submit(struct block *b, struct block_request *r)
{
	struct memory_disk *m = (struct memory_disk *)b;
	unsigned char *at = m->data + r->offset;
	unsigned vec = 0;
	size_t byte = 0;

	if (r->op == BLOCK_READ || r->op == BLOCK_WRITE) {
		block_copy(r, &vec, &byte, at, r->size, r->op == BLOCK_READ);
		b->stat.copied += r->size;
	} else if (r->op != BLOCK_FLUSH) {
		memset(at, 0, r->size);
	}
	b->stat.issued++;
	block_end(r, 0);
	return 0;
}

/* Nothing is ever under way. */
static void cancel(struct block *b, struct block_request *r)
{
	(void)b;
	(void)r;
}

static void close_disk(struct block *b)
{
	struct memory_disk *m = (struct memory_disk *)b;

	if (m->owned)
		heap_free(m->data);
	heap_free(m);
}

static const struct block_ops memory_ops = {
	.submit = submit,
	.cancel = cancel,
	.close = close_disk,
};

static int make(unsigned char *data, size_t size, bool owned, struct block **b)
{
	struct memory_disk *m = heap_calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->data = data;
	m->owned = owned;
	m->block.ops = &memory_ops;
	m->block.stat.connects = 1;
	m->block.info = (struct block_info){
		.size = size,
		.sector = SECTOR,
		.physical = SECTOR,
		.up = true,
		.discard = true,
		.discard_secure = true,
		.discard_granularity = SECTOR,
	};
	*b = &m->block;
	return 0;
}

int block_open_ram(size_t size, struct block **b)
{
	unsigned char *data;
	int rc;

	if (!size || size % SECTOR)
		return -EINVAL;
	data = heap_calloc(1, size);
	if (!data)
		return -ENOMEM;
	rc = make(data, size, true, b);
	if (rc)
		heap_free(data);
	return rc;
}

int block_open_module(unsigned n, struct block **b)
{
	const struct boot_module *m = boot_module(n);

	if (!m)
		return -ENOENT;
	return make(m->data, m->size - m->size % SECTOR, false, b);
}
