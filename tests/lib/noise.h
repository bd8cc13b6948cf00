/* SPDX-License-Identifier: ISC */
/* Bytes that cannot be guessed and a sum over them, for transfers. */
#ifndef TESTS_LIB_NOISE_H
#define TESTS_LIB_NOISE_H

#include <stddef.h>
#include <stdint.h>

#define NOISE_SUM 14695981039346656037ull

/* Fill n bytes, a multiple of 8 but for the last call; the state after. */
static inline uint64_t noise_fill(uint64_t state, unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i % 8 == 0)
			state = state * 6364136223846793005u +
				1442695040888963407u;
		p[i] = (unsigned char)(state >> (56 - i % 8 * 7));
	}
	return state;
}

/* FNV-1a over n more bytes. */
static inline uint64_t noise_sum(uint64_t sum, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 1099511628211ull;
	return sum;
}

#endif
