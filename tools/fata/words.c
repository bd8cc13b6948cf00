/* SPDX-License-Identifier: ISC */
/*
 * A guest's command line (words.h). The guest itself checks everything again
 * (src/core/param.c, same rules, same words); here are the mistakes that the
 * image's notes allow to find before anything boots. Unknown words are left to
 * the guest, which knows what it does with them.
 */
#include "words.h"
#include "core/parse.h"

#include <stdlib.h>
#include <string.h>

enum { BAD_PARAMETER = 64 };

/* How each type is shown in the help, called in errors, and checked. */
static const struct type {
	const char *tag, *sign, *noun, *expected;
	int (*parse)(const char *text, uint64_t *value);
} types[] = {
	{"bool", "", "choice", "yes or no", NULL},
	{"int", "INT", "number", "a whole number", NULL},
	{"uint", "UINT", "number", "a whole number, 0 or more", parse_uint},
	{"size", "SIZE", "size", "bytes with K, M or G", parse_size},
	{"time", "TIME", "time", "a number with ns, us, ms, s, m or h",
	 parse_time},
	{"string", "TEXT", "text", "text", NULL},
	{"list", "VALUE", "value", "a value", NULL},
};

static const struct type *type_of(const struct image_param *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].tag, p->type))
			return &types[i];
	return &types[ARRAY_SIZE(types) - 1]; /* of a later version */
}

static bool is_bool(const struct image_param *p)
{
	return !strcmp(p->type, "bool");
}

static const char *dashes(const struct image_param *p)
{
	return p->name[1] ? "--" : "-";
}

static bool good_value(const struct image_param *p, const char *value)
{
	const struct type *t = type_of(p);
	uint64_t number;

	if (is_bool(p))
		return !value || !strcmp(value, "yes") || !strcmp(value, "no");
	if (!strcmp(t->tag, "int"))
		return !parse_int(value, (int64_t *)&number);
	return !t->parse || !t->parse(value, &number);
}

/* --name, --name=value, --no-flag, -x, -xvalue; *value: NULL if none. */
static const struct image_param *named(const struct image *im, const char *word,
				       const char **value)
{
	const struct image_param *p;
	const char *name = word + 2;
	size_t n;

	if (word[1] != '-') {
		*value = word[2] ? word + 2 : NULL;
		return image_param(im, word + 1, 1);
	}
	n = strcspn(name, "=");
	*value = name[n] ? name + n + 1 : NULL;
	p = image_param(im, name, n);
	if (!p && !*value && starts_with(name, "no-")) {
		p = image_param(im, name + 3, n - 3);
		if (p && !is_bool(p))
			p = NULL;
	}
	return p;
}

static int check_one(const struct image_param *p, const char *value, bool *seen)
{
	if (*seen && strcmp(p->type, "list")) {
		fail("%s%s: given twice", dashes(p), p->name);
		return BAD_PARAMETER;
	}
	*seen = true;
	if (good_value(p, value))
		return 0;
	fail("%s%s%s%s: bad %s (expected %s)", dashes(p), p->name,
	     p->name[1] ? "=" : " ", value, type_of(p)->noun,
	     type_of(p)->expected);
	return BAD_PARAMETER;
}

/* A word that begins like a parameter: not "-" itself, nor a number. */
static bool is_option(const char *w)
{
	return w[0] == '-' && w[1] && (w[1] < '0' || w[1] > '9');
}

int words_check(const struct image *im, char *const *words)
{
	bool *seen = xmalloc(im->param_count);
	int err = 0;

	for (size_t i = 0; !err && words[i] && strcmp(words[i], "--"); i++) {
		const char *word = words[i], *value;
		const struct image_param *p;

		if (!is_option(word))
			continue;
		p = named(im, word, &value);
		if (!p && !strcmp(word, "--help"))
			break;
		if (!p)
			continue;
		if (!value && !is_bool(p)) {
			value = words[++i];
			if (!value) {
				fail("%s: value missing (expected %s)", word,
				     type_of(p)->expected);
				err = BAD_PARAMETER;
				break;
			}
		}
		err = check_one(p, value, &seen[p - im->params]);
	}
	free(seen);
	return err;
}

static void quote(struct text *t, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_=+./,:@%^";

	if (*word && !word[strspn(word, plain)]) {
		text_add(t, word, strlen(word));
		return;
	}
	text_add(t, "'", 1);
	for (; *word; word++) {
		if (*word == '\'')
			text_add(t, "'\\''", 4);
		else
			text_add(t, word, 1);
	}
	text_add(t, "'", 1);
}

char *words_join(char *const *words)
{
	struct text t = {0};

	text_add(&t, "", 0);
	for (size_t i = 0; words[i]; i++) {
		if (i)
			text_add(&t, " ", 1);
		quote(&t, words[i]);
	}
	if (t.n > WORDS_LONGEST) {
		fail("the guest's command line has %zu bytes (at most %d)", t.n,
		     WORDS_LONGEST);
		text_free(&t);
	}
	return t.s;
}

void words_help(const struct image *im, struct text *out)
{
	text_printf(out, "%s%s%s\n", im->name, *im->about ? " - " : "",
		    im->about);
	text_printf(out, "Boot parameters (other words are the program's "
			 "own):\n");
	for (size_t i = 0; i < im->param_count; i++) {
		const struct image_param *p = &im->params[i];
		char *left = xasprintf(
			"%s%s%s%s", is_bool(p) ? "--[no-]" : dashes(p), p->name,
			is_bool(p)   ? ""
			: p->name[1] ? "="
				     : " ",
			type_of(p)->sign);

		text_printf(out, "  %-24s %s", left, p->help);
		if (*p->fallback)
			text_printf(out, " (default %s)", p->fallback);
		text_printf(out, "\n");
		free(left);
	}
	text_printf(out, "  %-24s this list\n", "--help");
	text_printf(out, "SIZE: %s; TIME: %s\n", types[3].expected,
		    types[4].expected);
}
