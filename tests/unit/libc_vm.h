/* SPDX-License-Identifier: ISC */
/*
 * Address ranges for tests of src/libc: every pointer is good unless it is
 * below 64 KiB or the one that a test forbids.
 */
#ifndef FATA_TESTS_LIBC_VM_H
#define FATA_TESTS_LIBC_VM_H

#include "core/vm.h"

static const void *vm_forbidden;

static bool vm_good(const void *p, size_t n)
{
	const char *start = p, *bad = vm_forbidden;

	return (uintptr_t)p >= 65536 && (uintptr_t)p + n >= n &&
	       !(bad && bad >= start && bad < start + n);
}

bool vm_readable(const void *p, size_t n)
{
	return vm_good(p, n);
}

bool vm_writable(const void *p, size_t n)
{
	return vm_good(p, n);
}

#endif
