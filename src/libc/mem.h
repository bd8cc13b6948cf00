/* SPDX-License-Identifier: ISC */
/* A program's memory mappings (mem.c), for the rest of libc's layer. */
#ifndef FATA_LIBC_MEM_H
#define FATA_LIBC_MEM_H

#include <fata/page.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Give every page below sp its memory, as far as the mapping reaches, so that
 * the stack of a thread never faults. 0 or -ENOMEM.
 */
int mem_fill_stack(uint64_t sp);

/* --- between mem.c and mem_file.c ----------------------------------------- */

/* No mapping is longer, none lies higher. */
#define MEM_SPACE (1ull << 46)

static inline uint64_t mem_page_up(uint64_t n)
{
	return (n + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

struct file;

/* Is all of [at, end) the program's? */
bool mem_noted(uint64_t at, uint64_t end);

/* Unmap what is the program's in [at, end). */
int mem_unmap(uint64_t at, uint64_t end);

/* As mmap of no file. The address or an error. */
long mem_map_anonymous(uint64_t at, uint64_t size, int prot, int flags);

/* As mmap of a file, checked by sys_mmap. */
long mem_file_map(uint64_t at, uint64_t size, int prot, int flags,
		  struct file *f, uint64_t offset);

/* [at, end) is being unmapped: shared mappings are written back and cut. */
void mem_file_unmap(uint64_t at, uint64_t end);

/* Is a shared mapping of a file there? */
bool mem_file_shared(uint64_t at);

#endif
