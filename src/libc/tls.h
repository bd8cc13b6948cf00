/* SPDX-License-Identifier: ISC */
/* Thread-local storage for tasks that libc has not made (tls.c). */
#ifndef FATA_LIBC_TLS_H
#define FATA_LIBC_TLS_H

#include <stdbool.h>

/* From now on new tasks get a thread of libc's. Once, when libc is set up. */
void tls_begin(void);

/* The next spawned tasks bring their own (clone), or need one again. */
void tls_brought(bool own);

#endif
