/* SPDX-License-Identifier: ISC */
/*
 * Formatted text without libc, for the log, panics and paths.
 *
 * Interface: conversions d i u x X p s c %, flags - + space # 0, width and
 * precision (also *), lengths hh h l ll z j t. Meaning as in C; %p is always
 * 0x and hexadecimal digits, %s of a null pointer is "(null)". Anything else
 * is copied as it stands. Nothing is allocated, nothing can fail.
 */
#ifndef FATA_CORE_FMT_H
#define FATA_CORE_FMT_H

#include <fata/base.h>
#include <stdarg.h>

/*
 * Write at most n bytes, the last of them NUL; returns the length that the
 * whole text has without its NUL, so a result >= n means that it was cut.
 */
size_t fmt(char *buf, size_t n, const char *format, ...) FATA_PRINTF(3, 4);
size_t fmt_v(char *buf, size_t n, const char *format, va_list args)
	FATA_PRINTF(3, 0);

#endif
