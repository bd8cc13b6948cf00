/* SPDX-License-Identifier: ISC */
/*
 * The command line, taken apart in place: words are written over the text from
 * its beginning, each ended by NUL. A word with its NUL is never longer than
 * what it was made from with the blank after it, so writing stays behind
 * reading. Then argv is made from the row of words.
 *
 *     a 'b c' d\ e      ->  a\0b c\0d e\0
 */
#include "core/cmdline.h"

#include <errno.h>
#include <fata/heap.h>
#include <stdbool.h>
#include <string.h>

struct reader {
	char *begin, *from, *to;
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
	bool end;
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
	end = !*r->from; /* the NUL may be written over it */
	*r->to++ = '\0';
	if (!end)
		r->from++;
	return 0;
}

int cmdline_parse(char *text, const char *name, struct cmdline *c)
{
	struct reader r = {.begin = text, .from = text, .to = text, .c = c};
	size_t words = 0;
	char *word = text;

	*c = (struct cmdline){0};
	for (;;) {
		int err;

		while (is_blank(*r.from))
			r.from++;
		if (!*r.from)
			break;
		err = read_word(&r);
		if (err)
			return err;
		words++;
	}
	c->argv = heap_alloc((words + 2) * sizeof(char *));
	if (!c->argv)
		return -ENOMEM;
	c->argv[c->argc++] = (char *)name;
	for (; words; words--) {
		c->argv[c->argc++] = word;
		word += strlen(word) + 1;
	}
	c->argv[c->argc] = NULL;
	return 0;
}
