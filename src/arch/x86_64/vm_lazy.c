/* SPDX-License-Identifier: ISC */
/*
 * Pages at the first touch: what is promised, what a fault brings, and whether
 * memory may be touched at all.
 */
#include <arch/x86_64/paging.h>
#include <arch/x86_64/vm_int.h>
#include <errno.h>

static bool allowed(const void *p, size_t n, bool write)
{
	uint64_t at = (uint64_t)p, end = at + n;
	uint64_t need = PTE_P | (write ? PTE_W : 0);

	if (end < at || end > PAGING_VM_END)
		return false;
	for (at &= ~(uint64_t)(PAGE_SIZE - 1); at < end; at += PAGE_SIZE) {
		const struct range *r;

		if ((paging_entry(at) & need) == need)
			continue;
		r = range_find(&vm_tree, at);
		if (!r || !(r->prot & VM_LAZY) || paging_entry(at) ||
		    !(r->prot & (write ? VM_WRITE : VM_READ | VM_WRITE)))
			return false;
	}
	return true;
}

bool vm_readable(const void *p, size_t n)
{
	return allowed(p, n, false);
}

bool vm_writable(const void *p, size_t n)
{
	return allowed(p, n, true);
}

/* How many pages from `at` on, below `end`, are promised and not there yet. */
static unsigned promised(uint64_t at, uint64_t end, unsigned *prot)
{
	const struct range *r = range_find(&vm_tree, at);
	unsigned n = 0;

	if (!r || !(r->prot & VM_LAZY))
		return 0;
	*prot = r->prot;
	end = end < r->end ? end : r->end;
	for (; n < VM_BATCH && at < end && !paging_entry(at); at += PAGE_SIZE)
		n++;
	return n;
}

static bool backed(uint64_t at)
{
	return paging_entry(at) & PTE_OWNED;
}

/*
 * A fault costs much more than a page, so it brings as many more pages as stand
 * in a row before (or behind) it: who goes through memory in order has the run
 * doubled each time, who does not gets the one page.
 *
 *     |xxxxxxxx|f.......|         f: touched, x: there, .: brought along
 *
 * The first page of the run to *at; how many.
 */
static unsigned around(const struct range *r, uint64_t *at)
{
	uint64_t end = r->end, low = *at;
	unsigned before = 0, behind = 0, n = 1, prot;

	while (before < VM_BATCH && *at - before * PAGE_SIZE > r->start &&
	       backed(*at - (before + 1) * PAGE_SIZE))
		before++;
	if (before)
		return promised(*at, *at + before * PAGE_SIZE, &prot);
	while (behind < VM_BATCH && *at + (behind + 1) * PAGE_SIZE < end &&
	       backed(*at + (behind + 1) * PAGE_SIZE))
		behind++;
	for (; n < behind && low > r->start && !paging_entry(low - PAGE_SIZE);
	     n++)
		low -= PAGE_SIZE;
	*at = low;
	return n;
}

bool vm_fault(const void *p, bool write)
{
	uint64_t at = (uint64_t)p & ~(uint64_t)(PAGE_SIZE - 1), first = at;
	const struct range *r = range_find(&vm_tree, at);
	unsigned n;

	if (!r || !(r->prot & VM_LAZY) || paging_entry(at) ||
	    !(r->prot & (write ? VM_WRITE : VM_READ | VM_WRITE)))
		return false;
	n = around(r, &first);
	if (n > 1 && !vm_put_pages(first, n, vm_entry_flags(r->prot)))
		return true;
	return !vm_put_pages(at, 1, vm_entry_flags(r->prot));
}

int vm_fill(void *p, size_t size)
{
	uint64_t at = (uint64_t)p & ~(uint64_t)(PAGE_SIZE - 1);
	uint64_t end = (uint64_t)p + size;

	while (at < end) {
		unsigned prot = 0, n = promised(at, end, &prot);

		if (n && vm_put_pages(at, n, vm_entry_flags(prot)))
			return -ENOMEM;
		at += (n ? n : 1) * PAGE_SIZE;
	}
	return 0;
}
