/* SPDX-License-Identifier: ISC */
/*
 * Formatted text; see fmt.h for what it understands.
 *
 * One conversion is read into a struct spec, turned into a body (digits or a
 * string) plus a prefix (sign or 0x), and then laid out:
 *
 *     | spaces | prefix | zeros | body | spaces |
 */
#include "core/fmt.h"

#include <string.h>

struct out {
	char *buf;
	size_t n, len; /* room with the NUL; length of the whole text */
};

struct spec {
	bool left, plus, space, alt, zero;
	int width, precision; /* precision -1: none */
	int size;             /* bytes of the integer argument */
	char conv;
};

static void put(struct out *o, const char *s, size_t n)
{
	if (o->len < o->n) {
		size_t room = o->n - o->len;

		memcpy(o->buf + o->len, s, n < room ? n : room);
	}
	o->len += n;
}

static void put_fill(struct out *o, char c, long n)
{
	for (; n > 0; n--) {
		if (o->len >= o->n) { /* nothing to write any more */
			o->len += (size_t)n;
			return;
		}
		o->buf[o->len++] = c;
	}
}

static void put_field(struct out *o, const struct spec *s, const char *prefix,
		      long zeros, const char *body, size_t n)
{
	long pad = s->width - (long)(strlen(prefix) + n);

	if (zeros > 0)
		pad -= zeros;
	if (!s->left)
		put_fill(o, ' ', pad);
	put(o, prefix, strlen(prefix));
	put_fill(o, '0', zeros);
	put(o, body, n);
	if (s->left)
		put_fill(o, ' ', pad);
}

static void put_number(struct out *o, const struct spec *s, const char *prefix,
		       uint64_t v, unsigned base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char body[20];
	char *p = body + sizeof(body);
	long zeros;
	size_t n;

	for (; v; v /= base)
		*--p = digits[v % base];
	n = (size_t)(body + sizeof(body) - p);
	if (s->precision >= 0) /* also: no digit at all for %.0d of 0 */
		zeros = s->precision - (long)n;
	else if (s->zero && !s->left)
		zeros = s->width - (long)(n + strlen(prefix));
	else
		zeros = 0;
	if (!n && s->precision < 0 && zeros < 1)
		zeros = 1;
	put_field(o, s, prefix, zeros, p, n);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	size_t n;

	if (!text)
		text = "(null)";
	n = s->precision < 0 ? strlen(text)
			     : strnlen(text, (size_t)s->precision);
	put_field(o, s, "", 0, text, n);
}

static uint64_t cut(uint64_t v, int size)
{
	return size == 8 ? v : v & ((1ull << (8 * size)) - 1);
}

/* The argument of d and i, by its promoted type; va_arg wants the real one. */
#define SIGNED(s, args)                                                        \
	((s)->size == 8 ? va_arg(args, int64_t) : va_arg(args, int32_t))
#define UNSIGNED(s, args)                                                      \
	((s)->size == 8 ? va_arg(args, uint64_t) : va_arg(args, uint32_t))

static void put_signed(struct out *o, const struct spec *s, int64_t v)
{
	if (s->size == 1)
		v = (int8_t)v;
	else if (s->size == 2)
		v = (int16_t)v;
	put_number(o, s,
		   v < 0      ? "-"
		   : s->plus  ? "+"
		   : s->space ? " "
			      : "",
		   v < 0 ? -(uint64_t)v : (uint64_t)v, 10, false);
}

static void put_unsigned(struct out *o, const struct spec *s, uint64_t v)
{
	v = cut(v, s->size);
	if (s->conv == 'u')
		put_number(o, s, "", v, 10, false);
	else if (s->alt && v)
		put_number(o, s, s->conv == 'X' ? "0X" : "0x", v, 16,
			   s->conv == 'X');
	else
		put_number(o, s, "", v, 16, s->conv == 'X');
}

static const char *read_flags(struct spec *s, const char *f)
{
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '+')
			s->plus = true;
		else if (*f == ' ')
			s->space = true;
		else if (*f == '#')
			s->alt = true;
		else if (*f == '0')
			s->zero = true;
		else
			return f;
	}
}

/* Decimal digits, held below a bound that no line needs. */
static const char *read_number(int *value, const char *f)
{
	int v = 0;

	for (; *f >= '0' && *f <= '9'; f++)
		if (v < 100000)
			v = v * 10 + (*f - '0');
	*value = v;
	return f;
}

static const char *read_length(struct spec *s, const char *f)
{
	s->size = 4;
	if (*f == 'h') {
		s->size = 2;
		if (*++f == 'h') {
			s->size = 1;
			f++;
		}
	} else if (*f == 'l') {
		s->size = 8;
		if (*++f == 'l')
			f++;
	} else if (*f == 'z' || *f == 'j' || *f == 't') {
		s->size = 8;
		f++;
	}
	return f;
}

/* A va_list that can be passed on by address wherever it is an array. */
struct args {
	va_list list;
};

static const char *read_spec(struct spec *s, const char *f, struct args *a)
{
	*s = (struct spec){.precision = -1};
	f = read_flags(s, f);
	if (*f == '*') {
		s->width = va_arg(a->list, int);
		f++;
		if (s->width < 0) {
			s->left = true;
			s->width = s->width == INT32_MIN ? 0 : -s->width;
		}
	} else {
		f = read_number(&s->width, f);
	}
	if (*f == '.') {
		if (*++f == '*') {
			s->precision = va_arg(a->list, int);
			f++;
		} else {
			f = read_number(&s->precision, f);
		}
	}
	f = read_length(s, f);
	s->conv = *f;
	return *f ? f + 1 : f;
}

static bool convert(struct out *o, struct spec *s, struct args *a)
{
	char c;

	switch (s->conv) {
	case 'd':
	case 'i':
		put_signed(o, s, SIGNED(s, a->list));
		return true;
	case 'u':
	case 'x':
	case 'X':
		put_unsigned(o, s, UNSIGNED(s, a->list));
		return true;
	case 'p':
		put_number(o, s, "0x", (uintptr_t)va_arg(a->list, void *), 16,
			   false);
		return true;
	case 's':
		put_string(o, s, va_arg(a->list, const char *));
		return true;
	case 'c':
		c = (char)va_arg(a->list, int);
		put_field(o, s, "", 0, &c, 1);
		return true;
	case '%':
		put(o, "%", 1);
		return true;
	default:
		return false;
	}
}

size_t fmt_v(char *buf, size_t n, const char *format, va_list args)
{
	struct out o = {.buf = buf, .n = n};
	struct args a;

	va_copy(a.list, args);
	while (*format) {
		const char *start = format;
		struct spec s;

		while (*format && *format != '%')
			format++;
		put(&o, start, (size_t)(format - start));
		if (!*format)
			break;
		start = format;
		format = read_spec(&s, format + 1, &a);
		if (!convert(&o, &s, &a))
			put(&o, start, (size_t)(format - start));
	}
	va_end(a.list);
	if (n)
		buf[o.len < n ? o.len : n - 1] = '\0';
	return o.len;
}

size_t fmt(char *buf, size_t n, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	len = fmt_v(buf, n, format, args);
	va_end(args);
	return len;
}
