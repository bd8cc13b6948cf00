/* SPDX-License-Identifier: ISC */
/*
 * Sequence numbers that others cannot guess (RFC 6528): a clock, 4 us a number,
 * so that a segment of an earlier connection of the same two ports is an old
 * one; and a keyed hash of both ends, so that who sees the numbers of his own
 * connections learns nothing of those of others.
 *
 * The hash is ChaCha20 with an address in place of counter and nonce, the
 * key of each block being the beginning of the block before:
 *
 *     secret -> block(local address) -> block(remote address) -> block(ports)
 */
#include <core/chacha20.h>
#include <fata/clock.h>
#include <fata/random.h>
#include <lwip/tcp.h>
#include <net/lwip/hooks.h>
#include <string.h>

#define TICK_NS 4000

static void stir(uint8_t key[64], const uint32_t words[4])
{
	uint8_t from[32];

	memcpy(from, key, sizeof(from));
	chacha20_block(from, words[0], (const uint8_t *)(words + 1), key);
}

static void stir_address(uint8_t key[64], const ip_addr_t *a)
{
	uint32_t words[4] = {0};

	if (IP_IS_V6(a))
		memcpy(words, ip_2_ip6(a)->addr, sizeof(words));
	else
		words[3] = ip4_addr_get_u32(ip_2_ip4(a));
	stir(key, words);
}

u32_t tcp_first_number(const ip_addr_t *local, u16_t local_port,
		       const ip_addr_t *remote, u16_t remote_port)
{
	static uint8_t secret[32];
	static bool made;
	uint32_t ports[4] = {(uint32_t)local_port << 16 | remote_port};
	uint8_t key[64];
	uint32_t n;

	if (!made)
		random_bytes(secret, sizeof(secret));
	made = true;
	memcpy(key, secret, sizeof(secret));
	stir_address(key, local);
	stir_address(key, remote);
	stir(key, ports);
	memcpy(&n, key, sizeof(n));
	return n + (uint32_t)(clock_mono_ns() / TICK_NS);
}
