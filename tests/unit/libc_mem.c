/* SPDX-License-Identifier: ISC */
/*
 * Mappings against a model: random calls, after each of which every page of a
 * small region must be mapped and protected as a plain array says, and nothing
 * that is not the program's has been touched.
 */
#include "unit/unit.h"

#include "libc/file.h"
#include "libc/sys.h"

#include <errno.h>
#include <fata/page.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "unit/libc_vm.h"

#define PAGES 64
#define BASE 0x10000000000ull
#define FREE (-1)
#define FOREIGN (-2) /* a stack of the platform's */

/* What core/vm.h was told, and what the program should see; prot or FREE. */
static int told[PAGES], model[PAGES];

static unsigned page_of(const void *p)
{
	return (unsigned)(((uint64_t)p - BASE) / PAGE_SIZE);
}

static unsigned pages(size_t n)
{
	return (unsigned)((n + PAGE_SIZE - 1) / PAGE_SIZE);
}

static void set(int *v, unsigned at, unsigned n, int prot)
{
	for (unsigned i = 0; i < n; i++)
		v[at + i] = prot;
}

void *vm_reserve(size_t size, size_t align)
{
	(void)align;
	for (unsigned at = 0, run = 0; at < PAGES; at++) {
		run = told[at] == FREE ? run + 1 : 0;
		if (run == pages(size)) {
			set(told, at + 1 - run, run, 0);
			return (void *)(BASE + (at + 1 - run) * PAGE_SIZE);
		}
	}
	return NULL;
}

int vm_reserve_at(void *p, size_t size)
{
	if ((uint64_t)p < BASE || page_of(p) + pages(size) > PAGES)
		return -EINVAL;
	for (unsigned i = 0; i < pages(size); i++)
		if (told[page_of(p) + i] != FREE)
			return -EEXIST;
	set(told, page_of(p), pages(size), 0);
	return 0;
}

static void no_foreign(void *p, size_t size)
{
	for (unsigned i = 0; i < pages(size); i++)
		assert_true(told[page_of(p) + i] >= 0);
}

int vm_release(void *p, size_t size)
{
	no_foreign(p, size);
	set(told, page_of(p), pages(size), FREE);
	return 0;
}

int vm_map(void *p, size_t size, unsigned prot)
{
	no_foreign(p, size);
	set(told, page_of(p), pages(size), (int)(prot & 3));
	return 0;
}

int vm_protect(void *p, size_t size, unsigned prot)
{
	return vm_map(p, size, prot);
}

int vm_move(void *to, void *from, size_t size)
{
	no_foreign(to, size);
	no_foreign(from, size);
	return 0;
}

int vm_fill(void *p, size_t size)
{
	(void)p;
	(void)size;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	set(told, 0, PAGES, FREE);
	set(told, 20, 3, FOREIGN);
	memcpy(model, told, sizeof(model));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return (int)sys_munmap(BASE, PAGES * PAGE_SIZE);
}

static bool all_mapped(unsigned at, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (model[at + i] < 0)
			return false;
	return true;
}

static void model_unmap(unsigned at, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (model[at + i] >= 0)
			model[at + i] = FREE;
}

static void do_map(unsigned at, unsigned n, int prot, int flags)
{
	long r = sys_mmap(BASE + at * PAGE_SIZE, n * PAGE_SIZE - 7, prot,
			  MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	bool foreign = false;

	if (flags & MAP_FIXED) {
		for (unsigned i = 0; i < n; i++)
			foreign |= model[at + i] == FOREIGN;
		model_unmap(at, n);
		assert_int_equal(r, foreign ? -ENOMEM
					    : (long)(BASE + at * PAGE_SIZE));
	} else if (r == -ENOMEM) {
		return; /* the arrays are compared anyway */
	}
	if (!foreign) {
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(model[page_of((void *)r) + i], FREE);
		set(model, page_of((void *)r), n, prot);
	}
}

static void do_remap(unsigned at, unsigned n, unsigned new)
{
	int prot = model[at];
	bool one = all_mapped(at, n);
	long r;

	for (unsigned i = 0; i < n; i++)
		one = one && model[at + i] == prot;
	if (!one)
		return;
	r = sys_mremap(BASE + at * PAGE_SIZE, n * PAGE_SIZE, new * PAGE_SIZE,
		       MREMAP_MAYMOVE, 0);
	if (r < 0) {
		assert_true(r == -ENOMEM || r == -EFAULT);
		return;
	}
	model_unmap(at, n);
	for (unsigned i = 0; i < new; i++)
		assert_int_equal(model[page_of((void *)r) + i], FREE);
	set(model, page_of((void *)r), new, prot);
}

static void random_calls(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		unsigned at = (unsigned)rand() % PAGES;
		unsigned n = 1 + (unsigned)rand() % (PAGES - at) % 9;
		uint64_t va = BASE + at * PAGE_SIZE;
		int prot = rand() % 4;
		long r;

		switch (rand() % 5) {
		case 0:
			do_map(at, n, prot, 0);
			break;
		case 1:
			do_map(at, n, prot, MAP_FIXED);
			break;
		case 2:
			assert_int_equal(sys_munmap(va, n * PAGE_SIZE), 0);
			model_unmap(at, n);
			break;
		case 3:
			r = sys_mprotect(va, n * PAGE_SIZE, prot);
			assert_int_equal(r, all_mapped(at, n) ? 0 : -ENOMEM);
			if (!r)
				set(model, at, n, prot);
			break;
		case 4:
			do_remap(at, n, 1 + (unsigned)rand() % 9);
			break;
		}
		assert_memory_equal(model, told, sizeof(model));
	}
}

static void refusals(void **state)
{
	int anon = MAP_PRIVATE | MAP_ANONYMOUS;

	(void)state;
	assert_int_equal(sys_mmap(0, 0, 3, anon, -1, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, 4096, 3, MAP_ANONYMOUS, -1, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, 4096, 3, anon, -1, 1), -EINVAL);
	assert_int_equal(sys_mmap(0, 4096, 7, anon, -1, 0), -EACCES);
	assert_int_equal(sys_mmap(0, 4096, 3, MAP_PRIVATE, 9, 0), -EBADF);
	assert_int_equal(sys_mmap(0, 1ull << 60, 3, anon, -1, 0), -ENOMEM);
	assert_int_equal(sys_mmap(8, 4096, 3, anon | MAP_FIXED, -1, 0),
			 -EINVAL);
	assert_int_equal(sys_mmap(4096, 4096, 3, anon | MAP_FIXED, -1, 0),
			 -ENOMEM);
	assert_int_equal(sys_munmap(BASE + 1, 4096), -EINVAL);
	assert_int_equal(sys_munmap(BASE, 0), -EINVAL);
	assert_int_equal(sys_munmap(BASE, ~0ull), -EINVAL);
	assert_int_equal(sys_mprotect(BASE, 4096, 3), -ENOMEM);
	assert_int_equal(sys_mremap(BASE, 4096, 8192, 1, 0), -EFAULT);
	assert_int_equal(sys_madvise(BASE, 4096, MADV_DONTNEED), -ENOMEM);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(random_calls, set_up, tear_down),
	cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
};

UNIT_MAIN("libc_mem", tests)
