/* SPDX-License-Identifier: ISC */
/* malloc and its kind, linked only where a program uses them (malloc.c). */
#ifndef FATA_LIBC_MALLOC_H
#define FATA_LIBC_MALLOC_H

/* Does nothing; whoever names it has malloc.c in the image. */
void malloc_linked(void);

#endif
