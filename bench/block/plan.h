/* SPDX-License-Identifier: ISC */
/* What fata.c and linux.c measure, and how they print it. */
#ifndef BENCH_BLOCK_PLAN_H
#define BENCH_BLOCK_PLAN_H

#include <stdint.h>
#include <stdio.h>

#define DEPTH_MAX 64
#define SIZE_MAX_ (512 * 1024)

static const struct plan {
	const char *name;
	unsigned size, depth; /* bytes of a request, requests under way */
	int write, random;
} plans[] = {
#define DEPTHS(row, ...)                                                       \
	row(1, __VA_ARGS__), row(2, __VA_ARGS__), row(4, __VA_ARGS__),         \
		row(8, __VA_ARGS__), row(16, __VA_ARGS__),                     \
		row(32, __VA_ARGS__), row(64, __VA_ARGS__)
#define RANDOM(depth, name, write) {name "-4K-x" #depth, 4096, depth, write, 1}
	DEPTHS(RANDOM, "read", 0),
	DEPTHS(RANDOM, "write", 1),
	{"seq-read-4K-x1", 4096, 1, 0, 0},
	{"seq-write-4K-x1", 4096, 1, 1, 0},
	{"seq-read-4K-x64", 4096, 64, 0, 0},
	{"seq-write-4K-x64", 4096, 64, 1, 0},
	{"read-64K-x1", 65536, 1, 0, 0},
	{"write-64K-x1", 65536, 1, 1, 0},
	{"read-64K-x16", 65536, 16, 0, 0},
	{"write-64K-x16", 65536, 16, 1, 0},
	{"read-512K-x1", 524288, 1, 0, 0},
	{"write-512K-x1", 524288, 1, 1, 0},
	{"read-512K-x4", 524288, 4, 0, 0},
	{"write-512K-x4", 524288, 4, 1, 0},
};

#define PLANS (sizeof(plans) / sizeof(*plans))

/* Where the n-th request goes. */
static inline uint64_t place(const struct plan *p, uint64_t n, uint64_t size)
{
	static uint64_t x = 88172645463325252ull;
	uint64_t slots = size / p->size;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (p->random ? x % slots : n % slots) * p->size;
}

/*
 * A row, small requests by number and large ones by bytes; its number of
 * requests; when it began and ended by the wall clock.
 */
static inline void report(const struct plan *p, const char *suffix, uint64_t n,
			  uint64_t ns, uint64_t wall)
{
	uint64_t per_s = n * 1000000000ull / ns;
	uint64_t figure = p->size == 4096 ? per_s : per_s * p->size >> 20;

	printf("row %s%s %s %llu %llu %llu %llu\n", p->name, suffix,
	       p->size == 4096 ? "1/s" : "MiB/s", (unsigned long long)figure,
	       (unsigned long long)n, (unsigned long long)(wall - ns),
	       (unsigned long long)wall);
	fflush(stdout);
}

#endif
