/* SPDX-License-Identifier: ISC */
/*
 * Replays one trace over one allocator; built once per allocator.
 *
 *	replay names		the traces
 *	replay TRACE time	best ns per step of several rounds
 *	replay TRACE memory	peak bytes taken, peak bytes asked for, steps
 *	replay TRACE count N	N rounds and nothing else, for counting
 *				instructions from outside
 *
 * As a program would, a replay writes the beginning and the end of what it
 * gets and reads it before it frees it; for `memory` it writes all of it. The
 * first round, which brings the memory in, is not timed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "trace.h"

#if defined(USE_FATA)

#include <fata/heap.h>

#include "core/page.h"

#define ALLOC(n)     heap_alloc(n)
#define RESIZE(p, n) heap_realloc(p, n)
#define RELEASE(p)   heap_free(p)

static void prepare(void)
{
	size_t bytes = (size_t)2 << 30;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	page_add((uintptr_t)p, (uintptr_t)p + bytes);
}

/* All pages that the heap has taken, touched or not. */
static size_t footprint(void)
{
	struct heap_stat s;

	heap_quick_stat(&s);
	return s.heap;
}

#else

#if defined(USE_MIMALLOC)
#include <mimalloc.h>
#define ALLOC(n)     mi_malloc(n)
#define RESIZE(p, n) mi_realloc(p, n)
#define RELEASE(p)   mi_free(p)
#else
#define ALLOC(n)     malloc(n)
#define RESIZE(p, n) realloc(p, n)
#define RELEASE(p)   free(p)
#endif

static void prepare(void) {}

/* Resident pages of the process. */
static size_t footprint(void)
{
	static int fd = -1;
	char text[100] = "";
	ssize_t n;

	if (fd < 0)
		fd = open("/proc/self/statm", O_RDONLY);
	n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? strtoul(strchr(text, ' '), NULL, 10) * 4096 : 0;
}

#endif

#define ROUNDS 4

static unsigned char **block;
static unsigned sum;

static void replay(const struct trace *t)
{
	const struct step *s, *end = t->step + t->steps;
	unsigned char *p;

	for (s = t->step; s < end; s++) {
		if (s->kind == STEP_FREE) {
			p = block[s->slot];
			sum += p[0];
			RELEASE(p);
			continue;
		}
		p = s->kind == STEP_ALLOC ? ALLOC(s->size)
					  : RESIZE(block[s->slot], s->size);
		if (!p)
			abort();
		p[0] = p[s->size - 1] = s->slot;
		block[s->slot] = p;
	}
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void measure_time(const struct trace *t)
{
	uint64_t best = UINT64_MAX, took;
	unsigned i;

	for (i = 0; i <= ROUNDS; i++) {
		took = now();
		replay(t);
		took = now() - took;
		if (i && took < best)
			best = took;
	}
	printf("%.2f\n", (double)best / t->steps);
}

static void measure_memory(const struct trace *t)
{
	size_t before = footprint(), peak = 0, here, i;
	const struct step *s;
	unsigned char *p;

	for (i = 0; i < t->steps; i++) {
		s = &t->step[i];
		if (s->kind == STEP_FREE) {
			RELEASE(block[s->slot]);
		} else {
			p = s->kind == STEP_ALLOC
				    ? ALLOC(s->size)
				    : RESIZE(block[s->slot], s->size);
			if (!p)
				abort();
			memset(p, 1, s->size);
			block[s->slot] = p;
		}
		if (i % 16)
			continue;
		here = footprint() - before;
		if (here > peak)
			peak = here;
	}
	printf("%zu %zu %zu\n", peak, t->peak, t->steps);
}

int main(int argc, char **argv)
{
	struct trace *t;
	unsigned i;

	if (argc == 2 && !strcmp(argv[1], "names")) {
		for (i = 0; trace_name(i); i++)
			puts(trace_name(i));
		return 0;
	}
	t = argc >= 3 ? trace_make(argv[1]) : NULL;
	if (!t) {
		fprintf(stderr, "usage: replay TRACE time|memory|count N\n");
		return 1;
	}
	block = malloc(t->slots * sizeof(*block));
	if (!block)
		abort();
	/* Resident from now on. */
	memset(block, 1, t->slots * sizeof(*block));
	prepare();
	if (!strcmp(argv[2], "time"))
		measure_time(t);
	else if (!strcmp(argv[2], "memory"))
		measure_memory(t);
	else
		for (i = atoi(argv[3]); i; i--)
			replay(t);
	return sum == 12345;
}
