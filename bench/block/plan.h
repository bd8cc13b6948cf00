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
	{"read-4K-x1", 4096, 1, 0, 1},
	{"write-4K-x1", 4096, 1, 1, 1},
	{"read-4K-x16", 4096, 16, 0, 1},
	{"write-4K-x16", 4096, 16, 1, 1},
	{"read-4K-x64", 4096, 64, 0, 1},
	{"write-4K-x64", 4096, 64, 1, 1},
	{"read-64K-x1", 65536, 1, 0, 0},
	{"write-64K-x1", 65536, 1, 1, 0},
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

/* Small requests count by number, large ones by bytes. */
static inline void report(const struct plan *p, const char *suffix, uint64_t n,
			  uint64_t ns)
{
	uint64_t per_s = n * 1000000000ull / ns;

	if (p->size == 4096)
		printf("row %s%s 1/s %llu\n", p->name, suffix,
		       (unsigned long long)per_s);
	else
		printf("row %s%s MiB/s %llu\n", p->name, suffix,
		       (unsigned long long)(per_s * p->size >> 20));
	fflush(stdout);
}

#endif
