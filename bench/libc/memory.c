/* SPDX-License-Identifier: ISC */
/* The heap by traces (bench/heap), mappings and their first touch. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "../heap/trace.h"

static void small(unsigned n)
{
	static void *p[64];

	for (unsigned i = 0; i < n; i++) {
		free(p[i % 64]);
		p[i % 64] = malloc(16 + i * 37 % 1000);
	}
}

/* One of 100 KiB to 1 MiB, used in part. */
static void large(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char *p = malloc((100 + i * 77 % 900) << 10);

		bench_check(!!p, "malloc");
		memset(p, 1, 10000);
		free(p);
	}
}

/* As an array that grows by doubling. */
static void grow(unsigned n)
{
	while (n--) {
		char *p = NULL;

		for (size_t size = 64; size <= 1 << 20; size *= 2) {
			p = realloc(p, size);
			bench_check(!!p, "realloc");
			p[size - 1] = 1;
		}
		free(p);
	}
}

static char *map(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	bench_check(p != MAP_FAILED, "mmap");
	return p;
}

static void map_page(unsigned n)
{
	while (n--) {
		char *p = map(4096);

		*p = 1;
		munmap(p, 4096);
	}
}

/* Each page of 4 MiB in turn. */
static void touch_all(unsigned n)
{
	size_t size = (size_t)n * 4096;
	char *p = map(size);

	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	munmap(p, size);
}

/* Every 64th page: neighbours are of no use. */
static void touch_few(unsigned n)
{
	size_t step = 64 * 4096, size = n * step;
	char *p = map(size);

	for (size_t i = 0; i < size; i += step)
		p[i] = 1;
	munmap(p, size);
}

static void protect(unsigned n)
{
	char *p = map(65536);

	memset(p, 1, 65536);
	for (unsigned i = 0; i < n; i++)
		mprotect(p, 65536, i % 2 ? PROT_READ | PROT_WRITE : PROT_READ);
	munmap(p, 65536);
}

static void replay(const struct trace *t)
{
	void **p = calloc(t->slots, sizeof(*p));
	uint64_t start;

	bench_check(!!p, "memory for a trace");
	start = bench_now();
	for (size_t i = 0; i < t->steps; i++) {
		const struct step *s = &t->step[i];
		char *q = p[s->slot];

		switch (s->kind) {
		case STEP_ALLOC:
			q = malloc(s->size);
			break;
		case STEP_RESIZE:
			q = realloc(q, s->size);
			break;
		default:
			free(q);
			q = NULL;
		}
		p[s->slot] = q;
		if (q && s->size)
			q[0] = q[s->size - 1] = 1;
	}
	bench_row(t->name, "ns",
		  (double)(bench_now() - start) / (double)t->steps);
	free(p);
}

void bench_memory(void)
{
	char name[40];

	bench("malloc and free, small", small, 20000);
	bench("malloc and free, 100 KiB to 1 MiB", large, 300);
	bench("realloc from 64 bytes to 1 MiB", grow, 20);
	bench("mmap, touch, munmap of a page", map_page, 1000);
	bench("first touch of pages in a row", touch_all, 1024);
	bench("first touch of scattered pages", touch_few, 200);
	bench("mprotect of 64 KiB", protect, 500);
	for (unsigned i = 0; trace_name(i); i++) {
		struct trace *t = trace_make(trace_name(i));

		bench_check(!!t, "a trace");
		snprintf(name, sizeof(name), "malloc trace: %s", t->name);
		t->name = name;
		replay(t);
		free(t->step);
	}
}
