/* SPDX-License-Identifier: ISC */
/*
 * The words for a guest: checked against the parameters that its image
 * declares, and joined into one command line.
 */
#ifndef TOOL_WORDS_H
#define TOOL_WORDS_H

#include "image.h"

/* What a guest accepts (include/fata/boot.h), its NUL not counted. */
#define WORDS_LONGEST 65535

/*
 * Says about a duplicate parameter or a bad value now rather than after a
 * boot. Returns 0, or 64, the status with which the guest would end.
 */
int words_check(const struct image *im, char *const *words);

/*
 * The command line, quoted as main's argv is read: shell quotes where needed.
 * The caller frees it. NULL after saying that it is too long.
 */
char *words_join(char *const *words);

/* The list of parameters, as --help in the guest shows it. */
void words_help(const struct image *im, struct text *out);

#endif
