/* SPDX-License-Identifier: ISC */
/*
 * Words that every other header of the contract uses.
 *
 * Errors: a function that can fail returns an int (or ssize_t): 0 or a count
 * on success, a negative errno otherwise. If a call that starts something
 * returns an error, its callback never comes. Functions that return nothing
 * cannot fail. A program's own mistakes (a null pointer where the comment asks
 * for an object, unlocking what is not locked) are bugs and may end in a panic.
 *
 * Time: every time is in nanoseconds. A deadline is a point on the monotonic
 * clock (clock.h); a deadline in the past polls, FATA_FOREVER never expires.
 *
 * Context: everything runs on one virtual CPU and nothing is preempted. "Can
 * block" means that the calling task may be parked while others run; such a
 * call is for tasks only, never for a hook, timer or event callback.
 */
#ifndef FATA_BASE_H
#define FATA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Around declarations: C++ programs see C names. */
#ifdef __cplusplus
#define FATA_BEGIN extern "C" {
#define FATA_END }
#else
#define FATA_BEGIN
#define FATA_END
#endif

/* A deadline that never comes. */
#define FATA_FOREVER UINT64_MAX

/* Nanoseconds; times and deadlines are uint64_t of them. */
#define FATA_NS_PER_US 1000ull
#define FATA_NS_PER_MS 1000000ull
#define FATA_NS_PER_S 1000000000ull

/* The compiler checks a printf-like format, given at position f. */
#define FATA_PRINTF(f, args) __attribute__((format(printf, f, args)))

#endif
