/* SPDX-License-Identifier: ISC */
/*
 * Lines of a topology into words, and lists of names:
 *
 *     a,b          two names
 *     n[0-2,7]     n0 n1 n2 n7
 *     g[0-1].[0-1] g0.0 g0.1 g1.0 g1.1
 *
 * Interface: sim_topo.h.
 */
#include "sim_topo.h"

#include "core/parse.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int topo_fail(const struct topo_place *at, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = xvasprintf(format, ap);
	va_end(ap);
	fail("%s:%u: %s", at->file, at->line, text);
	free(text);
	return 1;
}

/* One word from *s on into `word`; quotes of both kinds, \ before any. */
static int read_word(const struct topo_place *at, const char **s,
		     struct text *word)
{
	const char *p = *s;
	char quote = 0;

	text_add(word, "", 0);
	for (; *p && (quote || !strchr(" \t\r\n", *p)); p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? 0 : *p;
			continue;
		}
		if (*p == '\\' && quote != '\'' && p[1])
			p++;
		text_add(word, p, 1);
	}
	*s = p;
	return quote ? topo_fail(at, "quote %c is not closed", quote) : 0;
}

int topo_split(const struct topo_place *at, const char *line, struct strv *w)
{
	for (;;) {
		struct text word = {0};
		int err;

		line += strspn(line, " \t\r\n");
		if (!*line || *line == '#')
			return 0;
		err = read_word(at, &line, &word);
		if (!err)
			strv_add(w, word.s);
		text_free(&word);
		if (err)
			return err;
	}
}

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:");

	return *s && !s[n] && !strchr(".-:", *s) && n < 64;
}

static int expand(const struct topo_place *at, const char *before,
		  const char *rest, struct strv *n);

/* All of "3-7" or "3", each between `before` and `after`. */
static int expand_range(const struct topo_place *at, const char *before,
			const char *range, const char *after, struct strv *n)
{
	uint64_t from, to;
	const char *end = parse_digits(range, &from);

	to = from;
	if (end && *end == '-')
		end = parse_digits(end + 1, &to);
	if (!end || *end || to < from)
		return topo_fail(at, "[%s]: expected numbers such as 0-9",
				 range);
	if (to - from >= SIM_NODES_MOST)
		return topo_fail(at, "more than %d names", SIM_NODES_MOST);
	for (uint64_t i = from; i <= to; i++) {
		char *name = xasprintf("%s%ju", before, (uintmax_t)i);
		int err = expand(at, name, after, n);

		free(name);
		if (err)
			return err;
	}
	return 0;
}

/* Names that begin with `before`, of which `rest` is still to be read. */
static int expand(const struct topo_place *at, const char *before,
		  const char *rest, struct strv *n)
{
	const char *open = strchr(rest, '['),
		   *close = open ? strchr(open, ']') : NULL;
	char *head, *ranges, *save, *r;
	int err = 0;

	if (!open) {
		head = xasprintf("%s%s", before, rest);
		if (!is_name(head))
			err = topo_fail(at,
					"'%s' is not a name (letters, "
					"digits, . _ -; below 64)",
					head);
		else if (n->n >= SIM_NODES_MOST)
			err = topo_fail(at, "more than %d names",
					SIM_NODES_MOST);
		else
			strv_add(n, head);
		free(head);
		return err;
	}
	if (!close)
		return topo_fail(at, "'%s': [ is not closed", rest);
	head = xasprintf("%s%.*s", before, (int)(open - rest), rest);
	ranges = xasprintf("%.*s", (int)(close - open - 1), open + 1);
	r = strtok_r(ranges, ",", &save);
	if (!r)
		err = topo_fail(at, "[]: expected numbers such as 0-9");
	for (; r && !err; r = strtok_r(NULL, ",", &save))
		err = expand_range(at, head, r, close + 1, n);
	free(ranges);
	free(head);
	return err;
}

int topo_names(const struct topo_place *at, const char *list, struct strv *n)
{
	int err = 0;

	do {
		const char *end = list;
		char *item;

		for (bool in = false; *end && (in || *end != ','); end++)
			in = *end == '[' || (in && *end != ']');
		item = xasprintf("%.*s", (int)(end - list), list);
		err = expand(at, "", item, n);
		free(item);
		list = *end ? end + 1 : NULL;
	} while (!err && list);
	return err;
}

int topo_time(const struct topo_place *at, const char *what, const char *text,
	      uint64_t *ns)
{
	uint64_t v;

	if (parse_time(text, &v) || v > INT64_MAX)
		return topo_fail(at,
				 "%s '%s': expected a time such as 10ms, "
				 "2s or 1h",
				 what, text);
	*ns = v;
	return 0;
}
