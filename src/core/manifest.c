/* SPDX-License-Identifier: ISC */
#include <core/manifest.h>
#include <errno.h>
#include <string.h>

/* The linker script's; absent where the host's linker makes the program. */
extern const char notes_start[] __asm__("fata$notes_start")
	__attribute__((weak));
extern const char notes_end[] __asm__("fata$notes_end") __attribute__((weak));

struct note {
	uint32_t namesz, descsz, type;
	char name[8];
	char desc[];
};

const char *manifest_name(uint32_t type, unsigned n)
{
	const char *p = notes_start;

	while (p && p + sizeof(struct note) < notes_end) {
		const struct note *note = (const struct note *)p;

		if (note->type == type && n-- == 0)
			return note->desc;
		p += sizeof(*note) + ((note->descsz + 3) & ~3u);
	}
	return NULL;
}

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
