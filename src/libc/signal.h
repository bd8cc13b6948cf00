/* SPDX-License-Identifier: ISC */
/* Signals, for the rest of libc's layer. */
#ifndef FATA_LIBC_SIGNAL_H
#define FATA_LIBC_SIGNAL_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* Send a signal to the program, as kill does. From anywhere. */
void signal_process(int sig);

/* Send a signal to the calling thread, which is in a system call. */
void signal_self(int sig);

/*
 * For the length of a wait the program wants another mask (ppoll and such);
 * mask may be NULL: no change. 0, -EINVAL or -EFAULT.
 */
long signal_mask_begin(const uint64_t *mask, size_t size, uint64_t *old);
void signal_mask_end(const uint64_t *mask, uint64_t old);

#endif
