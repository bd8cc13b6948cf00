/* SPDX-License-Identifier: ISC */
/*
 * The command line of `fata cc` (ccargs.h).
 *
 * Everything is the compiler's, in the user's order, except for a handful of
 * options of our own. What matters is to know which options take the next
 * word: `-D -c` must not be read as "do not link".
 */
#include "ccargs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Options of gcc and clang whose value may be a word of its own. */
static const char *const with_value[] = {"-o",
					 "-x",
					 "-D",
					 "-U",
					 "-I",
					 "-L",
					 "-l",
					 "-u",
					 "-z",
					 "-e",
					 "-T",
					 "-A",
					 "-B",
					 "-include",
					 "-imacros",
					 "-isystem",
					 "-iquote",
					 "-idirafter",
					 "-iprefix",
					 "-iwithprefix",
					 "-iwithprefixbefore",
					 "-isysroot",
					 "-imultilib",
					 "-MF",
					 "-MT",
					 "-MQ",
					 "-Xlinker",
					 "-Xassembler",
					 "-Xpreprocessor",
					 "-Xclang",
					 "-mllvm",
					 "-target",
					 "--param",
					 "-aux-info",
					 "-dumpbase",
					 "-dumpbase-ext",
					 "-dumpdir",
					 "-wrapper",
					 NULL};

/* Options that stop before linking. */
static const char *const no_link[] = {"-c",
				      "-S",
				      "-E",
				      "-M",
				      "-MM",
				      "-fsyntax-only",
				      "-r",
				      "--compile",
				      "--assemble",
				      "--preprocess",
				      "--syntax-only",
				      NULL};

/* What cannot work in an image, so that the linker need not explain it. */
static const struct {
	const char *option, *why;
} impossible[] = {
	{"-shared", "an image is one static program; there are no shared "
		    "libraries"},
	{"-pie", "images are linked at a fixed address (-fPIC objects are "
		 "welcome)"},
	{"-static-pie", "images are linked at a fixed address (-fPIC objects "
			"are welcome)"},
	{"-m32", "images are 64-bit (x86-64)"},
	{"-mx32", "images are 64-bit (x86-64)"},
};

static bool in(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static bool is_question(const char *w)
{
	return starts_with(w, "-print-") || starts_with(w, "--print-") ||
	       starts_with(w, "-dumpversion") || !strcmp(w, "--version") ||
	       !strcmp(w, "-dumpmachine") || !strcmp(w, "-dumpfullversion") ||
	       !strcmp(w, "-dumpspecs") || starts_with(w, "--help=") ||
	       !strcmp(w, "--target-help") || !strcmp(w, "-###");
}

static bool names_side_files(const char *w)
{
	return !strcmp(w, "-MD") || !strcmp(w, "-MMD") ||
	       starts_with(w, "-save-temps") || !strcmp(w, "-gsplit-dwarf") ||
	       !strcmp(w, "-fstack-usage") || !strcmp(w, "--coverage");
}

/* Our own options, with or without a value in the next word. */
static int own_option(struct cc_args *a, int argc, char **argv, int *i)
{
	const char *w = argv[*i];

	if (starts_with(w, "--cc=")) {
		a->compiler = w + 5;
	} else if (!strcmp(w, "--help") || !strcmp(w, "-h")) {
		a->help = true;
	} else if (!strcmp(w, "-v")) {
		a->verbose = true;
	} else if (!strcmp(w, "-t")) {
		const char *target = *i + 1 < argc ? argv[++*i] : "";

		if (strcmp(target, "xen") && strcmp(target, "unix"))
			return fail_usage("-t %s: no such target (xen or "
					  "unix)",
					  target);
		a->unix_target = !strcmp(target, "unix");
	} else {
		return -1;
	}
	return 0;
}

static int take_value(struct cc_args *a, int argc, char **argv, int *i)
{
	const char *w = argv[*i];

	if (*i + 1 >= argc)
		return fail_usage("%s: the value is missing", w);
	++*i;
	if (!strcmp(w, "-o")) {
		a->output = argv[*i];
		return 0;
	}
	strv_addn(&a->args, w, argv[*i], NULL);
	if (!strcmp(w, "-l"))
		a->inputs = true;
	return 0;
}

static int check_possible(const struct cc_args *a, const char *word)
{
	if (a->unix_target)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++)
		if (!strcmp(impossible[i].option, word))
			return fail_usage("%s: %s", word, impossible[i].why);
	return 0;
}

static int parse_word(struct cc_args *a, int argc, char **argv, int *i)
{
	const char *w = argv[*i];
	int own;

	if (in(with_value, w))
		return take_value(a, argc, argv, i);
	if (starts_with(w, "-o") && w[2]) {
		a->output = w + 2;
		return 0;
	}
	own = own_option(a, argc, argv, i);
	if (own >= 0)
		return own;
	if (in(no_link, w))
		a->links = false;
	if (is_question(w))
		a->asks = true;
	if (names_side_files(w))
		a->side_files = true;
	if (w[0] != '-' || !w[1] || starts_with(w, "-l"))
		a->inputs = true;
	strv_add(&a->args, w);
	return check_possible(a, w);
}

/*
 * Words of an @file, quoted as gcc reads them: white space separates, quotes
 * group, a backslash takes the next character as it is.
 */
static void split_words(const char *s, const char *end, struct strv *out)
{
	while (s < end) {
		struct text word = {0};
		char quote = 0;
		bool any = false;

		for (; s < end; s++) {
			if (!quote && strchr(" \t\r\n\f\v", *s))
				break;
			any = true;
			if (*s == '\\' && s + 1 < end)
				text_add(&word, ++s, 1);
			else if (quote ? *s == quote : *s == '"' || *s == '\'')
				quote = quote ? 0 : *s;
			else
				text_add(&word, s, 1);
		}
		if (any)
			strv_add(out, word.s ? word.s : "");
		text_free(&word);
		s++;
	}
}

/* Replaces @file words by the file's words; an unreadable one stays. */
static void expand(struct strv *out, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		uint8_t *data;
		size_t size;

		if (argv[i][0] == '@' &&
		    !file_read(argv[i] + 1, &data, &size)) {
			split_words((char *)data, (char *)data + size, out);
			free(data);
		} else {
			strv_add(out, argv[i]);
		}
	}
}

int cc_parse(struct cc_args *a, bool cxx, int argc, char **argv)
{
	static struct strv words; /* a->output and ->compiler point into it */

	*a = (struct cc_args){.links = true, .compiler = getenv("FATA_CC")};
	strv_free(&words);
	expand(&words, argc, argv);
	for (int i = 0; i < (int)words.n; i++) {
		int err = parse_word(a, words.n, words.v, &i);

		if (err)
			return err;
	}
	if (!a->compiler || !*a->compiler)
		a->compiler = cxx ? "g++" : "gcc";
	else if (cxx && !strcmp(base_name(a->compiler), "clang"))
		a->compiler = "clang++";
	else if (cxx && !strcmp(base_name(a->compiler), "gcc"))
		a->compiler = "g++";
	if (!on_path(a->compiler))
		return fail("compiler %s not found (install it, or name "
			    "another with --cc=)",
			    a->compiler);
	return 0;
}

void cc_args_free(struct cc_args *a)
{
	strv_free(&a->args);
}
