/* SPDX-License-Identifier: ISC */
/*
 * What the heap needs of the rest of the kernel, for a process that has only
 * the heap.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <fata/end.h>
#include <fata/random.h>

void fata_panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	abort();
}

void random_bytes(void *buffer, size_t n)
{
	if (getrandom(buffer, n, 0) != (ssize_t)n)
		abort();
}
