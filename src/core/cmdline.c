/* SPDX-License-Identifier: ISC */
/*
 * The command line, taken apart into one block of memory:
 *
 *     a 'b c' d\ e      ->  argv[0] ... argv[argc]  a\0b c\0d e\0
 *
 * A word with its NUL is never longer than what it was made from with the blank
 * after it, and there are no more words than every second character can begin,
 * so the size is known before.
 */
#include "core/cmdline.h"

#include <errno.h>
#include <fata/heap.h>
#include <stdbool.h>
#include <string.h>

struct reader {
	const char *begin, *from;
	char *to;
	struct cmdline *c;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int fail(struct reader *r, const char *error, const char *at)
{
	r->c->error = error;
	r->c->error_at = (size_t)(at - r->begin);
	return -EINVAL;
}

static int read_single(struct reader *r)
{
	const char *quote = r->from++;

	while (*r->from && *r->from != '\'')
		*r->to++ = *r->from++;
	if (!*r->from)
		return fail(r, "quote ' is not closed", quote);
	r->from++;
	return 0;
}

static int read_double(struct reader *r)
{
	const char *quote = r->from++;

	while (*r->from && *r->from != '"') {
		if (*r->from == '\\' && r->from[1] &&
		    strchr("\"\\$`", r->from[1]))
			r->from++;
		*r->to++ = *r->from++;
	}
	if (!*r->from)
		return fail(r, "quote \" is not closed", quote);
	r->from++;
	return 0;
}

static int read_escaped(struct reader *r)
{
	if (!r->from[1])
		return fail(r, "nothing follows the backslash", r->from);
	r->from++;
	*r->to++ = *r->from++;
	return 0;
}

/* `from` is at the first character of a word; leaves it behind the word. */
static int read_word(struct reader *r)
{
	int err = 0;

	while (!err && *r->from && !is_blank(*r->from)) {
		if (*r->from == '\'')
			err = read_single(r);
		else if (*r->from == '"')
			err = read_double(r);
		else if (*r->from == '\\')
			err = read_escaped(r);
		else
			*r->to++ = *r->from++;
	}
	if (err)
		return err;
	*r->to++ = '\0';
	return 0;
}

int cmdline_parse(const char *text, const char *name, struct cmdline *c)
{
	struct reader r = {.begin = text, .from = text, .c = c};
	size_t n = strlen(text), most = n / 2 + 3;
	int err = 0;

	*c = (struct cmdline){0};
	c->argv = heap_alloc(most * sizeof(char *) + n + 1);
	if (!c->argv)
		return -ENOMEM;
	r.to = (char *)(c->argv + most);
	c->argv[c->argc++] = (char *)name;
	while (!err) {
		while (is_blank(*r.from))
			r.from++;
		if (!*r.from)
			break;
		c->argv[c->argc++] = r.to;
		err = read_word(&r);
	}
	c->argv[c->argc] = NULL;
	if (err)
		heap_free(c->argv);
	return err;
}
