/* SPDX-License-Identifier: ISC */
/* ChaCha20, RFC 8439 section 2.3: the block function. */
#ifndef FATA_CORE_CHACHA20_H
#define FATA_CORE_CHACHA20_H

#include <stdint.h>

/* 64 bytes of key stream. Constant in time; nothing is left on the stack. */
void chacha20_block(const uint8_t key[32], uint32_t counter,
		    const uint8_t nonce[12], uint8_t out[64]);

#endif
