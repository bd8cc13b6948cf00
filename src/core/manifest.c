/* SPDX-License-Identifier: ISC */
/* The image's own notes; see manifest.h. */
#include <core/manifest.h>
#include <errno.h>
#include <string.h>

int manifest_index(uint32_t type, const char *name)
{
	const char *s;

	for (unsigned n = 0; (s = manifest_name(type, n)) != NULL; n++)
		if (strcmp(s, name) == 0)
			return (int)n;
	return -ENOENT;
}

int manifest_device(uint32_t type, const char *name)
{
	int index = manifest_index(type, name), n = 0;

	if (index >= 0)
		return index;
	for (const char *p = name; *p; p++) {
		if (*p < '0' || *p > '9' || n > 100000)
			return -ENOENT;
		n = n * 10 + (*p - '0');
	}
	return *name ? n : -ENOENT;
}
