/* SPDX-License-Identifier: ISC */
/*
 * The one list of Linux's system calls on x86-64: what becomes of each.
 */
#ifndef FATA_LIBC_TABLE_H
#define FATA_LIBC_TABLE_H

#include <stdint.h>

/* Above the last number that the table knows. */
#define SYSCALL_MAX 512

typedef long syscall_fn(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
			uint64_t);

struct syscall {
	const char *name; /* NULL: not in the table */
	syscall_fn *fn;	  /* NULL: refused */
	const char *note; /* why it is refused, or what is missing; or NULL */
};

/* The entry of a number, or NULL when there cannot be one. */
const struct syscall *syscall_find(uint64_t number);

#endif
