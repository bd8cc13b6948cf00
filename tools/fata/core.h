/* SPDX-License-Identifier: ISC */
/* A guest's memory as `xl dump-core` writes it, made into what gdb reads. */
#ifndef TOOL_CORE_H
#define TOOL_CORE_H

/*
 * Makes `to` from the dump `from`. 0, or 1 after saying what is wrong; then
 * `to` is as it was.
 */
int core_convert(const char *from, const char *to);

#endif
