/* SPDX-License-Identifier: ISC */
/*
 * Random numbers that others cannot guess: ChaCha20 (RFC 8439), keyed from the
 * CPU's generator (RDSEED, RDRAND) and every other source there is, rekeyed
 * after each request so that earlier output cannot be computed from a captured
 * state, and reseeded in time and after a resume.
 */
#ifndef FATA_RANDOM_H
#define FATA_RANDOM_H

#include <fata/base.h>

FATA_BEGIN

/* Fill n bytes. Never fails, does not block. */
void random_bytes(void *buffer, size_t n);

/* 64 random bits. */
uint64_t random_u64(void);

/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(uint64_t bound);

/* Stir n bytes in; they may be known to others, they never make it worse. */
void random_stir(const void *buffer, size_t n);

FATA_END
#endif
