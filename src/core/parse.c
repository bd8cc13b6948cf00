/* SPDX-License-Identifier: ISC */
/* Numbers out of text; see parse.h. */
#include "core/parse.h"

#include <errno.h>
#include <string.h>

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (unsigned)((c | 0x20) - 'a') + 10;
	return 99;
}

const char *parse_digits(const char *text, uint64_t *value)
{
	unsigned base = 10, digit;
	const char *begin;
	uint64_t v = 0;

	if (text[0] == '0' && (text[1] | 0x20) == 'x') {
		base = 16;
		text += 2;
	}
	for (begin = text; (digit = digit_value(*text)) < base; text++) {
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return NULL;
	}
	if (text == begin)
		return NULL;
	*value = v;
	return text;
}

int parse_uint(const char *text, uint64_t *value)
{
	uint64_t v;
	const char *end = parse_digits(text, &v);

	if (!end || *end)
		return -EINVAL;
	*value = v;
	return 0;
}

int parse_int(const char *text, int64_t *value)
{
	bool negative = *text == '-';
	uint64_t v;
	int err;

	if (*text == '-' || *text == '+')
		text++;
	err = parse_uint(text, &v);
	if (err)
		return err;
	if (v > (uint64_t)INT64_MAX + negative)
		return -EINVAL;
	*value = negative ? (int64_t)-v : (int64_t)v;
	return 0;
}

/* `bare` is the factor when there is no unit; 0: only 0 needs none. */
struct unit {
	const char *name;
	uint64_t factor;
};

static int parse_unit(const char *text, const struct unit *units, uint64_t bare,
		      uint64_t *value)
{
	uint64_t v, factor = 0;
	const char *end = parse_digits(text, &v);

	if (!end)
		return -EINVAL;
	if (!*end && (bare || !v)) {
		*value = v * bare;
		return 0;
	}
	for (; units->name; units++)
		if (!strcmp(units->name, end))
			factor = units->factor;
	if (!factor || __builtin_mul_overflow(v, factor, &v))
		return -EINVAL;
	*value = v;
	return 0;
}

int parse_size(const char *text, uint64_t *value)
{
	static const struct unit units[] = {
		{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"k", 1 << 10},
		{"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0},
	};

	return parse_unit(text, units, 1, value);
}

int parse_time(const char *text, uint64_t *value)
{
	static const struct unit units[] = {
		{"ns", 1},
		{"us", FATA_NS_PER_US},
		{"ms", FATA_NS_PER_MS},
		{"s", FATA_NS_PER_S},
		{"m", 60 * FATA_NS_PER_S},
		{"h", 3600 * FATA_NS_PER_S},
		{NULL, 0},
	};

	return parse_unit(text, units, 0, value);
}
