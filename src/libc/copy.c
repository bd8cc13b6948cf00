/* SPDX-License-Identifier: ISC */
/* From file to file: sendfile and copy_file_range, through a buffer of ours. */
#include <errno.h>
#include <fata/heap.h>
#include <libc/file.h>
#include <libc/sys.h>
#include <libc/user.h>

#define CHUNK (64 << 10)

static long copy(struct file *from, uint64_t *in, struct file *to,
		 uint64_t *out, size_t n)
{
	size_t room = n < CHUNK ? n : CHUNK, done = 0;
	char *buffer = heap_alloc(room ? room : 1);
	long r = 0;

	if (!buffer)
		return -ENOMEM;
	while (done < n) {
		size_t part = n - done < room ? n - done : room;
		uint64_t before = *in;
		ssize_t written;

		r = file_read(from, buffer, part, in);
		if (r <= 0)
			break;
		written = file_write(to, buffer, (size_t)r, out);
		/* what could not be written was not read either */
		if (written < r)
			*in = before + (written > 0 ? (uint64_t)written : 0);
		if (written <= 0) {
			r = written;
			break;
		}
		done += (size_t)written;
		if (written < r)
			break;
	}
	heap_free(buffer);
	return done ? (long)done : r;
}

/* The position to use: the program's, or the file's own. */
static long position(struct file *f, uint64_t *given, uint64_t **pos)
{
	*pos = &f->pos;
	if (!given)
		return 0;
	if (!user_writable(given, sizeof(*given)))
		return -EFAULT;
	*pos = given;
	return f->ops->seekable ? 0 : -ESPIPE;
}

static long copy_fds(int in, uint64_t *in_at, int out, uint64_t *out_at,
		     size_t n)
{
	struct file *from = fd_get(in), *to = fd_get(out);
	uint64_t *in_pos, *out_pos;
	long r = -EBADF;

	if (from && to && file_reads(from) && file_writes(to)) {
		r = position(from, in_at, &in_pos);
		if (!r)
			r = position(to, out_at, &out_pos);
		if (!r)
			r = copy(from, in_pos, to, out_pos,
				 n > 0x7ffff000 ? 0x7ffff000 : n);
	}
	if (from)
		file_put(from);
	if (to)
		file_put(to);
	return r;
}

long sys_sendfile(int out, int in, uint64_t *at, size_t n)
{
	return copy_fds(in, at, out, NULL, n);
}

long sys_copy_file_range(int in, uint64_t *in_at, int out, uint64_t *out_at,
			 size_t n, unsigned flags)
{
	return flags ? -EINVAL : copy_fds(in, in_at, out, out_at, n);
}

/* Advice about files: heard politely. */
long sys_fadvise64(int fd, off_t at, off_t size, int advice)
{
	(void)at;
	(void)size;
	if (fd_cloexec(fd) < 0)
		return -EBADF;
	return advice < 0 || advice > 5 ? -EINVAL : 0;
}
