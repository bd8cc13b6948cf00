/* SPDX-License-Identifier: ISC */
/*
 * Locale objects that both musl and code built against glibc understand:
 * libstdc++ looks straight into glibc's for its character tables.
 *
 *     offset 0     musl: six category pointers
 *     offset 104   glibc: tables of classes, lower and upper case
 *
 * The linker sends calls of __newlocale and __duplocale, names that only such
 * code uses, to here (--wrap, in `fata cc`).
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define MUSL_SIZE (6 * sizeof(void *))

struct both {
	void *categories[13];
	const unsigned short *classes;
	const int *lower, *upper;
	const char *names[13];
};

const unsigned short **__ctype_b_loc(void);
const int **__ctype_tolower_loc(void);
const int **__ctype_toupper_loc(void);
locale_t __real___newlocale(int mask, const char *name, locale_t base);
locale_t __wrap___newlocale(int mask, const char *name, locale_t base);
locale_t __wrap___duplocale(locale_t l);

static locale_t extend(const void *musl)
{
	struct both *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	memcpy(b, musl, MUSL_SIZE);
	b->classes = *__ctype_b_loc();
	b->lower = *__ctype_tolower_loc();
	b->upper = *__ctype_toupper_loc();
	for (unsigned i = 0; i < 13; i++)
		b->names[i] = "C";
	return (locale_t)b;
}

locale_t __wrap___newlocale(int mask, const char *name, locale_t base)
{
	locale_t l = __real___newlocale(mask, name, base);

	return !l || l == base ? l : extend(l);
}

locale_t __wrap___duplocale(locale_t l)
{
	return extend(l);
}
