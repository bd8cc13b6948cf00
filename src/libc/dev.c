/* SPDX-License-Identifier: ISC */
/*
 * The device files that need no device: null, zero, full, random, the terminal.
 */
#include <errno.h>
#include <fata/random.h>
#include <fs/node.h>
#include <libc/tty.h>
#include <string.h>

static ssize_t read_nothing(struct file *f, void *p, size_t n, uint64_t *pos)
{
	(void)f, (void)p, (void)n, (void)pos;
	return 0;
}

static ssize_t read_zeros(struct file *f, void *p, size_t n, uint64_t *pos)
{
	(void)f, (void)pos;
	memset(p, 0, n);
	return (ssize_t)n;
}

static ssize_t read_random(struct file *f, void *p, size_t n, uint64_t *pos)
{
	(void)f, (void)pos;
	random_bytes(p, n);
	return (ssize_t)n;
}

static ssize_t write_away(struct file *f, const void *p, size_t n,
			  uint64_t *pos)
{
	(void)f, (void)p, (void)pos;
	return (ssize_t)n;
}

static ssize_t write_full(struct file *f, const void *p, size_t n,
			  uint64_t *pos)
{
	(void)f, (void)p, (void)pos;
	return n ? -ENOSPC : 0;
}

static ssize_t write_random(struct file *f, const void *p, size_t n,
			    uint64_t *pos)
{
	(void)f, (void)pos;
	random_stir(p, n);
	return (ssize_t)n;
}

static off_t seek_nowhere(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset;
	return whence < 0 || whence > SEEK_END ? -EINVAL : 0;
}

static int dev_stat(struct file *f, struct stat *s)
{
	node_stat(f->node, s);
	return 0;
}

static void dev_close(struct file *f)
{
	node_put(f->node);
}

#define DEVICE(name, reader, writer)                                           \
	static const struct file_ops name = {                                  \
		.read = reader,                                                \
		.write = writer,                                               \
		.seek = seek_nowhere,                                          \
		.stat = dev_stat,                                              \
		.close = dev_close,                                            \
		.seekable = true,                                              \
	}

DEVICE(null_ops, read_nothing, write_away);
DEVICE(zero_ops, read_zeros, write_away);
DEVICE(full_ops, read_zeros, write_full);
DEVICE(random_ops, read_random, write_random);

int dev_open(struct file *f, uint64_t rdev)
{
	switch (rdev) {
	case 0x103:
		f->ops = &null_ops;
		return 0;
	case 0x105:
		f->ops = &zero_ops;
		return 0;
	case 0x107:
		f->ops = &full_ops;
		return 0;
	case 0x108:
	case 0x109:
		f->ops = &random_ops;
		return 0;
	case 0x500:
	case 0x501:
		f->ops = &tty_ops;
		return 0;
	default:
		return -ENXIO;
	}
}
