/* SPDX-License-Identifier: ISC */
/*
 * What tests of the page allocator share.
 */
#ifndef FATA_TESTS_UNIT_PAGE_H
#define FATA_TESTS_UNIT_PAGE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "core/page.h"
#include "lib/death.h"

#define HUGE (1ul << 30)

/* Address space whose start is aligned to 1 GiB. */
static inline uintptr_t arena(size_t bytes)
{
	char *p = mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	return ((uintptr_t)p + HUGE - 1) & ~(HUGE - 1);
}

static inline struct page_stat stat_now(void)
{
	struct page_stat s;

	page_stat(&s);
	return s;
}

#endif
