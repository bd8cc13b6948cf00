/* SPDX-License-Identifier: ISC */
/*
 * What becomes of a linked ELF file before it is an image: the names of its
 * functions are put where a panic finds them, and what the loader and the
 * memory protection rely on is verified.
 */
#ifndef TOOL_POSTLINK_H
#define TOOL_POSTLINK_H

/*
 * Makes the image `to` from the linked file `from` (which may be the same).
 * 0, or 1 after saying what is wrong; then `to` is as it was.
 */
int postlink(const char *from, const char *to);

#endif
