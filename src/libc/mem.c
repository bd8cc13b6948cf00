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
 */
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

#ifndef MAP_32BIT
#define MAP_32BIT 0x40
#endif

static struct range_tree maps = {.start = 0, .end = 1ull << 47, .seed = 1};

static bool bad_range(uint64_t at, uint64_t size)
{
	return at % PAGE_SIZE || !size || size > MEM_SPACE || at > MEM_SPACE;
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

/*
 * Neighbours that are alike become one note, as far as [at, end) reaches, so
 * that what was split can be moved as a whole.
 */
static void join(uint64_t at, uint64_t end)
{
	struct range *r = range_after(&maps, at ? at - 1 : 0), *next;

	while (r && r->start <= end) {
		next = range_find(&maps, r->end);
		if (!next || next->prot != r->prot) {
			r = range_after(&maps, r->end);
			continue;
		}
		range_remove(&maps, next);
		range_remove(&maps, r);
		r->end = next->end;
		range_insert(&maps, r);
		heap_free(next);
	}
}

static int isolate(uint64_t at, uint64_t end)
{
	int err = cut(at);

	return err ? err : cut(end);
}

/* Is all of [at, end) the program's? */
bool mem_noted(uint64_t at, uint64_t end)
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
int mem_unmap(uint64_t at, uint64_t end)
{
	struct range *r;
	int err = isolate(at, end);

	if (!err)
		mem_file_unmap(at, end);
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
	err = mem_unmap(*at, *at + size);
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

long mem_map_anonymous(uint64_t at, uint64_t size, int prot, int flags)
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

long sys_mmap(uint64_t at, uint64_t size, int prot, int flags, int fd,
	      uint64_t offset)
{
	int type = flags & MAP_TYPE;
	struct file *f;
	long r;

	if (!size || offset % PAGE_SIZE || type < MAP_SHARED || type > 3)
		return -EINVAL;
	if (size > MEM_SPACE)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) && at % PAGE_SIZE)
		return -EINVAL;
	if (flags & (MAP_32BIT | MAP_HUGETLB) || at > MEM_SPACE)
		return -ENOMEM;
	size = mem_page_up(size);
	if (flags & MAP_ANONYMOUS)
		return mem_map_anonymous(at, size, prot, flags);
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	r = prot & PROT_EXEC ? -EACCES
			     : mem_file_map(at, size, prot, flags, f, offset);
	file_put(f);
	return r;
}

long sys_munmap(uint64_t at, uint64_t size)
{
	if (bad_range(at, size))
		return -EINVAL;
	return mem_unmap(at, at + mem_page_up(size));
}

long sys_mprotect(uint64_t at, uint64_t size, int prot)
{
	uint64_t start = at, end = at + mem_page_up(size);
	int err;

	if (at % PAGE_SIZE)
		return -EINVAL;
	if (!size)
		return 0;
	if (bad_range(at, size) || !mem_noted(at, end))
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
	join(start, end);
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
		mem_unmap(to, to + new);
		return err;
	}
	mem_unmap(at, at + old);
	return (long)to;
}

long sys_mremap(uint64_t at, uint64_t old, uint64_t new, int flags, uint64_t to)
{
	struct range *r;

	if (at % PAGE_SIZE || !new || old > MEM_SPACE || new > MEM_SPACE ||
	    flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED))
		return -EINVAL;
	if (flags & MREMAP_FIXED &&
	    (!(flags & MREMAP_MAYMOVE) || to % PAGE_SIZE || to > MEM_SPACE ||
	     (to < at + mem_page_up(old) && at < to + mem_page_up(new))))
		return -EINVAL;
	old = mem_page_up(old);
	new = mem_page_up(new);
	r = old && at < MEM_SPACE ? range_find(&maps, at) : NULL;
	if (!r || r->end - at < old)
		return -EFAULT;
	if (mem_file_shared(at))
		return -EINVAL;
	if (flags & MREMAP_FIXED)
		return isolate(at, at + old)
			       ? -ENOMEM
			       : move(range_find(&maps, at), at, old, new, to,
				      MAP_FIXED);
	if (new < old)
		return mem_unmap(at + new, at + old) ? -ENOMEM : (long)at;
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
	uint64_t start = at;
	int err = isolate(at, end);

	while (!err && at < end) {
		struct range *r = range_find(&maps, at);

		err = vm_map((void *)r->start, r->end - r->start,
			     vm_prot((int)r->prot) | VM_LAZY);
		at = r->end;
	}
	join(start, end);
	return err;
}

/* Advice that changes contents is followed; the rest is heard politely. */
long sys_madvise(uint64_t at, uint64_t size, int advice)
{
	if (at % PAGE_SIZE || size > MEM_SPACE || at > MEM_SPACE)
		return -EINVAL;
	if (!size)
		return 0;
	if (advice == MADV_DONTNEED) {
		uint64_t end = at + mem_page_up(size);

		return mem_noted(at, end) ? forget(at, end) : -ENOMEM;
	}
	return advice < 0 || advice > 25 ? -EINVAL : 0;
}

long sys_mincore(uint64_t at, uint64_t size, unsigned char *vec)
{
	uint64_t pages = mem_page_up(size) / PAGE_SIZE;

	if (at % PAGE_SIZE)
		return -EINVAL;
	if (size > MEM_SPACE || at > MEM_SPACE ||
	    !mem_noted(at, at + mem_page_up(size)))
		return -ENOMEM;
	if (!user_writable(vec, pages))
		return -EFAULT;
	for (uint64_t i = 0; i < pages; i++)
		vec[i] = 1;
	return 0;
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
