/* SPDX-License-Identifier: ISC */
/*
 * Virtual address ranges (core/vm.h) over page tables.
 *
 * The range tree says what a range may do; an entry in the page tables says
 * whether a page is there. A page of a range is its own: PTE_OWNED is set, also
 * while the page may not be accessed at all (entry present = 0), so that the
 * frame can be found and freed. Records come from pages of their own and not
 * from the heap, which itself may need addresses.
 *
 * VM_EXEC is always refused: every page is also writable at its identity
 * address, and only the image's text, which has no such alias, is executable.
 */
#include <arch/x86_64/paging.h>
#include <arch/x86_64/vm_int.h>
#include <core/assert.h>
#include <errno.h>
#include <fata/random.h>
#include <string.h>

#define TWO_MIB 0x200000ull

static const uint64_t none; /* an empty entry */
struct range_tree vm_tree;
static struct range *unused; /* records, linked by `left` */
static unsigned unused_n;

/* Make n records available, so that what follows cannot fail half-way. */
static int records(unsigned n)
{
	while (unused_n < n) {
		struct range *r = page_alloc(0);

		if (!r)
			return -ENOMEM;
		for (unsigned i = 0; i < PAGE_SIZE / sizeof(*r); i++) {
			r[i].left = unused;
			unused = &r[i];
			unused_n++;
		}
	}
	return 0;
}

static struct range *record(void)
{
	struct range *r = unused;

	ASSERT(r);
	unused = r->left;
	unused_n--;
	return r;
}

static void put_record(struct range *r)
{
	r->left = unused;
	unused = r;
	unused_n++;
}

void vm_init(void)
{
	/* The start is random: a stack's or mapping's address is no constant */
	vm_tree.start = PAGING_VM_START + random_below(1 << 16) * TWO_MIB;
	vm_tree.end = PAGING_VM_END;
	vm_tree.seed = random_u64();
}

uintptr_t vm_start(void)
{
	return vm_tree.start;
}

uintptr_t vm_end(void)
{
	return vm_tree.end;
}

static void add_range(uint64_t start, uint64_t end, unsigned prot)
{
	struct range *r = record();

	*r = (struct range){.start = start, .end = end, .prot = prot};
	range_insert(&vm_tree, r);
}

void *vm_reserve(size_t size, size_t align)
{
	uint64_t at;

	size = vm_page_up(size);
	if (!size || size > vm_tree.end - vm_tree.start || records(1))
		return NULL;
	at = range_gap(&vm_tree, size, align > PAGE_SIZE ? align : PAGE_SIZE);
	if (at)
		add_range(at, at + size, 0);
	return (void *)at;
}

int vm_reserve_at(void *p, size_t size)
{
	uint64_t at = (uint64_t)p;
	struct range *next;

	size = vm_page_up(size);
	if (at & (PAGE_SIZE - 1) || at < vm_tree.start || at > vm_tree.end ||
	    !size || size > vm_tree.end - at)
		return -EINVAL;
	next = range_after(&vm_tree, at);
	if (next && next->start < at + size)
		return -EEXIST;
	if (records(1))
		return -ENOMEM;
	add_range(at, at + size, 0);
	return 0;
}

/* Is [at, end) wholly reserved? */
static bool reserved(uint64_t at, uint64_t end)
{
	while (at < end) {
		const struct range *r = range_find(&vm_tree, at);

		if (!r)
			return false;
		at = r->end;
	}
	return true;
}

/* The range that has `at` strictly inside, else NULL. */
static struct range *across(uint64_t at)
{
	struct range *r = range_find(&vm_tree, at);

	return r && r->start < at ? r : NULL;
}

/*
 * Make range borders at both ends, so that [at, end) is whole ranges. Cannot
 * fail when it is already.
 */
static int isolate(uint64_t at, uint64_t end)
{
	if (records(!!across(at) + !!across(end)))
		return -ENOMEM;
	if (across(at))
		range_cut(&vm_tree, across(at), record(), at);
	if (across(end))
		range_cut(&vm_tree, across(end), record(), end);
	return 0;
}

/* Entries of consecutive addresses that share a table. */
struct batch {
	uint64_t at;
	unsigned n;
	uint64_t entry[VM_BATCH];
};

/*
 * Go on to what follows in *b (which starts with n == 0), skipping what has no
 * table; false at `end`. Opening the tables' seal is dear, hence batches.
 */
static bool next_batch(struct batch *b, uint64_t end)
{
	uint64_t at = b->at + b->n * PAGE_SIZE, last;
	const uint64_t *entries = NULL;

	while (at < end && !(entries = paging_table(at)))
		at = (at + TWO_MIB) & ~(TWO_MIB - 1);
	b->at = at;
	b->n = 0;
	if (at >= end)
		return false;
	last = (at + TWO_MIB) & ~(TWO_MIB - 1);
	last = end < last ? end : last;
	for (; b->n < VM_BATCH && at < last; at += PAGE_SIZE)
		b->entry[b->n++] = *entries++;
	return true;
}

/* Free the pages behind [at, end). */
static void drop_pages(uint64_t at, uint64_t end)
{
	struct batch b = {.at = at};

	while (next_batch(&b, end)) {
		uint64_t left[VM_BATCH];
		unsigned first = VM_BATCH, last = 0;

		for (unsigned i = 0; i < b.n; i++) {
			bool owned = b.entry[i] & PTE_OWNED;

			left[i] = owned ? 0 : b.entry[i];
			first = owned && first == VM_BATCH ? i : first;
			last = owned ? i : last;
		}
		if (first == VM_BATCH)
			continue;
		paging_replace_run(b.at + first * PAGE_SIZE, left + first,
				   last - first + 1);
		for (unsigned i = first; i <= last; i++)
			if (b.entry[i] & PTE_OWNED)
				page_free((void *)(b.entry[i] & PTE_FRAME), 0);
	}
}

/* Set the attributes of whole ranges, and merge what became alike. */
static void set_prot(uint64_t at, uint64_t end, unsigned prot)
{
	struct range *first = NULL;

	while (at < end) {
		struct range *r = range_find(&vm_tree, at);

		at = r->end;
		if (!first) {
			first = r;
			r->prot = prot;
			continue;
		}
		range_remove(&vm_tree, r);
		put_record(r);
	}
	if (first && first->end < end) {
		range_remove(&vm_tree, first);
		first->end = end;
		range_insert(&vm_tree, first);
	}
}

int vm_release(void *p, size_t size)
{
	uint64_t at = (uint64_t)p, end = at + vm_page_up(size);
	struct range *r;

	if (isolate(at, end))
		return -ENOMEM;
	drop_pages(at, end);
	while ((r = range_after(&vm_tree, at)) != NULL && r->start < end) {
		range_remove(&vm_tree, r);
		put_record(r);
	}
	return 0;
}

uint64_t vm_entry_flags(unsigned prot)
{
	uint64_t flags = PTE_OWNED | PTE_NX;

	if (prot & (VM_READ | VM_WRITE))
		flags |= PTE_P;
	if (prot & VM_WRITE)
		flags |= PTE_W;
	return flags;
}

int vm_put_pages(uint64_t at, unsigned n, uint64_t flags)
{
	uint64_t entries[VM_BATCH] = {0};
	unsigned got = 0;

	while (got < n) {
		void *page = page_alloc(0);

		if (!page)
			break;
		entries[got++] = (uint64_t)page | flags;
	}
	if (got == n && !paging_map_run(at, entries, n))
		return 0;
	for (unsigned i = 0; i < got; i++) {
		uint64_t va = at + i * PAGE_SIZE;

		if (paging_entry(va) & PTE_OWNED)
			paging_replace_run(va, &none, 1);
		page_free((void *)(entries[i] & PTE_FRAME), 0);
	}
	return -ENOMEM;
}

int vm_map(void *p, size_t size, unsigned prot)
{
	uint64_t at = (uint64_t)p, end = at + vm_page_up(size), done;

	if (prot & VM_EXEC)
		return -EACCES;
	if (!reserved(at, end))
		return -EINVAL;
	if (isolate(at, end))
		return -ENOMEM;
	drop_pages(at, end);
	for (done = at; !(prot & VM_LAZY) && done < end;) {
		uint64_t n = (end - done) / PAGE_SIZE;

		n = n < VM_BATCH ? n : VM_BATCH;
		if (vm_put_pages(done, (unsigned)n, vm_entry_flags(prot))) {
			drop_pages(at, done);
			set_prot(at, end, 0);
			return -ENOMEM;
		}
		done += n * PAGE_SIZE;
	}
	set_prot(at, end, prot);
	return 0;
}

int vm_protect(void *p, size_t size, unsigned prot)
{
	uint64_t at = (uint64_t)p, end = at + vm_page_up(size);
	struct batch b = {.at = at};

	if (prot & VM_EXEC)
		return -EACCES;
	if (!reserved(at, end) || isolate(at, end))
		return -ENOMEM;
	for (uint64_t a = at; a < end;) {
		struct range *r = range_find(&vm_tree, a);

		r->prot = (prot & ~(unsigned)VM_LAZY) | (r->prot & VM_LAZY);
		a = r->end;
	}
	while (next_batch(&b, end)) {
		for (unsigned i = 0; i < b.n; i++)
			if (b.entry[i] & PTE_OWNED)
				b.entry[i] = (b.entry[i] & PTE_FRAME) |
					     vm_entry_flags(prot);
		paging_replace_run(b.at, b.entry, b.n);
	}
	return 0;
}

int vm_unmap(void *p, size_t size)
{
	uint64_t at = (uint64_t)p, end = at + vm_page_up(size);

	if (!reserved(at, end))
		return -EINVAL;
	if (isolate(at, end))
		return -ENOMEM;
	drop_pages(at, end);
	set_prot(at, end, 0);
	return 0;
}

int vm_move(void *to, void *from, size_t size)
{
	uint64_t src = (uint64_t)from, dst = (uint64_t)to, end = src + size;
	struct range *r = range_find(&vm_tree, src);
	unsigned prot = r ? r->prot : 0;

	/* one part may have been filled when it was mapped, another not */
	while (r && r->end < end) {
		r = range_find(&vm_tree, r->end);
		prot |= r ? r->prot & VM_LAZY : 0;
	}
	if (!r || !reserved(dst, dst + size) || isolate(dst, dst + size) ||
	    isolate(src, end))
		return -ENOMEM;
	drop_pages(dst, dst + size);
	set_prot(dst, dst + size, prot);
	for (; src < end; src += PAGE_SIZE, dst += PAGE_SIZE) {
		uint64_t e;

		e = paging_entry(src);
		if (!(e & PTE_OWNED))
			continue;
		if (paging_map_run(dst, &e, 1))
			return -ENOMEM;
		paging_replace_run(src, &none, 1);
	}
	set_prot((uint64_t)from, end, 0);
	return 0;
}
