/* SPDX-License-Identifier: ISC */
/*
 * Messages, memory and strings of the tool (tool.h).
 *
 * Out of memory ends the process: the tool works on one image of a few
 * megabytes and has nothing better to do.
 */
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *command;

void tool_command(const char *name)
{
	command = name;
}

/* The line goes out in one write, so that lines of make -j stay whole. */
static void say(const char *format, va_list ap)
{
	struct text t = {0};
	char *body;

	if (vasprintf(&body, format, ap) < 0)
		return;
	text_printf(&t, "fata: %s%s%s\n", command ? command : "",
		    command ? ": " : "", body);
	fflush(stdout);
	fwrite(t.s, 1, t.n, stderr);
	text_free(&t);
	free(body);
}

int fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	return 1;
}

int fail_usage(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	return EXIT_USAGE;
}

int help(const char *text)
{
	fputs(text, stdout);
	return 0;
}

/* Edit distance of two short words: rows of the usual table. */
static unsigned distance(const char *a, const char *b)
{
	enum { LONGEST = 32 };
	unsigned row[LONGEST + 1];
	size_t m = strlen(b);

	if (strlen(a) > LONGEST || m > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			unsigned up = row[j];
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = up;
			row[j] = best;
		}
	}
	return row[m];
}

const char *did_you_mean(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned least = strlen(word) < 4 ? 2 : 3;

	for (; *words; words++) {
		unsigned d = distance(word, *words);

		if (d < least) {
			least = d;
			best = *words;
		}
	}
	return best;
}

static void *need(void *p)
{
	if (!p) {
		fail("out of memory");
		_Exit(EXIT_TOOL);
	}
	return p;
}

void *xmalloc(size_t n)
{
	return need(calloc(1, n ? n : 1));
}

void *xrealloc(void *p, size_t n)
{
	return need(realloc(p, n));
}

char *xstrdup(const char *s)
{
	return need(strdup(s));
}

char *xvasprintf(const char *format, va_list ap)
{
	char *s;

	return need(vasprintf(&s, format, ap) < 0 ? NULL : s);
}

char *xasprintf(const char *format, ...)
{
	va_list ap;
	char *s;

	va_start(ap, format);
	s = xvasprintf(format, ap);
	va_end(ap);
	return s;
}

void strv_add(struct strv *s, const char *word)
{
	s->v = xrealloc(s->v, (s->n + 2) * sizeof(*s->v));
	s->v[s->n++] = xstrdup(word);
	s->v[s->n] = NULL;
}

void strv_addn(struct strv *s, ...)
{
	const char *word;
	va_list ap;

	va_start(ap, s);
	while ((word = va_arg(ap, const char *)))
		strv_add(s, word);
	va_end(ap);
}

void strv_free(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){0};
}

void text_add(struct text *t, const void *data, size_t n)
{
	t->s = xrealloc(t->s, t->n + n + 1);
	if (n)
		memcpy(t->s + t->n, data, n);
	t->n += n;
	t->s[t->n] = '\0';
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list ap;
	char *s;

	va_start(ap, format);
	s = xvasprintf(format, ap);
	va_end(ap);
	text_add(t, s, strlen(s));
	free(s);
}

void text_free(struct text *t)
{
	free(t->s);
	*t = (struct text){0};
}

bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}
