/* SPDX-License-Identifier: ISC */
/* The checks that go along strings and vectors; see user.h. */
#include <errno.h>
#include <fata/page.h>
#include <libc/user.h>
#include <limits.h>
#include <string.h>

#define IOV_LIMIT 1024 /* as Linux (UIO_MAXIOV) */

ssize_t user_string(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max) {
		/* the rest of this page, checked once */
		size_t part = PAGE_SIZE - ((uintptr_t)(s + n) % PAGE_SIZE);
		const char *end;

		if (part > max - n)
			part = max - n;
		if (!vm_readable(s + n, part))
			return -EFAULT;
		end = memchr(s + n, 0, part);
		if (end)
			return end - s;
		n += part;
	}
	return -ENAMETOOLONG;
}

ssize_t user_iov(const struct iovec *iov, int n, bool write)
{
	size_t sum = 0;

	if (n < 0 || n > IOV_LIMIT)
		return -EINVAL;
	if (!user_readable(iov, (size_t)n * sizeof(*iov)))
		return -EFAULT;
	for (int i = 0; i < n; i++) {
		size_t length = iov[i].iov_len;

		if (length > SSIZE_MAX - sum)
			return -EINVAL;
		sum += length;
		if (write ? !user_writable(iov[i].iov_base, length)
			  : !user_readable(iov[i].iov_base, length))
			return -EFAULT;
	}
	return (ssize_t)sum;
}
