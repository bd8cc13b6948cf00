/* SPDX-License-Identifier: ISC */
/*
 * Stacks, each above a page that is never mapped, and pages for the heap.
 */
#include <arch/x86_64/vm_int.h>
#include <core/assert.h>

bool vm_is_guard(const void *p)
{
	const struct range *r = range_find(&vm_tree, (uint64_t)p);

	return r && r->prot == VM_GUARD;
}

void *vm_stack_alloc(size_t *size)
{
	size_t n = vm_page_up(*size);
	char *base = vm_reserve(n + PAGE_SIZE, 0);

	if (!base)
		return NULL;
	if (vm_map(base + PAGE_SIZE, n, VM_READ | VM_WRITE)) {
		vm_release(base, n + PAGE_SIZE);
		return NULL;
	}
	range_find(&vm_tree, (uint64_t)base)->prot = VM_GUARD;
	*size = n;
	return base + PAGE_SIZE;
}

void vm_stack_free(void *stack, size_t size)
{
	int rc = vm_release((char *)stack - PAGE_SIZE, size + PAGE_SIZE);

	/* The ranges are whole, so nothing is cut and no record is needed. */
	ASSERT(!rc);
}

void *vm_pages_alloc(size_t n)
{
	size_t size = n * PAGE_SIZE;
	void *p = n < (1ull << 30) ? vm_reserve(size, 0) : NULL;

	if (!p || !vm_map(p, size, VM_READ | VM_WRITE))
		return p;
	vm_release(p, size);
	return NULL;
}

void vm_pages_free(void *p, size_t n)
{
	int rc = vm_release(p, n * PAGE_SIZE);

	ASSERT(!rc); /* whole ranges: nothing is cut */
}
