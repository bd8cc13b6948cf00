/* SPDX-License-Identifier: ISC */
/*
 * The program of bench/libc.sh, the same objects linked into an image and into
 * a static program for Linux: what a system call costs, and its parts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 4

uint64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void bench_check(int ok, const char *what)
{
	if (ok)
		return;
	printf("failed: %s\n", what);
	exit(1);
}

void bench_row(const char *name, const char *unit, double value)
{
	printf("bench %s|%s|less|%.1f\n", name, unit, value);
	fflush(stdout);
}

void bench(const char *name, void (*fn)(unsigned n), unsigned n)
{
	double best = 1e18;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = bench_now();
		double took;

		fn(n);
		took = (double)(bench_now() - start) / n;
		if (took < best)
			best = took;
	}
	bench_row(name, "ns", best);
}

/* A system call that does next to nothing. */
static void call(unsigned n)
{
	while (n--)
		getppid();
}

static void read_clock(unsigned n)
{
	while (n--)
		bench_now();
}

int main(void)
{
	bench("system call (getppid)", call, 10000);
	bench("clock_gettime", read_clock, 10000);
	bench_files();
	bench_threads();
	bench_memory();
	bench_lua();
	return 0;
}
