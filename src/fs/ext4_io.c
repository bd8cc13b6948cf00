/* SPDX-License-Identifier: ISC */
/*
 * libext2fs's way to the disk: an io_manager whose blocks are ext4_buf.c's.
 * Nothing that the library writes is durable before a commit.
 *
 * Interface: fs/ext4.h.
 */
#include <fata/heap.h>
#include <fs/ext4.h>
#include <string.h>

struct ext4 *ext4_opening;

static errcode_t io_open(const char *name, int flags, io_channel *channel)
{
	size_t n = strlen(name) + 1;
	io_channel c = heap_calloc(1, sizeof(*c) + n);

	(void)flags;
	if (!c)
		return EXT2_ET_NO_MEMORY;
	c->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	c->manager = &ext4_io;
	c->name = memcpy(c + 1, name, n);
	c->block_size = 1024;
	c->refcount = 1;
	c->private_data = ext4_opening;
	*channel = c;
	return 0;
}

static errcode_t io_close(io_channel c)
{
	if (--c->refcount == 0)
		heap_free(c);
	return 0;
}

static errcode_t io_set_blksize(io_channel c, int size)
{
	c->block_size = size;
	return 0;
}

/* A negative count is one of bytes. */
static bool range(io_channel c, unsigned long long block, int count,
		  uint64_t *at, size_t *n)
{
	*n = count < 0 ? (size_t) - (long)count
		       : (size_t)count * (size_t)c->block_size;
	return !__builtin_mul_overflow(block, (uint64_t)c->block_size, at);
}

static errcode_t io_read64(io_channel c, unsigned long long block, int count,
			   void *p)
{
	uint64_t at;
	size_t n;

	if (!range(c, block, count, &at, &n))
		return EXT2_ET_BAD_BLOCK_NUM;
	return -ext4_buf_read(c->private_data, at, n, p);
}

static errcode_t io_write64(io_channel c, unsigned long long block, int count,
			    const void *p)
{
	uint64_t at;
	size_t n;

	if (!range(c, block, count, &at, &n))
		return EXT2_ET_BAD_BLOCK_NUM;
	return -ext4_buf_write(c->private_data, at, n, p);
}

static errcode_t io_read(io_channel c, unsigned long block, int count, void *p)
{
	return io_read64(c, block, count, p);
}

static errcode_t io_write(io_channel c, unsigned long block, int count,
			  const void *p)
{
	return io_write64(c, block, count, p);
}

/* Nothing is durable before a commit. */
static errcode_t io_flush(io_channel c)
{
	(void)c;
	return 0;
}

struct struct_io_manager ext4_io = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "ext4",
	.open = io_open,
	.close = io_close,
	.set_blksize = io_set_blksize,
	.read_blk = io_read,
	.write_blk = io_write,
	.flush = io_flush,
	.read_blk64 = io_read64,
	.write_blk64 = io_write64,
};
