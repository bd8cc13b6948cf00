/* SPDX-License-Identifier: ISC */
/* The image's own notes (fata/manifest.h), read by the running program. */
#ifndef FATA_CORE_MANIFEST_H
#define FATA_CORE_MANIFEST_H

#include <fata/manifest.h>

/*
 * Which of the notes of this type has this first string, counted from 0;
 * -ENOENT when none has.
 */
int manifest_index(uint32_t type, const char *name);

/* The first string of the n-th note of this type, NULL beyond the last. */
const char *manifest_name(uint32_t type, unsigned n);

/*
 * A device's number: that of its note, or the number that `name` itself spells.
 * -ENOENT.
 */
int manifest_device(uint32_t type, const char *name);

#endif
