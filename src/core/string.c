/* SPDX-License-Identifier: ISC */
/*
 * The functions of <string.h> that the kernel itself uses.
 *
 * The compiler also calls the first four on its own, for structures. They use
 * general registers only, since the kernel must not touch a program's vector
 * registers. A program has musl's versions; these are private to the library.
 *
 * Interface: as in ISO C and POSIX. Short blocks are copied by two overlapping
 * words, long ones by the string instructions, which are the fastest thing
 * that works without vector registers.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* In a loop: gcc must not turn it into a call of the function it is in. */
#define KEEP_LOOP() __asm__ volatile("")

/* Words at any address and over any type. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word;
typedef uint32_t __attribute__((may_alias, aligned(1))) half;
typedef uint16_t __attribute__((may_alias, aligned(1))) quarter;

#define LONG 128 /* from here on, string instructions pay */

/* All of the source is read before anything is written: any overlap is fine. */
static inline void copy_short(unsigned char *d, const unsigned char *s,
			      size_t n)
{
	if (n >= 8) {
		uint64_t a = *(const word *)s;
		uint64_t b = *(const word *)(s + n - 8);

		*(word *)d = a;
		*(word *)(d + n - 8) = b;
	} else if (n >= 4) {
		uint32_t a = *(const half *)s;
		uint32_t b = *(const half *)(s + n - 4);

		*(half *)d = a;
		*(half *)(d + n - 4) = b;
	} else if (n >= 2) {
		uint16_t a = *(const quarter *)s;
		uint16_t b = *(const quarter *)(s + n - 2);

		*(quarter *)d = a;
		*(quarter *)(d + n - 2) = b;
	} else if (n) {
		*d = *s;
	}
}

void *memcpy(void *restrict dest, const void *restrict src, size_t n)
{
	unsigned char *d = dest;
	const unsigned char *s = src;

	if (n >= LONG) {
		size_t words = n / 8;

		__asm__ volatile("rep movsq"
				 : "+D"(d), "+S"(s), "+c"(words)
				 :
				 : "memory");
		n &= 7;
	}
	for (; n > 16; n -= 8, d += 8, s += 8) {
		KEEP_LOOP();
		*(word *)d = *(const word *)s;
	}
	copy_short(d, s, n);
	return dest;
}

void *memmove(void *dest, const void *src, size_t n)
{
	unsigned char *d = dest;
	const unsigned char *s = src;

	if ((uintptr_t)d - (uintptr_t)s >= n)
		return memcpy(dest, src, n); /* d is not inside the source */
	for (; n > 16; n -= 8) {
		KEEP_LOOP();
		*(word *)(d + n - 8) = *(const word *)(s + n - 8);
	}
	copy_short(d, s, n);
	return dest;
}

void *memset(void *dest, int c, size_t n)
{
	unsigned char *d = dest;
	uint64_t fill = (unsigned char)c * 0x0101010101010101ull;

	if (n >= LONG) {
		size_t words = n / 8;

		__asm__ volatile("rep stosq"
				 : "+D"(d), "+c"(words)
				 : "a"(fill)
				 : "memory");
		n &= 7;
	}
	for (; n >= 8; n -= 8, d += 8) {
		KEEP_LOOP();
		*(word *)d = fill;
	}
	while (n--) {
		KEEP_LOOP();
		*d++ = (unsigned char)c;
	}
	return dest;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	while (n >= 8 && *(const word *)p == *(const word *)q) {
		p += 8;
		q += 8;
		n -= 8;
	}
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const unsigned char *p = s;

	for (; n; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p) {
		KEEP_LOOP();
		p++;
	}
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (*a != *b)
			return (unsigned char)*a - (unsigned char)*b;
		if (!*a)
			break;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (;; s++) {
		if (!strncmp(s, what, n))
			return (char *)s;
		if (!*s)
			return NULL;
	}
}
