/* SPDX-License-Identifier: ISC */
/* What `fata inspect` shows of an image, as text for people or as JSON. */
#ifndef TOOL_INSPECT_H
#define TOOL_INSPECT_H

#include "image.h"

/* "rwx" with dashes, for PF_... flags. */
const char *inspect_flags(uint32_t flags);
/* The name of a segment's type, or "other". */
const char *inspect_segment_type(uint32_t type);
/* What a note of Xen's or ours means, or "". */
const char *inspect_note(const struct elf_note *n);

void inspect_text(const struct image *im, struct text *out);
void inspect_json(const struct image *im, struct text *out);

#endif
