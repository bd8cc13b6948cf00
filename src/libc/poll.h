/* SPDX-License-Identifier: ISC */
/* The wait of poll, for the rest of libc's layer. */
#ifndef FATA_LIBC_POLL_H
#define FATA_LIBC_POLL_H

#include <stdint.h>

struct pollfd;

/*
 * As poll, on memory of ours: how many of n entries have an answer, 0 at the
 * deadline, -EINTR or -ENOMEM.
 */
int poll_files(struct pollfd *p, unsigned n, uint64_t deadline);

#endif
