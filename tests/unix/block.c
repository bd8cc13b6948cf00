/* SPDX-License-Identifier: ISC */
/*
 * Many requests at once on a disk that is a file: each is done exactly, those
 * that are given up leave the memory alone, and errors are what block.h says.
 */
#include <errno.h>
#include <fata/block.h>
#include <fata/clock.h>
#include <lib/guest.h>
#include <string.h>

#define N    64
#define SIZE 4096

static unsigned char data[N][SIZE], back[N][SIZE];
static unsigned ended;

static void on_end(struct block_request *r)
{
	check_equal(r->status, 0);
	ended++;
}

static void all(struct block *b, enum block_op op, unsigned char (*p)[SIZE])
{
	static struct block_request r[N];
	static struct iovec v[N];

	ended = 0;
	for (int i = 0; i < N; i++) {
		v[i] = (struct iovec){p[i], SIZE};
		r[i] = (struct block_request){.op = op,
					      .offset = (uint64_t)i * SIZE,
					      .vec = &v[i],
					      .count = 1,
					      .fn = on_end};
		check_equal(block_submit(b, &r[i]), 0);
	}
	for (int i = 0; i < N; i++)
		check_equal(block_wait(&r[i], FATA_FOREVER), 0);
	check_equal(ended, N);
}

int main(void)
{
	struct block_request r = {.op = BLOCK_READ, .count = 1};
	struct iovec v = {back[0], SIZE};
	struct block_info info;
	struct block_stat stat;
	struct block *b;

	check_equal(block_open("none", &b, 0), -ENOENT);
	check_equal(block_open("d", &b, FATA_FOREVER), 0);
	block_info(b, &info);
	check_equal(info.size, 1 << 20);
	for (int i = 0; i < N; i++)
		memset(data[i], i + 1, SIZE);
	all(b, BLOCK_WRITE, data);
	check_equal(block_flush(b, FATA_FOREVER), 0);
	all(b, BLOCK_READ, back);
	check(!memcmp(data, back, sizeof(data)));
	check_equal(block_read(b, 1, back, SIZE, FATA_FOREVER), -EINVAL);
	check_equal(block_read(b, info.size, back, SIZE, FATA_FOREVER),
		    -ERANGE);
	r.vec = &v;
	check_equal(block_submit(b, &r), 0);
	block_cancel(&r);
	check(r.status == -ECANCELED || !r.status);
	check_equal(block_discard(b, 0, N * SIZE, false, FATA_FOREVER), 0);
	check_equal(block_read(b, 0, back, sizeof(back), FATA_FOREVER), 0);
	for (int i = 0; i < N; i++)
		check(!back[i][0] && !back[i][SIZE - 1]);
	block_stat(b, &stat);
	check_equal(stat.errors, 0);
	check_equal(stat.writes, N);
	check_equal(stat.flushes, 1);
	return 0;
}
