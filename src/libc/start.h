/* SPDX-License-Identifier: ISC */
/* From the platform's boot into the program (start.c). */
#ifndef FATA_LIBC_START_H
#define FATA_LIBC_START_H

#include <stddef.h>

/*
 * Run the program on the calling task: libc's _start, which calls main with
 * these words and ends with exit. Returns -ENOMEM, or never.
 */
int libc_run(int argc, char **argv);

/* Bytes of the main task's stack. */
size_t start_stack_size(void);

#endif
