/* SPDX-License-Identifier: ISC */
/*
 * Is what a program passes really memory of the kind that the call needs?
 *
 * Program and platform share one address space and one privilege, so nothing
 * stops a bad pointer but these checks: each system call asks before it
 * touches, and a refusal is -EFAULT for the program instead of a dead guest.
 * A call that parks asks again after it, since another thread may have
 * unmapped the memory in the meantime.
 */
#ifndef FATA_LIBC_USER_H
#define FATA_LIBC_USER_H

#include <core/vm.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* May n bytes at p be read (written)? Nothing is asked of 0 bytes. */
static inline bool user_readable(const void *p, size_t n)
{
	return n == 0 || vm_readable(p, n);
}

static inline bool user_writable(void *p, size_t n)
{
	return n == 0 || vm_writable(p, n);
}

/*
 * The length of the string at s, at most max bytes with its NUL; -EFAULT, or
 * -ENAMETOOLONG.
 */
ssize_t user_string(const char *s, size_t max);

/*
 * Check n buffers that will be read from (write == false) or written to. The
 * sum of their lengths, -EINVAL when there are too many or they are too long,
 * -EFAULT.
 */
ssize_t user_iov(const struct iovec *iov, int n, bool write);

#endif
