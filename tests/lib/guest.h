/* SPDX-License-Identifier: ISC */
/*
 * For tests that run as a guest: say what failed and where, and let the exit
 * status tell. What such a test must do is told by its `guest:` comment lines
 * (tests/guest/guest.sh).
 */
#ifndef FATA_TESTS_GUEST_H
#define FATA_TESTS_GUEST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define check(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			printf("%s:%d: not true: %s\n", __FILE__, __LINE__,    \
			       #cond);                                         \
			exit(1);                                               \
		}                                                              \
	} while (0)

#define check_equal(a, b)                                                      \
	do {                                                                   \
		long long a_ = (long long)(a), b_ = (long long)(b);            \
		if (a_ != b_) {                                                \
			printf("%s:%d: %s is %lld, not %lld\n", __FILE__,      \
			       __LINE__, #a, a_, b_);                          \
			exit(1);                                               \
		}                                                              \
	} while (0)

/* A call of libc's that ends with -1 and this errno. */
#define fails(call, error)                                                     \
	do {                                                                   \
		errno = 0;                                                     \
		check_equal(call, -1);                                         \
		check_equal(errno, error);                                     \
	} while (0)

/* The time, in nanoseconds: only for check_left and the like. */
static inline long long guest_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/*
 * Of `all` units (of so many ns) that began to pass after `since` so many are
 * left: not more than all, nor less than the time allows that has passed. A
 * busy machine may have let any time pass.
 */
static inline void check_left(long long left, long long all, long long unit,
			      long long since)
{
	check(left <= all);
	check((left + 1) * unit >= all * unit - (guest_ns() - since));
}

/* After something that must have killed the guest. */
#define still_alive()                                                          \
	do {                                                                   \
		puts("it should be dead");                                     \
		exit(1);                                                       \
	} while (0)

#endif
