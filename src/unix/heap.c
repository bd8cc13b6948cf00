/* SPDX-License-Identifier: ISC */
/*
 * The heap of a Linux process is the C library's, so that the sanitizers and
 * valgrind see every allocation; here it only gets its other names and its
 * figures. Replaces core/heap.c and its sisters in the archive.
 *
 * Interface: fata/heap.h. What the C library's malloc gives is counted as well
 * where the library can tell (mallinfo2, or the sanitizer's own counter);
 * `allocs` and `frees` count what went through this file. heap_check leaves the
 * checking to the sanitizer or to glibc (MALLOC_CHECK_).
 */
#include "core/heap.h"

#include "core/oom.h"
#include "core/task.h"

#include <fata/page.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));
size_t __sanitizer_get_heap_size(void) __attribute__((weak));

static struct {
	size_t peak;
	uint64_t allocs, frees, failures;
} n;

static void *given(void *p)
{
	if (p) {
		n.allocs++;
		return p;
	}
	n.failures++;
	oom_refused();
	return NULL;
}

void *heap_alloc(size_t size)
{
	return given(malloc(size ? size : 1));
}

void *heap_calloc(size_t count, size_t size)
{
	return given(calloc(count ? count : 1, size ? size : 1));
}

void *heap_alloc_aligned(size_t align, size_t size)
{
	void *p = NULL;

	if (!align || align & (align - 1))
		return given(NULL);
	if (align < sizeof(void *))
		align = sizeof(void *);
	return given(posix_memalign(&p, align, size) ? NULL : p);
}

void *heap_realloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);

	if (q && !p)
		n.allocs++;
	return q ? q : given(NULL);
}

void heap_free(void *p)
{
	if (p)
		n.frees++;
	free(p);
}

size_t heap_usable(const void *p)
{
	return malloc_usable_size((void *)p);
}

size_t heap_trim(void)
{
	struct mallinfo2 m = mallinfo2();
	size_t before = m.arena + m.hblkhd;

	malloc_trim(0);
	m = mallinfo2();
	return before - (m.arena + m.hblkhd);
}

void heap_check(void)
{
}

void heap_quick_stat(struct heap_stat *s)
{
	struct mallinfo2 m = mallinfo2();
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct page_stat pages;

	page_stat(&pages);
	*s = (struct heap_stat){
		.total = (size_t)sysconf(_SC_PHYS_PAGES) * page,
		.heap = m.arena + m.hblkhd,
		.live = m.uordblks + m.hblkhd,
		.stack = task_stack_bytes(),
		.allocs = n.allocs,
		.frees = n.frees,
		.failures = n.failures,
	};
	if (__sanitizer_get_current_allocated_bytes) {
		s->live = __sanitizer_get_current_allocated_bytes();
		s->heap = __sanitizer_get_heap_size();
	}
	if (s->live > n.peak)
		n.peak = s->live;
	s->peak = n.peak;
	s->free = pages.free * page + m.fordblks;
}

void heap_stat(struct heap_stat *s)
{
	heap_quick_stat(s);
}

void heap_account_stack(ssize_t bytes)
{
	(void)bytes; /* task_stack_bytes knows */
}
