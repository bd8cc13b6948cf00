/* SPDX-License-Identifier: ISC */
/*
 * Where an image's notes lie: between two names of the linker script. The unix
 * twin finds them otherwise (unix/manifest.c).
 */
#include <core/manifest.h>

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
