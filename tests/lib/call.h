/* SPDX-License-Identifier: ISC */
/*
 * System calls by name, without libc in between, for tests that must also pass
 * as a Linux program.
 */
#ifndef FATA_TESTS_CALL_H
#define FATA_TESTS_CALL_H

#include <errno.h>
#include <lib/guest.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long call_result(long r)
{
	return r == -1 ? -errno : r;
}

/* What the kernel answers: a negative errno, or the result. */
#define call(name, ...) call_result(syscall(SYS_##name, ##__VA_ARGS__))

#define check_call(wanted, name, ...)                                          \
	do {                                                                   \
		long w_ = (wanted);                                            \
		long r_ = call_result(syscall(SYS_##name, ##__VA_ARGS__));     \
		if (r_ != w_) {                                                \
			printf("%s:%d: %s: %ld, not %ld\n", __FILE__,          \
			       __LINE__, #name, r_, w_);                       \
			exit(1);                                               \
		}                                                              \
	} while (0)

#endif
