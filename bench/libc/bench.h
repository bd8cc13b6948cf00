/* SPDX-License-Identifier: ISC */
/*
 * What the parts of bench/libc share: a row is the best of several rounds, in
 * nanoseconds an operation.
 */
#ifndef BENCH_LIBC_BENCH_H
#define BENCH_LIBC_BENCH_H

#include <stdint.h>

/* Nanoseconds of the monotonic clock. */
uint64_t bench_now(void);

/* One row: fn does the operation n times. */
void bench(const char *name, void (*fn)(unsigned n), unsigned n);

/* One row that is known already, in `unit`, of which less is better. */
void bench_row(const char *name, const char *unit, double value);

/* Ends the program when ok is false. */
void bench_check(int ok, const char *what);

void bench_files(void);
void bench_memory(void);
void bench_threads(void);
void bench_lua(void);

#endif
