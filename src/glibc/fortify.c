/* SPDX-License-Identifier: ISC */
/*
 * Names that archives built against glibc ask for and musl does not have, so
 * that Debian's static libraries link: the checking forms that
 * -D_FORTIFY_SOURCE makes of ordinary calls.
 *
 * This is program code: it is compiled with musl's headers and linked beside
 * libc.a. A size that is exceeded ends the program, as with glibc.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>
#include <wchar.h>

_Noreturn void __chk_fail(void);

_Noreturn void __chk_fail(void)
{
	fputs("*** buffer overflow detected ***: terminated\n", stderr);
	abort();
}

static void need(size_t n, size_t size)
{
	if (n > size)
		__chk_fail();
}

/* name_chk(parameters, size): check, then call name. */
#define CHECKED(type, name, parameters, n, size, call)                         \
	type name parameters;                                                  \
	type name parameters                                                   \
	{                                                                      \
		need(n, size);                                                 \
		return call;                                                   \
	}

CHECKED(void *, __memcpy_chk, (void *d, const void *s, size_t n, size_t size),
	n, size, memcpy(d, s, n))
CHECKED(void *, __memmove_chk, (void *d, const void *s, size_t n, size_t size),
	n, size, memmove(d, s, n))
CHECKED(void *, __mempcpy_chk, (void *d, const void *s, size_t n, size_t size),
	n, size, mempcpy(d, s, n))
CHECKED(void *, __memset_chk, (void *d, int c, size_t n, size_t size), n, size,
	memset(d, c, n))
CHECKED(char *, __strcpy_chk, (char *d, const char *s, size_t size),
	strlen(s) + 1, size, strcpy(d, s))
CHECKED(char *, __stpcpy_chk, (char *d, const char *s, size_t size),
	strlen(s) + 1, size, stpcpy(d, s))
CHECKED(char *, __strncpy_chk, (char *d, const char *s, size_t n, size_t size),
	n, size, strncpy(d, s, n))
CHECKED(char *, __stpncpy_chk, (char *d, const char *s, size_t n, size_t size),
	n, size, stpncpy(d, s, n))
CHECKED(char *, __strcat_chk, (char *d, const char *s, size_t size),
	strlen(d) + strlen(s) + 1, size, strcat(d, s))
CHECKED(char *, __strncat_chk, (char *d, const char *s, size_t n, size_t size),
	strlen(d) + strnlen(s, n) + 1, size, strncat(d, s, n))
CHECKED(ssize_t, __read_chk, (int fd, void *p, size_t n, size_t size), n, size,
	read(fd, p, n))
CHECKED(ssize_t, __pread_chk,
	(int fd, void *p, size_t n, off_t at, size_t size), n, size,
	pread(fd, p, n, at))
CHECKED(ssize_t, __pread64_chk,
	(int fd, void *p, size_t n, off_t at, size_t size), n, size,
	pread(fd, p, n, at))
CHECKED(ssize_t, __recv_chk, (int fd, void *p, size_t n, size_t size, int f),
	n, size, recv(fd, p, n, f))
CHECKED(ssize_t, __recvfrom_chk,
	(int fd, void *p, size_t n, size_t size, int f, struct sockaddr *a,
	 socklen_t *l),
	n, size, recvfrom(fd, p, n, f, a, l))
CHECKED(ssize_t, __readlink_chk,
	(const char *path, char *p, size_t n, size_t size), n, size,
	readlink(path, p, n))
CHECKED(char *, __getcwd_chk, (char *p, size_t n, size_t size), n, size,
	getcwd(p, n))
CHECKED(int, __gethostname_chk, (char *p, size_t n, size_t size), n, size,
	gethostname(p, n))
CHECKED(int, __poll_chk, (struct pollfd *p, nfds_t n, int ms, size_t size),
	n * sizeof(*p), size, poll(p, n, ms))
CHECKED(char *, __fgets_chk, (char *p, size_t size, int n, FILE *f),
	(size_t)n, size, fgets(p, n, f))
CHECKED(size_t, __fread_chk,
	(void *p, size_t size, size_t each, size_t n, FILE *f),
	n && each > size / n ? size + 1 : each *n, size, fread(p, each, n, f))
CHECKED(char *, __realpath_chk, (const char *path, char *p, size_t size),
	p ? 4096 : 0, size, realpath(path, p))
CHECKED(long, __fdelt_chk, (long fd), (size_t)fd, 1023, fd / 64)

void __explicit_bzero_chk(void *p, size_t n, size_t size);

void __explicit_bzero_chk(void *p, size_t n, size_t size)
{
	need(n, size);
	explicit_bzero(p, n);
}

/* glibc checks that the jump goes up the stack; the canaries are ours. */
_Noreturn void __longjmp_chk(jmp_buf b, int value);

_Noreturn void __longjmp_chk(jmp_buf b, int value)
{
	longjmp(b, value);
}

/* Formatted output; `flag` asks for a check of %n, which is not made. */
#define FORMATTED(name, parameters, call)                                      \
	int name parameters;                                                   \
	int name parameters                                                    \
	{                                                                      \
		va_list args;                                                  \
		int result;                                                    \
                                                                               \
		(void)flag;                                                    \
		va_start(args, format);                                        \
		result = call;                                                 \
		va_end(args);                                                  \
		return result;                                                 \
	}
#define FORMATTED_V(name, parameters, call)                                    \
	int name parameters;                                                   \
	int name parameters                                                    \
	{                                                                      \
		(void)flag;                                                    \
		return call;                                                   \
	}

/* Into a buffer: never more than `size`, and the end if that is too little. */
static int into(char *p, size_t n, size_t size, const char *format,
		va_list args)
{
	int length;

	need(n, size);
	length = vsnprintf(p, n, format, args);
	return length;
}

static int all_into(char *p, size_t size, const char *format, va_list args)
{
	int length = vsnprintf(p, size, format, args);

	need((size_t)length + 1, size);
	return length;
}

FORMATTED(__printf_chk, (int flag, const char *format, ...),
	  vprintf(format, args))
FORMATTED(__fprintf_chk, (FILE *f, int flag, const char *format, ...),
	  vfprintf(f, format, args))
FORMATTED(__dprintf_chk, (int fd, int flag, const char *format, ...),
	  vdprintf(fd, format, args))
FORMATTED(__asprintf_chk, (char **p, int flag, const char *format, ...),
	  vasprintf(p, format, args))
FORMATTED(__sprintf_chk,
	  (char *p, int flag, size_t size, const char *format, ...),
	  all_into(p, size, format, args))
FORMATTED(__snprintf_chk,
	  (char *p, size_t n, int flag, size_t size, const char *format, ...),
	  into(p, n, size, format, args))
FORMATTED_V(__vprintf_chk, (int flag, const char *format, va_list args),
	    vprintf(format, args))
FORMATTED_V(__vfprintf_chk,
	    (FILE *f, int flag, const char *format, va_list args),
	    vfprintf(f, format, args))
FORMATTED_V(__vdprintf_chk,
	    (int fd, int flag, const char *format, va_list args),
	    vdprintf(fd, format, args))
FORMATTED_V(__vasprintf_chk,
	    (char **p, int flag, const char *format, va_list args),
	    vasprintf(p, format, args))
FORMATTED_V(__vsprintf_chk,
	    (char *p, int flag, size_t size, const char *format, va_list args),
	    all_into(p, size, format, args))
FORMATTED_V(__vsnprintf_chk,
	    (char *p, size_t n, int flag, size_t size, const char *format,
	     va_list args),
	    into(p, n, size, format, args))

void __syslog_chk(int priority, int flag, const char *format, ...);

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	vsyslog(priority, format, args);
	va_end(args);
}
