/* SPDX-License-Identifier: ISC */
/*
 * The generators. Each imitates the shape of one kind of program: which sizes,
 * how long things live, in which order they die. They are deterministic, so
 * that every allocator sees the same steps on every run.
 */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define STEPS 1200000u
#define SLOTS 600000u

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint64_t)(uint32_t)(seed >> 32) * below >> 32;
}

/* From lo to hi, small ones as likely per doubling as large ones. */
static uint32_t skewed(uint32_t lo, uint32_t hi)
{
	uint32_t top = lo;

	while (top < hi && rnd(100) < 70)
		top *= 2;
	top = top > hi ? hi : top;
	return lo + rnd(top - lo + 1);
}

/* --- slots and steps --------------------------------------------------- */

static uint32_t unused[SLOTS], nunused;
static uint32_t size_of[SLOTS];
static size_t live;

static void begin(struct trace *t)
{
	uint32_t i;

	seed = 42;
	live = 0;
	nunused = SLOTS;
	for (i = 0; i < SLOTS; i++)
		unused[i] = SLOTS - 1 - i;
	memset(size_of, 0xff, sizeof(size_of));
	t->step = malloc((STEPS + 2 * SLOTS) * sizeof(struct step));
	if (!t->step)
		abort();
}

static void step(struct trace *t, int kind, uint32_t slot, uint32_t size)
{
	t->step[t->steps++] = (struct step){slot, size, kind};
	live += size;
	if (live > t->peak)
		t->peak = live;
	if (slot >= t->slots)
		t->slots = slot + 1;
}

static uint32_t get(struct trace *t, uint32_t size)
{
	uint32_t slot = unused[--nunused];

	size_of[slot] = size;
	step(t, STEP_ALLOC, slot, size);
	return slot;
}

static void put(struct trace *t, uint32_t slot)
{
	live -= size_of[slot];
	step(t, STEP_FREE, slot, 0);
	size_of[slot] = ~0u;
	unused[nunused++] = slot;
}

static void resize(struct trace *t, uint32_t slot, uint32_t size)
{
	live -= size_of[slot];
	step(t, STEP_RESIZE, slot, size);
	size_of[slot] = size;
}

static void put_all(struct trace *t)
{
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		if (size_of[i] != ~0u)
			put(t, i);
}

/* --- the programs ------------------------------------------------------ */

/*
 * An interpreter with a sweeping collector: strings, closures, tables whose
 * parts double; when the heap has doubled, half of it dies in one sweep.
 */
static void make_lua(struct trace *t)
{
	static uint32_t object[SLOTS];
	uint32_t n = 0, goal = 20000, kept, i;

	while (t->steps < STEPS) {
		uint32_t kind = rnd(10);

		if (kind < 5)
			object[n++] = get(t, 25 + skewed(4, 80));
		else if (kind < 8)
			object[n++] = get(t, 32 + 8 * rnd(4));
		else {
			object[n++] = get(t, 56);
			object[n++] = get(t, 64);
			while (rnd(2) && size_of[object[n - 1]] < 4096)
				resize(t, object[n - 1],
				       2 * size_of[object[n - 1]]);
		}
		if (n < goal)
			continue;
		for (i = kept = 0; i < n; i++)
			if (rnd(100) < 55)
				put(t, object[i]);
			else
				object[kept++] = object[i];
		n = kept;
		goal = n < 60000 ? 2 * n : 120000;
	}
}

/*
 * A database: statements that allocate and free as a stack does, a cache of
 * pages in the order of their last use, rows that grow, a sorter now and then.
 */
static void make_sqlite(struct trace *t)
{
	uint32_t cache[500], at = 0, stack[64], n, i, row;

	for (i = 0; i < 500; i++)
		cache[i] = get(t, 4360);
	while (t->steps < STEPS) {
		n = 10 + rnd(50);
		for (i = 0; i < n; i++)
			stack[i] = get(t, skewed(8, 1200));
		row = get(t, 100);
		for (i = rnd(5); i; i--)
			resize(t, row, size_of[row] + skewed(50, 2000));
		for (i = rnd(4); i; i--) {
			put(t, cache[at]);
			cache[at] = get(t, 4360);
			at = (at + 1) % 500;
		}
		if (rnd(200) == 0) {
			uint32_t sorter = get(t, 1000);

			while (size_of[sorter] < 256000)
				resize(t, sorter, 2 * size_of[sorter]);
			put(t, sorter);
		}
		put(t, row);
		while (n--)
			put(t, stack[n]);
	}
}

/*
 * A web server: 64 connections at a time, in turn; a request takes a buffer,
 * dozens of small things and perhaps a body, and frees all of it at its end.
 */
static void make_web(struct trace *t)
{
	static uint32_t held[64][256];
	uint32_t count[64] = {0}, c, i;

	while (t->steps < STEPS) {
		c = rnd(64);
		if (!count[c])
			held[c][count[c]++] = get(t, 16384);
		for (i = rnd(20); i; i--)
			held[c][count[c]++] = get(t, skewed(16, 512));
		if (rnd(10) == 0)
			held[c][count[c]++] = get(t, skewed(2000, 65536));
		if (count[c] < 60 + rnd(150))
			continue;
		while (count[c])
			put(t, held[c][--count[c]]);
	}
}

/* Larson and Krishnan: any of 5000 blocks is replaced by one of another size.
 */
static void make_larson(struct trace *t)
{
	static uint32_t block[5000];
	uint32_t i;

	for (i = 0; i < 5000; i++)
		block[i] = get(t, 10 + rnd(990));
	while (t->steps < STEPS) {
		i = rnd(5000);
		put(t, block[i]);
		block[i] = get(t, 10 + rnd(990));
	}
}

/* A producer and a consumer: 20000 messages in flight, first in, first out. */
static void make_fifo(struct trace *t)
{
	static uint32_t queue[20000];
	uint32_t i;

	for (i = 0; i < 20000; i++)
		queue[i] = get(t, 64 + rnd(1400));
	for (i = 0; t->steps < STEPS; i = (i + 1) % 20000) {
		put(t, queue[i]);
		queue[i] = get(t, 64 + rnd(1400));
	}
}

/* Pairs: one small thing at a time, freed at once. */
static void make_pairs(struct trace *t)
{
	while (t->steps < STEPS)
		put(t, get(t, 16 + rnd(200)));
}

/* A tree of 200000 nodes that is built and then dropped in random order. */
static void make_tree(struct trace *t)
{
	static uint32_t node[200000];
	uint32_t i, k, swap;

	while (t->steps < STEPS) {
		for (i = 0; i < 200000; i++)
			node[i] = get(t, 24 + 8 * rnd(6));
		for (i = 200000; i--;) {
			k = rnd(i + 1);
			swap = node[k];
			node[k] = node[i];
			put(t, swap);
		}
	}
}

/* Buffers from 4 KiB to 1 MiB, some of which grow. */
static void make_buffers(struct trace *t)
{
	uint32_t buffer[100], i;

	for (i = 0; i < 100; i++)
		buffer[i] = get(t, skewed(4096, 1 << 20));
	while (t->steps < STEPS / 4) {
		i = rnd(100);
		if (rnd(4) == 0 && size_of[buffer[i]] < 1 << 20) {
			resize(t, buffer[i], size_of[buffer[i]] * 5 / 4);
			continue;
		}
		put(t, buffer[i]);
		buffer[i] = get(t, skewed(4096, 1 << 20));
	}
}

static struct trace traces[] = {
	{.name = "lua", .make = make_lua},
	{.name = "sqlite", .make = make_sqlite},
	{.name = "web", .make = make_web},
	{.name = "larson", .make = make_larson},
	{.name = "fifo", .make = make_fifo},
	{.name = "pairs", .make = make_pairs},
	{.name = "tree", .make = make_tree},
	{.name = "buffers", .make = make_buffers},
};

#define TRACES (sizeof(traces) / sizeof(*traces))

const char *trace_name(unsigned n)
{
	return n < TRACES ? traces[n].name : NULL;
}

struct trace *trace_make(const char *name)
{
	unsigned i;

	for (i = 0; i < TRACES; i++)
		if (!strcmp(traces[i].name, name)) {
			begin(&traces[i]);
			traces[i].make(&traces[i]);
			put_all(&traces[i]);
			return &traces[i];
		}
	return NULL;
}
