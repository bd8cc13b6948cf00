/* SPDX-License-Identifier: ISC */
/*
 * Numbers out of text that people or other machines wrote: nothing is skipped,
 * nothing overflows unnoticed.
 */
#ifndef FATA_CORE_PARSE_H
#define FATA_CORE_PARSE_H

#include <fata/base.h>

/*
 * Read the digits that text begins with, decimal or after 0x hexadecimal.
 * Returns what follows them, or NULL when there is no digit or the number is
 * above UINT64_MAX.
 */
const char *parse_digits(const char *text, uint64_t *value);

/*
 * The whole text as a number, else -EINVAL. Sizes may end in K, M or G (either
 * case); times, unless 0, must end in ns, us, ms, s, m or h. *value is only
 * written on success.
 */
int parse_uint(const char *text, uint64_t *value);
int parse_int(const char *text, int64_t *value);
int parse_size(const char *text, uint64_t *value);
int parse_time(const char *text, uint64_t *value);

#endif
