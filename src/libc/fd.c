/* SPDX-License-Identifier: ISC */
/*
 * The table of file numbers: the lowest free one is given out, as POSIX wants.
 */
#include <errno.h>
#include <fata/heap.h>
#include <libc/file.h>
#include <string.h>

struct slot {
	struct file *file;
	bool cloexec;
};

static struct slot *slots;
static unsigned size;	 /* of the table */
static unsigned free_at; /* no number below it is free */
static unsigned limit = 1024;

static int grow(unsigned n)
{
	unsigned want = size ? size * 2 : 16;
	struct slot *s;

	if (n < size)
		return 0;
	while (want <= n)
		want *= 2;
	s = heap_realloc(slots, want * sizeof(*s));
	if (!s)
		return -ENOMEM;
	memset(s + size, 0, (want - size) * sizeof(*s));
	slots = s;
	size = want;
	return 0;
}

static struct slot *used(int fd)
{
	if (fd < 0 || (unsigned)fd >= size || !slots[fd].file)
		return NULL;
	return &slots[fd];
}

static int put(struct file *f, unsigned n, bool cloexec)
{
	struct file *old;

	if (n >= limit || grow(n)) {
		file_put(f);
		return n >= limit ? -EMFILE : -ENOMEM;
	}
	old = slots[n].file;
	slots[n] = (struct slot){f, cloexec};
	if (old)
		file_put(old);
	return (int)n;
}

int fd_add(struct file *f, int from, bool cloexec)
{
	unsigned n = (unsigned)from > free_at ? (unsigned)from : free_at;

	while (n < size && slots[n].file)
		n++;
	if ((unsigned)from <= free_at)
		free_at = n;
	return put(f, n, cloexec);
}

int fd_put(struct file *f, int fd, bool cloexec)
{
	return put(f, (unsigned)fd, cloexec);
}

struct file *fd_get(int fd)
{
	struct slot *s = used(fd);

	if (!s)
		return NULL;
	file_get(s->file);
	return s->file;
}

int fd_remove(int fd)
{
	struct slot *s = used(fd);
	struct file *f;

	if (!s)
		return -EBADF;
	f = s->file;
	s->file = NULL;
	if ((unsigned)fd < free_at)
		free_at = (unsigned)fd;
	file_put(f);
	return 0;
}

int fd_cloexec(int fd)
{
	struct slot *s = used(fd);

	return s ? s->cloexec : -EBADF;
}

int fd_set_cloexec(int fd, bool cloexec)
{
	struct slot *s = used(fd);

	if (!s)
		return -EBADF;
	s->cloexec = cloexec;
	return 0;
}

int fd_next(int from)
{
	for (unsigned n = from < 0 ? 0 : (unsigned)from; n < size; n++)
		if (slots[n].file)
			return (int)n;
	return -EBADF;
}

unsigned fd_limit(void)
{
	return limit;
}

void fd_set_limit(unsigned n)
{
	limit = n;
}
