/* SPDX-License-Identifier: ISC */
/*
 * Random numbers by fast key erasure: the key makes a batch of key stream, of
 * which the first 32 bytes are the next key at once and the rest is given out,
 * each byte being erased as it is given.
 *
 *     key -> | next key | pool: given ... | not given yet ... |
 *               32        0                                480
 *
 * Seeding xors input into the key and then replaces the key by key stream
 * under it. The xor maps keys one to one, so input that somebody chose cannot
 * make an unknown key any better known.
 *
 * Interface: fata/random.h, core/random.h.
 */
#include "core/random.h"

#include "core/chacha20.h"
#include "platform.h"

#include <fata/clock.h>
#include <fata/log.h>
#include <string.h>

FATA_LOG_SOURCE("random");

#define KEY           32
#define BLOCK         64
#define BATCH         512
#define RESEED_BYTES  (1u << 20)
#define RESEED_NS     (300 * FATA_NS_PER_S)
#define JITTER_ROUNDS 64

static uint8_t key[KEY];
static uint8_t pool[BATCH - KEY];
static size_t pool_left; /* bytes at the end of pool not given yet */
static bool seeded, warned;
static uint64_t bytes_since, seeded_at;

static const uint8_t nonce[12];

static void erase(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* Replace the key by key stream under it; what the pool has left is stale. */
static void turn_key(void)
{
	uint8_t block[BLOCK];

	chacha20_block(key, 0, nonce, block);
	memcpy(key, block, KEY);
	erase(block, sizeof(block));
	erase(pool, sizeof(pool));
	pool_left = 0;
}

void random_stir(const void *buffer, size_t n)
{
	const uint8_t *p = buffer;

	do {
		size_t part = n < KEY ? n : KEY;

		for (size_t i = 0; i < part; i++)
			key[i] ^= p[i];
		turn_key();
		p += part;
		n -= part;
	} while (n);
}

/*
 * Where there is no hardware generator: the time that the same work takes
 * varies with caches, interrupts and the other guests of the host. A few bits
 * at most come out of each round.
 */
static void stir_jitter(void)
{
	uint64_t at[8];

	for (int round = 0; round < JITTER_ROUNDS; round++) {
		for (size_t i = 0; i < 8; i++) {
			at[i] = platform_cycles();
			chacha20_block(key, (uint32_t)at[i], nonce, pool);
		}
		random_stir(at, sizeof(at));
	}
}

void random_reseed(void)
{
	uint64_t times[3] = {clock_mono_ns(), clock_wall_ns(),
			     platform_cycles()};
	uint8_t hardware[48];
	size_t n = platform_entropy(hardware, sizeof(hardware));

	random_stir(times, sizeof(times));
	random_stir(hardware, n);
	erase(hardware, sizeof(hardware));
	if (n < KEY) {
		stir_jitter();
		if (!warned)
			log_warn("no RDSEED or RDRAND: seeded from the timing "
				 "of the CPU");
		warned = true;
	}
	bytes_since = 0;
	seeded_at = times[0];
}

void random_init(void)
{
	seeded = true;
	stir_jitter();
	random_reseed();
}

static void reseed_if_due(size_t n)
{
	if (!seeded)
		random_init();
	else if (bytes_since >= RESEED_BYTES ||
		 (!pool_left && clock_mono_ns() - seeded_at >= RESEED_NS))
		random_reseed();
	bytes_since += n;
}

static void refill(void)
{
	uint8_t batch[BATCH];

	for (uint32_t i = 0; i < BATCH / BLOCK; i++)
		chacha20_block(key, i, nonce, batch + i * BLOCK);
	memcpy(key, batch, KEY);
	memcpy(pool, batch + KEY, sizeof(pool));
	pool_left = sizeof(pool);
	erase(batch, sizeof(batch));
}

void random_bytes(void *buffer, size_t n)
{
	uint8_t *p = buffer;

	reseed_if_due(n);
	while (n) {
		uint8_t *from = pool + sizeof(pool) - pool_left;
		size_t part = n < pool_left ? n : pool_left;

		memcpy(p, from, part);
		erase(from, part);
		pool_left -= part;
		p += part;
		n -= part;
		if (n)
			refill();
	}
}

uint64_t random_u64(void)
{
	uint64_t v;

	random_bytes(&v, sizeof(v));
	return v;
}

/* The high word of random * bound, rejecting the few that would be uneven. */
uint64_t random_below(uint64_t bound)
{
	uint64_t uneven = -bound % bound;
	unsigned __int128 product;

	do
		product = (unsigned __int128)random_u64() * bound;
	while ((uint64_t)product < uneven);
	return (uint64_t)(product >> 64);
}
