/* SPDX-License-Identifier: ISC */
/*
 * Mappings of files: by copying (mem.c), so a mapping does not see later writes
 * to the file, nor do two mappings of one file see each other's.
 */
#include <core/list.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <libc/file.h>
#include <libc/mem.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <sys/mman.h>

/*
 * A shared mapping of a file is a copy that is written back, by msync and when
 * it goes.
 */
struct shared {
	struct list all;
	uint64_t at, end, offset; /* offset: in the file, of `at` */
	struct file *file;
};

static struct list shared = LIST_INIT(shared);

static int write_back(const struct shared *s, uint64_t at, uint64_t end)
{
	uint64_t pos = s->offset + (at - s->at);
	struct stat stat = {0};
	ssize_t n;

	if (s->file->ops->stat(s->file, &stat) ||
	    pos >= (uint64_t)stat.st_size)
		return 0;
	if (end - at > (uint64_t)stat.st_size - pos)
		end = at + (uint64_t)stat.st_size - pos;
	/* not through the file's flags: O_APPEND means nothing here */
	n = s->file->ops->write(s->file, (void *)at, end - at, &pos);
	return n < 0 ? (int)n : 0;
}

static int sync_shared(uint64_t at, uint64_t end)
{
	int err = 0;

	list_for_each (l, &shared) {
		struct shared *s = list_entry(l, struct shared, all);
		uint64_t from = at > s->at ? at : s->at;
		uint64_t to = end < s->end ? end : s->end;

		if (from < to && user_readable((void *)from, to - from))
			err = write_back(s, from, to);
	}
	return err;
}

static int note_shared(uint64_t at, uint64_t end, struct file *f,
		       uint64_t offset)
{
	struct shared *s = heap_alloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct shared){
		.at = at, .end = end, .offset = offset, .file = f};
	file_get(f);
	list_add_last(&shared, &s->all);
	return 0;
}

/* [at, end) is unmapped: what is left of each mapping stays. */
void mem_file_unmap(uint64_t at, uint64_t end)
{
	sync_shared(at, end);
	list_for_each (l, &shared) {
		struct shared *s = list_entry(l, struct shared, all);

		if (end <= s->at || at >= s->end)
			continue;
		/* the upper part lives on by itself */
		if (end < s->end)
			note_shared(end, s->end, s->file,
				    s->offset + end - s->at);
		if (at > s->at) {
			s->end = at;
			continue;
		}
		list_remove(&s->all);
		file_put(s->file);
		heap_free(s);
	}
}

bool mem_file_shared(uint64_t at)
{
	list_for_each (l, &shared) {
		struct shared *s = list_entry(l, struct shared, all);

		if (at >= s->at && at < s->end)
			return true;
	}
	return false;
}

/* Copy the file's part into fresh memory, then protect it as asked. */
long mem_file_map(uint64_t at, uint64_t size, int prot, int flags,
		     struct file *f, uint64_t offset)
{
	uint64_t pos = offset, done = 0;
	bool back = (flags & MAP_TYPE) != MAP_PRIVATE && file_writes(f);

	if (!f->ops->seekable)
		return -ENODEV;
	if (!file_reads(f))
		return -EACCES;
	if ((flags & MAP_TYPE) != MAP_PRIVATE && prot & PROT_WRITE && !back)
		return -EACCES;
	at = (uint64_t)mem_map_anonymous(at, size, PROT_READ | PROT_WRITE,
					 flags);
	if ((long)at < 0)
		return (long)at;
	while (done < size) {
		ssize_t n = file_read(f, (char *)at + done, size - done, &pos);

		if (n < 0) {
			mem_unmap(at, at + size);
			return n;
		}
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	if (prot != (PROT_READ | PROT_WRITE))
		sys_mprotect(at, size, prot);
	if (back && f->ops->stat && note_shared(at, at + size, f, offset)) {
		mem_unmap(at, at + size);
		return -ENOMEM;
	}
	return (long)at;
}

long sys_msync(uint64_t at, uint64_t size, int flags)
{
	uint64_t end = at + mem_page_up(size);

	if (at % PAGE_SIZE || flags & ~7)
		return -EINVAL;
	if (size > MEM_SPACE || at > MEM_SPACE || !mem_noted(at, end))
		return -ENOMEM;
	return sync_shared(at, end);
}
