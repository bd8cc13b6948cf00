/* SPDX-License-Identifier: ISC */
/*
 * Futexes: libc's threads wait for a word of memory to change. Numbers as in
 * Linux's linux/futex.h.
 */
#ifndef FATA_LIBC_FUTEX_H
#define FATA_LIBC_FUTEX_H

#include <stdint.h>

enum futex_op {
	FUTEX_WAIT = 0,
	FUTEX_WAKE = 1,
	FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE = 4,
	FUTEX_WAKE_OP = 5,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET = 10,
	FUTEX_OP_MASK = 127,
	FUTEX_PRIVATE = 128,  /* accepted: all futexes are private here */
	FUTEX_REALTIME = 256, /* the time is one of the wall clock */
};

/* The word of a robust mutex. */
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

/* Wake up to n who wait at this word with a common bit; how many. */
int futex_wake(const uint32_t *word, int n, uint32_t bits);

#endif
