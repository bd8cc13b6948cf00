/* SPDX-License-Identifier: ISC */
/*
 * What a loader leaves in memory, read into a struct boot_info.
 */
#ifndef FATA_XEN_START_INFO_H
#define FATA_XEN_START_INFO_H

#include <core/boot.h>

#define MULTIBOOT_BOOT_MAGIC 0x2badb002

/*
 * Xen's struct hvm_start_info (xen/include/public/arch-x86/hvm/start_info.h),
 * versions 0 (no memory map) and up. 0, or -EINVAL for a bad magic number.
 */
int start_info_parse(void *start_info, struct boot_info *b);

/* Multiboot 1 information (GNU Multiboot specification 0.6.96, section 3.3). */
void multiboot_parse(void *info, struct boot_info *b);

/*
 * Ask Xen for the memory map (XENMEM_memory_map), for a loader that brought
 * none. 0 or a negative errno.
 */
int memory_map_read(struct boot_info *b);

/*
 * Add n entries of an E820-like table: 64-bit base, 64-bit length, 32-bit
 * type, `stride` bytes apart. Type 1 is RAM, and any other type wins over it.
 */
void memory_map_add(struct boot_info *b, const void *entries, unsigned n,
		    unsigned stride);

#endif
