/* SPDX-License-Identifier: ISC */
/*
 * What tests of the heap share: numbers at random, and the memory that it has.
 */
#ifndef FATA_TESTS_UNIT_HEAP_H
#define FATA_TESTS_UNIT_HEAP_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>

#include <fata/heap.h>

#include "core/heap.h"
#include "core/page.h"
#include "lib/death.h"

#define GIB (1ul << 30)

static uint64_t seed = 1;

static inline uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

static inline size_t pages_free(void)
{
	struct page_stat s;

	page_stat(&s);
	return s.free;
}

/* All the memory that this process has: so many bytes. */
static inline void memory(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	page_add((uintptr_t)p, (uintptr_t)p + bytes);
}

#endif
