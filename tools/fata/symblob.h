/* SPDX-License-Identifier: ISC */
/*
 * The names of an image's functions, in the form that a panic reads.
 *
 *     u32 magic "FSYM"; u32 size of all; u32 count; u32 offset of strings
 *     count x { u32 address; u32 offset of its name in the strings }
 *     strings, each NUL-ended
 *
 * Sorted by address, one name an address. src/core/symbols.c reads it.
 */
#ifndef TOOL_SYMBLOB_H
#define TOOL_SYMBLOB_H

#include "elf.h"
#include "tool.h"

#define SYMBLOB_MAGIC 0x4d595346u

/* Appends the blob of `e` to `out` (empty before); its size is a multiple
 * of 16. Returns the number of functions. */
size_t symblob_make(const struct elf *e, struct text *out);

#endif
