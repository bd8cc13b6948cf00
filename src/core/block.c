/* SPDX-License-Identifier: ISC */
/*
 * Disks of any kind: requests are judged here, waited for, ended and counted;
 * what they do is the kind's own (core/block.h).
 */
#include <core/block.h>
#include <errno.h>
#include <fata/page.h>
#include <string.h>

static bool writes(enum block_op op)
{
	return op == BLOCK_WRITE || op == BLOCK_DISCARD ||
	       op == BLOCK_DISCARD_SECURE;
}

int block_judge(const struct block *b, const struct block_request *r)
{
	uint64_t mask = b->info.sector - 1;

	if (r->op == BLOCK_FLUSH)
		return 0;
	if (!r->size || r->size & mask || r->offset & mask)
		return -EINVAL;
	if (r->size > b->info.size || r->offset > b->info.size - r->size)
		return -ERANGE;
	if (b->info.readonly && writes(r->op))
		return -EROFS;
	if ((r->op == BLOCK_DISCARD && !b->info.discard) ||
	    (r->op == BLOCK_DISCARD_SECURE && !b->info.discard_secure))
		return -EOPNOTSUPP;
	return 0;
}

/* The vector's size; 0 also when it is nonsense. */
static uint64_t size_of(const struct block_request *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < r->count; i++) {
		if (r->vec[i].iov_len > INT64_MAX - sum)
			return 0;
		sum += r->vec[i].iov_len;
	}
	return sum;
}

int block_submit(struct block *b, struct block_request *r)
{
	int rc;

	if (r->op == BLOCK_READ || r->op == BLOCK_WRITE)
		r->size = size_of(r);
	else if (r->op == BLOCK_FLUSH)
		r->size = 0;
	else if (r->op != BLOCK_DISCARD && r->op != BLOCK_DISCARD_SECURE)
		return -EINVAL;
	rc = block_judge(b, r);
	if (rc)
		return rc;
	r->block = b;
	r->status = -EINPROGRESS;
	r->issued = r->at_byte = 0;
	r->at_vec = r->parts = 0;
	r->error = 0;
	r->alone = false;
	list_init(block_link(r));
	rc = b->ops->submit(b, r);
	if (rc)
		r->status = rc;
	return rc;
}

int block_wait(struct block_request *r, uint64_t deadline)
{
	uint64_t seen = event_count(&r->done);
	int rc;

	if (r->status == -EINPROGRESS && r->block->ops->push)
		r->block->ops->push(r->block);
	while (r->status == -EINPROGRESS) {
		rc = event_wait(&r->done, &seen, deadline);
		if (rc && r->status == -EINPROGRESS)
			return rc;
	}
	return r->status;
}

void block_cancel(struct block_request *r)
{
	if (r->status != -EINPROGRESS)
		return;
	r->block->ops->cancel(r->block, r);
	r->status = -ECANCELED;
}

static void count(struct block_stat *s, const struct block_request *r)
{
	if (r->status) {
		s->errors++;
	} else if (r->op == BLOCK_READ) {
		s->reads++;
		s->read_bytes += r->size;
	} else if (r->op == BLOCK_WRITE) {
		s->writes++;
		s->write_bytes += r->size;
	} else if (r->op == BLOCK_FLUSH) {
		s->flushes++;
	} else {
		s->discards++;
	}
}

void block_end(struct block_request *r, int status)
{
	r->status = status;
	count(&r->block->stat, r);
	event_signal(&r->done);
	if (r->fn)
		r->fn(r); /* may free r */
}

/* --- waited for ----------------------------------------------------------- */

static int perform(struct block *b, struct block_request *r, uint64_t deadline)
{
	int rc = block_submit(b, r);

	if (!rc)
		rc = block_wait(r, deadline);
	if (r->status == -EINPROGRESS && r->block)
		block_cancel(r);
	return rc;
}

int block_readv(struct block *b, uint64_t offset, const struct iovec *v,
		unsigned n, uint64_t deadline)
{
	struct block_request r = {
		.op = BLOCK_READ, .offset = offset, .vec = v, .count = n};

	return perform(b, &r, deadline);
}

int block_writev(struct block *b, uint64_t offset, const struct iovec *v,
		 unsigned n, uint64_t deadline)
{
	struct block_request r = {
		.op = BLOCK_WRITE, .offset = offset, .vec = v, .count = n};

	return perform(b, &r, deadline);
}

int block_read(struct block *b, uint64_t offset, void *memory, size_t size,
	       uint64_t deadline)
{
	struct iovec v = {memory, size};

	return block_readv(b, offset, &v, 1, deadline);
}

int block_write(struct block *b, uint64_t offset, const void *memory,
		size_t size, uint64_t deadline)
{
	struct iovec v = {(void *)memory, size};

	return block_writev(b, offset, &v, 1, deadline);
}

int block_flush(struct block *b, uint64_t deadline)
{
	struct block_request r = {.op = BLOCK_FLUSH};

	return perform(b, &r, deadline);
}

int block_discard(struct block *b, uint64_t offset, uint64_t size, bool secure,
		  uint64_t deadline)
{
	struct block_request r = {
		.op = secure ? BLOCK_DISCARD_SECURE : BLOCK_DISCARD,
		.offset = offset,
		.size = size,
	};

	return perform(b, &r, deadline);
}

/* --- pieces --------------------------------------------------------------- */

/* The next n bytes, piece by piece; p may be NULL to skip. */
static void walk(const struct block_request *r, unsigned *vec, size_t *byte,
		 unsigned char *p, size_t n, bool in)
{
	while (n) {
		const struct iovec *v = &r->vec[*vec];
		size_t part = v->iov_len - *byte;
		unsigned char *at = (unsigned char *)v->iov_base + *byte;

		if (part > n)
			part = n;
		if (p && in)
			memcpy(at, p, part);
		else if (p)
			memcpy(p, at, part);
		p = p ? p + part : p;
		n -= part;
		*byte += part;
		if (*byte == v->iov_len) {
			++*vec;
			*byte = 0;
		}
	}
}

void block_copy(const struct block_request *r, unsigned *vec, size_t *byte,
		void *p, size_t n, bool in)
{
	walk(r, vec, byte, p, n, in);
}

void block_skip(const struct block_request *r, unsigned *vec, size_t *byte,
		size_t n)
{
	walk(r, vec, byte, NULL, n, false);
}

/* --- the rest ------------------------------------------------------------- */

void block_info(struct block *b, struct block_info *info)
{
	*info = b->info;
}

struct event *block_changed(struct block *b)
{
	return &b->changed;
}

void block_stat(struct block *b, struct block_stat *s)
{
	*s = b->stat;
}

void block_close(struct block *b)
{
	if (b)
		b->ops->close(b);
}

void *block_buffer_alloc(struct block *b, size_t size)
{
	unsigned order = page_order(size);

	if (!size || order > PAGE_ORDER_MAX)
		return NULL;
	return b->ops->buffer_alloc ? b->ops->buffer_alloc(b, order)
				    : page_alloc(order);
}

void block_buffer_free(struct block *b, void *memory, size_t size)
{
	if (!memory)
		return;
	if (b->ops->buffer_free)
		b->ops->buffer_free(b, memory, page_order(size));
	else
		page_free(memory, page_order(size));
}
