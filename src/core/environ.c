/* SPDX-License-Identifier: ISC */
/*
 * The environment of the program: boot parameter --env NAME=VALUE, as often as
 * wanted. A later one of the same name replaces the earlier.
 */
#include "core/param.h"

#include <errno.h>
#include <fata/heap.h>
#include <fata/param.h>
#include <string.h>

static char *nothing[1];
static char **pairs = nothing;
static size_t count;

char **param_environment(void)
{
	return pairs;
}

static int add(const char *value)
{
	const char *equals = strchr(value, '=');
	size_t name_n = equals ? (size_t)(equals - value) + 1 : 0;
	char **more;

	if (name_n < 2)
		return param_bad("bad variable (expected NAME=VALUE)");
	for (size_t i = 0; i < count; i++) {
		if (!strncmp(pairs[i], value, name_n)) {
			pairs[i] = (char *)value;
			return 0;
		}
	}
	more = heap_realloc(pairs == nothing ? NULL : pairs,
			    (count + 2) * sizeof(*pairs));
	if (!more)
		return param_bad("no memory for it");
	pairs = more;
	pairs[count++] = (char *)value;
	pairs[count] = NULL;
	return 0;
}

FATA_PARAM_LIST(add, "env", "", "an environment variable, NAME=VALUE");
