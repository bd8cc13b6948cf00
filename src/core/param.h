/* SPDX-License-Identifier: ISC */
/*
 * The inside of the boot parameters; see fata/param.h for their grammar.
 */
#ifndef FATA_CORE_PARAM_H
#define FATA_CORE_PARAM_H

#include <fata/base.h>

/* Statuses that end a program before its main; Cmdliner's, as the origin's. */
#define PARAM_HELP 63
#define PARAM_BAD  64

/*
 * Set the parameters that stand in argv[1] and on, and leave in argv what is
 * not a parameter (*argc shrinks; argv[*argc] is NULL). The strings of argv
 * must live for ever. Returns 0; PARAM_HELP after giving the help to `out`; or
 * PARAM_BAD after giving it one line that says what is wrong and where.
 */
int param_apply(int *argc, char **argv,
		void (*out)(const char *text, size_t n));

/*
 * For a PARAM_LIST function: say what is wrong with the value, in place of
 * "bad value". Returns -EINVAL.
 */
int param_bad(const char *format, ...) FATA_PRINTF(1, 2);

/* The pairs NAME=VALUE of all --env, in order, ended by NULL; for getenv. */
char **param_environment(void);

#endif
