/* SPDX-License-Identifier: ISC */
/* A program's memory mappings (mem.c), for the rest of libc's layer. */
#ifndef FATA_LIBC_MEM_H
#define FATA_LIBC_MEM_H

#include <stdint.h>

/*
 * Give every page below sp its memory, as far as the mapping reaches, so that
 * the stack of a thread never faults. 0 or -ENOMEM.
 */
int mem_fill_stack(uint64_t sp);

#endif
