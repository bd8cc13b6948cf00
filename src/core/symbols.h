/* SPDX-License-Identifier: ISC */
/*
 * Names of functions, from the table that `fata cc` puts behind the image:
 *
 *     u32 magic "FSYM", u32 size of all, u32 count, u32 offset of the strings
 *     count x { u32 address, u32 offset of the name in the strings }, sorted
 *     strings, each ended by NUL
 */
#ifndef FATA_CORE_SYMBOLS_H
#define FATA_CORE_SYMBOLS_H

#include <stdint.h>

#define SYMBOLS_MAGIC 0x4d595346u

/*
 * Use this table; a damaged one is ignored. Its bytes stay where they are.
 */
void symbols_init(const void *table);

/*
 * The function that holds the address, NULL if unknown; *offset from its
 * start.
 */
const char *symbols_find(uint64_t address, uint64_t *offset);

#endif
