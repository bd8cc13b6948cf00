/* SPDX-License-Identifier: ISC */
/*
 * A program's memory mappings, on top of core/vm.h.
 *
 * The address region is shared with the platform's own stacks and large heap
 * blocks, so the program's mappings are noted in a tree of their own, and only
 * what is in it can be unmapped, protected or moved:
 *
 *     region of vm.h   | stack |  map  | heap |  map  map |  ...
 *     this tree                |xxxxxxx|      |xxxxxxx xxx|
 *
 * Pages come at the first touch, except for small mappings. The stack of a
 * thread is filled when the thread starts (mem_fill_stack), because the page
 * allocator itself may run on it and cannot serve a fault of its own.
 *
 * A file is mapped by copying, so a mapping does not see later writes to the
 * file, nor do two mappings of one file see each other's.
 */
#include <core/list.h>
#include <core/range.h>
#include <core/vm.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <libc/file.h>
#include <libc/mem.h>
#include <libc/sys.h>
#include <libc/user.h>
#include <sys/mman.h>

#define EAGER (64 << 10)	 /* up to this size pages come at once */
#define STACK_FILL (64ull << 20) /* a thread's stack is filled up to this */
#define SPACE (1ull << 46)

#ifndef MAP_32BIT
#define MAP_32BIT 0x40
#endif

static struct range_tree maps = {.start = 0, .end = 1ull << 47, .seed = 1};

static uint64_t page_up(uint64_t n)
{
	return (n + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

static bool bad_range(uint64_t at, uint64_t size)
{
	return at % PAGE_SIZE || !size || size > SPACE || at > SPACE;
}

/* Linux's PROT_ bits are the same as VM_READ and so on. */
static unsigned vm_prot(int prot)
{
	return (unsigned)prot & (VM_READ | VM_WRITE | VM_EXEC);
}

static int note(uint64_t at, uint64_t size, unsigned prot)
{
	struct range *r = heap_alloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	*r = (struct range){.start = at, .end = at + size, .prot = prot};
	range_insert(&maps, r);
	return 0;
}

/* Make a border between notes at this address. */
static int cut(uint64_t at)
{
	struct range *r = range_find(&maps, at), *upper;

	if (!r || r->start == at)
		return 0;
	upper = heap_alloc(sizeof(*upper));
	if (!upper)
		return -ENOMEM;
	range_cut(&maps, r, upper, at);
	return 0;
}

static int isolate(uint64_t at, uint64_t end)
{
	int err = cut(at);

	return err ? err : cut(end);
}

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
static void cut_shared(uint64_t at, uint64_t end)
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

static bool is_shared(uint64_t at)
{
	list_for_each (l, &shared) {
		struct shared *s = list_entry(l, struct shared, all);

		if (at >= s->at && at < s->end)
			return true;
	}
	return false;
}

/* Is all of [at, end) the program's? */
static bool noted(uint64_t at, uint64_t end)
{
	while (at < end) {
		const struct range *r = range_find(&maps, at);

		if (!r)
			return false;
		at = r->end;
	}
	return true;
}

/* Unmap what is the program's in [at, end). */
static int unmap(uint64_t at, uint64_t end)
{
	struct range *r;
	int err = isolate(at, end);

	if (!err && !list_empty(&shared))
		cut_shared(at, end);
	while (!err && (r = range_after(&maps, at)) && r->start < end) {
		err = vm_release((void *)r->start, r->end - r->start);
		if (err)
			break;
		range_remove(&maps, r);
		heap_free(r);
	}
	return err;
}

/* Does memory look short for this mapping? It may still be used up later. */
static bool too_much(uint64_t size, int prot, int flags)
{
	struct page_stat s;

	if (prot == PROT_NONE || flags & MAP_NORESERVE)
		return false;
	page_stat(&s);
	return size / PAGE_SIZE > s.free;
}

/* Addresses: where the program insists, or where there is room. */
static int place(uint64_t *at, uint64_t size, int flags)
{
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	void *p;
	int err;

	if (!fixed) {
		p = vm_reserve(size, 0);
		*at = (uint64_t)p;
		return p ? 0 : -ENOMEM;
	}
	err = vm_reserve_at((void *)*at, size);
	if (err != -EEXIST || flags & MAP_FIXED_NOREPLACE)
		return err == -EINVAL ? -ENOMEM : err;
	/* What is in the way must be the program's own. */
	err = unmap(*at, *at + size);
	if (err)
		return err;
	err = vm_reserve_at((void *)*at, size);
	return err ? -ENOMEM : 0;
}

static int map_at(uint64_t at, uint64_t size, int prot, int flags)
{
	bool eager = prot != PROT_NONE &&
		     (size <= EAGER || flags & MAP_POPULATE);
	int err = vm_map((void *)at, size,
			 vm_prot(prot) | (eager ? 0 : VM_LAZY));

	if (!err)
		err = note(at, size, (unsigned)prot);
	if (err)
		vm_release((void *)at, size);
	return err;
}

static long map_anonymous(uint64_t at, uint64_t size, int prot, int flags)
{
	int err;

	if (prot & PROT_EXEC)
		return -EACCES;
	if (too_much(size, prot, flags))
		return -ENOMEM;
	err = place(&at, size, flags);
	if (!err)
		err = map_at(at, size, prot, flags);
	return err ? err : (long)at;
}

/* Copy the file's part into fresh memory, then protect it as asked. */
static long map_file(uint64_t at, uint64_t size, int prot, int flags,
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
	at = (uint64_t)map_anonymous(at, size, PROT_READ | PROT_WRITE, flags);
	if ((long)at < 0)
		return (long)at;
	while (done < size) {
		ssize_t n = file_read(f, (char *)at + done, size - done, &pos);

		if (n < 0) {
			unmap(at, at + size);
			return n;
		}
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	if (prot != (PROT_READ | PROT_WRITE))
		sys_mprotect(at, size, prot);
	if (back && f->ops->stat && note_shared(at, at + size, f, offset)) {
		unmap(at, at + size);
		return -ENOMEM;
	}
	return (long)at;
}

long sys_mmap(uint64_t at, uint64_t size, int prot, int flags, int fd,
	      uint64_t offset)
{
	int type = flags & MAP_TYPE;
	struct file *f;
	long r;

	if (!size || offset % PAGE_SIZE || type < MAP_SHARED || type > 3)
		return -EINVAL;
	if (size > SPACE)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) && at % PAGE_SIZE)
		return -EINVAL;
	if (flags & (MAP_32BIT | MAP_HUGETLB) || at > SPACE)
		return -ENOMEM;
	size = page_up(size);
	if (flags & MAP_ANONYMOUS)
		return map_anonymous(at, size, prot, flags);
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	r = prot & PROT_EXEC ? -EACCES
			     : map_file(at, size, prot, flags, f, offset);
	file_put(f);
	return r;
}

long sys_munmap(uint64_t at, uint64_t size)
{
	if (bad_range(at, size))
		return -EINVAL;
	return unmap(at, at + page_up(size));
}

long sys_mprotect(uint64_t at, uint64_t size, int prot)
{
	uint64_t end = at + page_up(size);
	int err;

	if (at % PAGE_SIZE)
		return -EINVAL;
	if (!size)
		return 0;
	if (bad_range(at, size) || !noted(at, end))
		return -ENOMEM;
	if (prot & PROT_EXEC)
		return -EACCES;
	err = isolate(at, end);
	if (!err)
		err = vm_protect((void *)at, end - at, vm_prot(prot));
	while (!err && at < end) {
		struct range *r = range_find(&maps, at);

		r->prot = (unsigned)prot;
		at = r->end;
	}
	return err;
}

/* Longer at the same place, when the addresses behind are free. */
static int grow_here(struct range *r, uint64_t more)
{
	uint64_t at = r->end;
	int err = vm_reserve_at((void *)at, more);

	if (err)
		return err;
	return map_at(at, more, (int)r->prot, 0);
}

static long move(struct range *r, uint64_t at, uint64_t old, uint64_t new,
		 uint64_t to, int flags)
{
	int prot = (int)r->prot;
	int err = place(&to, new, flags);

	if (err)
		return err;
	err = map_at(to, new, prot, MAP_NORESERVE);
	if (err)
		return err;
	err = vm_move((void *)to, (void *)at, old < new ? old : new);
	if (err) {
		unmap(to, to + new);
		return err;
	}
	unmap(at, at + old);
	return (long)to;
}

long sys_mremap(uint64_t at, uint64_t old, uint64_t new, int flags, uint64_t to)
{
	struct range *r;

	if (at % PAGE_SIZE || !new || old > SPACE || new > SPACE ||
	    flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED))
		return -EINVAL;
	if (flags & MREMAP_FIXED &&
	    (!(flags & MREMAP_MAYMOVE) || to % PAGE_SIZE || to > SPACE ||
	     (to < at + page_up(old) && at < to + page_up(new))))
		return -EINVAL;
	old = page_up(old);
	new = page_up(new);
	r = old && at < SPACE ? range_find(&maps, at) : NULL;
	if (!r || r->end - at < old)
		return -EFAULT;
	if (is_shared(at))
		return -EINVAL;
	if (flags & MREMAP_FIXED)
		return isolate(at, at + old)
			       ? -ENOMEM
			       : move(range_find(&maps, at), at, old, new, to,
				      MAP_FIXED);
	if (new < old)
		return unmap(at + new, at + old) ? -ENOMEM : (long)at;
	if (new == old)
		return (long)at;
	if (too_much(new - old, (int)r->prot, 0))
		return -ENOMEM;
	if (r->end == at + old && !grow_here(r, new - old))
		return (long)at;
	if (!(flags & MREMAP_MAYMOVE) || isolate(at, at + old))
		return -ENOMEM;
	return move(range_find(&maps, at), at, old, new, 0, 0);
}

/* The pages are given back; the next touch finds zeroes. */
static int forget(uint64_t at, uint64_t end)
{
	int err = isolate(at, end);

	while (!err && at < end) {
		struct range *r = range_find(&maps, at);

		err = vm_map((void *)r->start, r->end - r->start,
			     vm_prot((int)r->prot) | VM_LAZY);
		at = r->end;
	}
	return err;
}

/* Advice that changes contents is followed; the rest is heard politely. */
long sys_madvise(uint64_t at, uint64_t size, int advice)
{
	if (at % PAGE_SIZE || size > SPACE || at > SPACE)
		return -EINVAL;
	if (!size)
		return 0;
	if (advice == MADV_DONTNEED) {
		uint64_t end = at + page_up(size);

		return noted(at, end) ? forget(at, end) : -ENOMEM;
	}
	return advice < 0 || advice > 25 ? -EINVAL : 0;
}

long sys_mincore(uint64_t at, uint64_t size, unsigned char *vec)
{
	uint64_t pages = page_up(size) / PAGE_SIZE;

	if (at % PAGE_SIZE)
		return -EINVAL;
	if (size > SPACE || at > SPACE || !noted(at, at + page_up(size)))
		return -ENOMEM;
	if (!user_writable(vec, pages))
		return -EFAULT;
	for (uint64_t i = 0; i < pages; i++)
		vec[i] = 1;
	return 0;
}

long sys_msync(uint64_t at, uint64_t size, int flags)
{
	uint64_t end = at + page_up(size);

	if (at % PAGE_SIZE || flags & ~7)
		return -EINVAL;
	if (size > SPACE || at > SPACE || !noted(at, end))
		return -ENOMEM;
	return sync_shared(at, end);
}

/* Nothing is ever swapped out. */
long sys_mlock(uint64_t at, uint64_t size)
{
	return user_readable((void *)at, size) ? 0 : -ENOMEM;
}

/* No heap here: libc's malloc is the platform's. musl asks for 0 at most. */
long sys_brk(uint64_t at)
{
	(void)at;
	return 0;
}

int mem_fill_stack(uint64_t sp)
{
	uint64_t at = (sp - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	struct range *r = range_find(&maps, at);
	uint64_t low = r ? r->start : at;

	if (!r)
		return 0; /* the program's heap or data: always there */
	if (at - low > STACK_FILL)
		low = at - STACK_FILL;
	return vm_fill((void *)low, at + PAGE_SIZE - low);
}
