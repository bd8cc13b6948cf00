/* SPDX-License-Identifier: ISC */
/*
 * malloc and its family are Fata's heap.
 *
 * All names are defined in this one file, which the platform's start pulls into
 * every image: so libc's own allocator is never linked, not even a part of it.
 * The second set is what libc's other files call, so that a program's own
 * malloc does not get what libc allocated for itself.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <libc/malloc.h>
#include <limits.h>
#include <stdint.h>

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);
void *reallocarray(void *p, size_t n, size_t size);
void free(void *p);
void *aligned_alloc(size_t align, size_t size);
void *memalign(size_t align, size_t size);
int posix_memalign(void **p, size_t align, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);
size_t malloc_usable_size(void *p);
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

/* libc's, of the calling thread. */
int *__errno_location(void);

static void *checked(void *p)
{
	if (!p)
		*__errno_location() = ENOMEM;
	return p;
}

void *malloc(size_t size)
{
	return checked(heap_alloc(size));
}

void *calloc(size_t n, size_t size)
{
	return checked(heap_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	return checked(heap_realloc(p, size));
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return checked(NULL);
	return checked(heap_realloc(p, total));
}

void free(void *p)
{
	heap_free(p);
}

static bool power_of_two(size_t n)
{
	return n && !(n & (n - 1));
}

void *aligned_alloc(size_t align, size_t size)
{
	if (!power_of_two(align)) {
		*__errno_location() = EINVAL;
		return NULL;
	}
	return checked(heap_alloc_aligned(align, size));
}

void *memalign(size_t align, size_t size)
{
	return aligned_alloc(align, size);
}

int posix_memalign(void **p, size_t align, size_t size)
{
	void *got;

	if (!power_of_two(align) || align < sizeof(void *))
		return EINVAL;
	got = heap_alloc_aligned(align, size);
	if (!got)
		return ENOMEM;
	*p = got;
	return 0;
}

void *valloc(size_t size)
{
	return checked(heap_alloc_aligned(PAGE_SIZE, size));
}

void *pvalloc(size_t size)
{
	if (size > SIZE_MAX - PAGE_SIZE)
		return checked(NULL);
	return valloc((size + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1));
}

size_t malloc_usable_size(void *p)
{
	return p ? heap_usable(p) : 0;
}

void *__libc_malloc(size_t size)
{
	return malloc(size);
}

void *__libc_calloc(size_t n, size_t size)
{
	return calloc(n, size);
}

void *__libc_realloc(void *p, size_t size)
{
	return realloc(p, size);
}

void __libc_free(void *p)
{
	heap_free(p);
}

void malloc_linked(void)
{
}
