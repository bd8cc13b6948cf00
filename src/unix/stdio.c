/* SPDX-License-Identifier: ISC */
/*
 * stdio reads and writes with functions of libc's own, before which nothing can
 * stand. So standard input, and streams that a program makes of a descriptor of
 * the stack, are streams whose reading and writing is ours.
 */
#include "unix/host.h"
#include "unix/io.h"
#include "unix/sock.h"
#include "unix/unix.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static ssize_t stream_read(void *cookie, char *p, size_t n)
{
	return read((int)(intptr_t)cookie, p, n);
}

/* A stream asks for all; 0 is its word for an error. */
static ssize_t stream_write(void *cookie, const char *p, size_t n)
{
	ssize_t rc = write((int)(intptr_t)cookie, p, n);

	return rc < 0 ? 0 : rc;
}

static int stream_close(void *cookie)
{
	return close((int)(intptr_t)cookie);
}

static FILE *stream(int fd, const char *mode)
{
	const cookie_io_functions_t fns = {.read = stream_read,
					   .write = stream_write,
					   .close = stream_close};
	FILE *f = fopencookie((void *)(intptr_t)fd, mode, fns);

	if (f)
		f->_fileno = fd; /* for fileno() */
	return f;
}

void unix_stdin(void)
{
	FILE *f = stream(0, "r");

	if (f)
		stdin = f;
}

INSTEAD FILE *fdopen(int fd, const char *mode)
{
	return sock_owns(fd) ? stream(fd, mode) : REAL(fdopen)(fd, mode);
}

INSTEAD int vdprintf(int fd, const char *restrict format, va_list args)
{
	char *text;
	int n;

	if (!sock_owns(fd))
		return REAL(vdprintf)(fd, format, args);
	n = vasprintf(&text, format, args);
	if (n < 0)
		return n;
	if (write(fd, text, (size_t)n) != n)
		n = -1;
	free(text);
	return n;
}

INSTEAD int dprintf(int fd, const char *restrict format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vdprintf(fd, format, args);
	va_end(args);
	return n;
}
