/* SPDX-License-Identifier: ISC */
/*
 * The command line, taken apart into words as a shell does it.
 *
 * Blanks and line ends separate words. '...' is literal; in "..." a backslash
 * escapes " \ $ ` and nothing else; outside quotes it escapes any character.
 * "" is a word without characters. Nothing is expanded.
 */
#ifndef FATA_CORE_CMDLINE_H
#define FATA_CORE_CMDLINE_H

#include <stddef.h>

struct cmdline {
	int argc;
	char **argv; /* argv[argc] is NULL; for heap_free, if ever */
	const char *error;
	size_t error_at; /* where the quote or backslash stands, from 0 */
};

/*
 * Take `text` apart, with `name`, which must live as long, as argv[0]. The
 * words are a copy on the heap behind argv, one block with it. Returns 0,
 * -ENOMEM, or -EINVAL with `error` and `error_at` set.
 */
int cmdline_parse(const char *text, const char *name, struct cmdline *c);

#endif
