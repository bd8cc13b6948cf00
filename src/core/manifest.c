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

int manifest_index(uint32_t type, const char *name)
{
	const char *p = notes_start;
	int index = 0;

	while (p && p + sizeof(struct note) < notes_end) {
		const struct note *n = (const struct note *)p;

		if (n->type == type && strcmp(n->desc, name) == 0)
			return index;
		index += n->type == type;
		p += sizeof(*n) + ((n->descsz + 3) & ~3u);
	}
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
