/* SPDX-License-Identifier: ISC */
/* Disks of memory: what every kind of disk refuses and does. */
#include <core/block.h>
#include <errno.h>
#include <fata/block.h>

#include "unit.h"

#define SIZE (64 * 1024)

static struct block *disk(void)
{
	struct block *b;

	assert_int_equal(block_open_ram(SIZE, &b), 0);
	return b;
}

static void sizes(void **state)
{
	struct block *b;

	(void)state;
	assert_int_equal(block_open_ram(0, &b), -EINVAL);
	assert_int_equal(block_open_ram(513, &b), -EINVAL);
	assert_int_equal(block_open_module(0, &b), -ENOENT);
}

static void bad_requests(void **state)
{
	struct block *b = disk();
	unsigned char m[1024];

	(void)state;
	assert_int_equal(block_read(b, 0, m, 0, 0), -EINVAL);
	assert_int_equal(block_read(b, 0, m, 511, 0), -EINVAL);
	assert_int_equal(block_read(b, 1, m, 512, 0), -EINVAL);
	assert_int_equal(block_read(b, SIZE, m, 512, 0), -ERANGE);
	assert_int_equal(block_read(b, SIZE - 512, m, 1024, 0), -ERANGE);
	assert_int_equal(block_read(b, -512ull, m, 1024, 0), -ERANGE);
	assert_int_equal(block_discard(b, 0, -512ull, false, 0), -ERANGE);
	b->info.readonly = true;
	assert_int_equal(block_write(b, 0, m, 512, 0), -EROFS);
	assert_int_equal(block_discard(b, 0, 512, false, 0), -EROFS);
	b->info.readonly = b->info.discard_secure = false;
	assert_int_equal(block_discard(b, 0, 512, true, 0), -EOPNOTSUPP);
	block_close(b);
}

static void huge_vector(void **state)
{
	struct block *b = disk();
	unsigned char m[512];
	struct iovec v[] = {{m, SIZE_MAX - 511}, {m, 512}, {m, 512}};

	(void)state;
	assert_int_equal(block_readv(b, 0, v, 3, 0), -EINVAL);
	assert_int_equal(block_readv(b, 0, v, 0, 0), -EINVAL);
	block_close(b);
}

static void data(void **state)
{
	struct block *b = disk();
	unsigned char out[1024], in[1024];
	struct iovec v[] = {
		{in, 1}, {in + 1, 0}, {in + 1, 700}, {in + 701, 323}};
	struct block_stat s;

	(void)state;
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7);
	assert_int_equal(block_write(b, 512, out, sizeof(out), 0), 0);
	assert_int_equal(block_readv(b, 512, v, 4, 0), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(block_flush(b, 0), 0);
	assert_int_equal(block_discard(b, 1024, 512, true, 0), 0);
	assert_int_equal(block_read(b, 512, in, sizeof(in), 0), 0);
	memset(out + 512, 0, 512);
	assert_memory_equal(in, out, sizeof(in));
	block_stat(b, &s);
	assert_int_equal(s.reads, 2);
	assert_int_equal(s.read_bytes, 2048);
	assert_int_equal(s.writes, 1);
	assert_int_equal(s.flushes + s.discards, 2);
	block_close(b);
}

static void told(struct block_request *r)
{
	note(*(char *)r->arg);
}

static void requests(void **state)
{
	struct block *b = disk();
	unsigned char m[512];
	struct iovec v = {m, sizeof(m)};
	struct block_request r = {.op = BLOCK_READ,
				  .vec = &v,
				  .count = 1,
				  .fn = told,
				  .arg = "a"};

	(void)state;
	assert_int_equal(block_submit(b, &r), 0);
	assert_string_equal(noted(), "a");
	assert_int_equal(event_count(&r.done), 1);
	assert_int_equal(block_wait(&r, 0), 0);
	block_cancel(&r); /* it has ended: nothing happens */
	assert_int_equal(r.status, 0);
	r.op = (enum block_op)77;
	assert_int_equal(block_submit(b, &r), -EINVAL);
	assert_string_equal(noted(), "");
	block_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),	cmocka_unit_test(bad_requests),
		cmocka_unit_test(huge_vector), cmocka_unit_test(data),
		cmocka_unit_test(requests),
	};

	unix_init("block");
	unix_clock_manual(START);
	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
