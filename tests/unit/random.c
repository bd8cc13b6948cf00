/* SPDX-License-Identifier: ISC */
/*
 * Random numbers: the block function against RFC 8439, then the generator,
 * compiled here under other names and with sources that the test controls,
 * against a model of fast key erasure.
 */
#define random_bytes     our_bytes
#define random_u64       our_u64
#define random_below     our_below
#define random_stir      our_stir
#define random_init      our_init
#define random_reseed    our_reseed
#define platform_entropy our_entropy
#define platform_cycles  our_cycles
#include "../../src/core/random.c"
#undef random_bytes
#undef random_u64
#undef random_below
#undef random_stir
#undef random_init
#undef random_reseed
#undef platform_entropy
#undef platform_cycles

#include "unit/unit.h"

static size_t entropy_given;
static unsigned entropy_calls;
static uint64_t cycles;

size_t our_entropy(void *buffer, size_t n)
{
	entropy_calls++;
	if (n > entropy_given)
		n = entropy_given;
	memset(buffer, (int)(0xa0 + entropy_calls), n);
	return n;
}

uint64_t our_cycles(void)
{
	return cycles += 1000;
}

void random_bytes(void *buffer, size_t n);
uint64_t random_u64(void);

/* --- the block function ---------------------------------------------- */

static void from_hex(uint8_t *out, const char *hex)
{
	for (unsigned v; sscanf(hex, "%2x", &v) == 1; hex += 2)
		*out++ = (uint8_t)v;
}

static void check_block(const char *key_hex, uint32_t counter,
			const char *nonce_hex, const char *out_hex)
{
	uint8_t k[32], n[12], want[64], got[64];

	from_hex(k, key_hex);
	from_hex(n, nonce_hex);
	from_hex(want, out_hex);
	chacha20_block(k, counter, n, got);
	assert_memory_equal(got, want, 64);
}

static void rfc_8439(void **state)
{
	(void)state;
	check_block("000102030405060708090a0b0c0d0e0f"
		    "101112131415161718191a1b1c1d1e1f", /* 2.3.2 */
		    1, "000000090000004a00000000",
		    "10f1e7e4d13b5915500fdd1fa32071c4"
		    "c7d1f4c733c068030422aa9ac3d46c4e"
		    "d2826446079faa0914c2d705d98b02a2"
		    "b5129cd1de164eb9cbd083e8a2503c4e");
	check_block("00000000000000000000000000000000"
		    "00000000000000000000000000000000", /* A.1 #1 */
		    0, "000000000000000000000000",
		    "76b8e0ada0f13d90405d6ae55386bd28"
		    "bdd219b8a08ded1aa836efcc8b770dc7"
		    "da41597c5157488d7724e03fb8d84a37"
		    "6a43b8f41518a11cc387b669b2ee6586");
	check_block("00ff0000000000000000000000000000"
		    "00000000000000000000000000000000", /* A.1 #4 */
		    2, "000000000000000000000000",
		    "72d54dfbf12ec44b362692df94137f32"
		    "8fea8da73990265ec1bbbea1ae9af0ca"
		    "13b25aa26cb4a648cb9b9d1be65b2c09"
		    "24a66c54d545ec1b7374f4872e99f096");
}

/* --- the generator --------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	memset(key, 0, sizeof(key));
	memset(pool, 0, sizeof(pool));
	pool_left = 0;
	seeded = true;
	bytes_since = 0;
	seeded_at = clock_mono_ns();
	entropy_given = 48;
	entropy_calls = 0;
	unix_log_to(NULL);
	return 0;
}

/* The stream that a key of zeros must give, by the definition. */
static void model(uint8_t *out, size_t batches)
{
	uint8_t k[32] = {0}, batch[512];

	for (; batches; batches--, out += 480) {
		for (uint32_t i = 0; i < 8; i++)
			chacha20_block(k, i, nonce, batch + 64 * i);
		memcpy(k, batch, 32);
		memcpy(out, batch + 32, 480);
	}
}

static void stream_is_fast_key_erasure(void **state)
{
	static uint8_t want[480 * 20], got[480 * 20];
	size_t at = 0;

	(void)state;
	model(want, 20);
	for (size_t n = 0; at + n <= sizeof(got); n = n * 5 % 997 + 1) {
		our_bytes(got + at, n);
		at += n;
	}
	assert_true(at > sizeof(got) - 1000);
	assert_memory_equal(got, want, at);
}

static void what_was_given_is_gone(void **state)
{
	static const uint8_t zeros[480];
	uint8_t got[100];

	(void)state;
	our_bytes(got, sizeof(got));
	assert_int_equal(pool_left, 380);
	assert_memory_equal(pool, zeros, 100);
	for (size_t i = 0; i + 8 <= sizeof(got); i++)
		for (size_t k = 0; k + 8 <= sizeof(key); k++)
			assert_memory_not_equal(got + i, key + k, 8);
}

static void reseeds_by_amount_and_time(void **state)
{
	static uint8_t lots[RESEED_BYTES];
	uint8_t got[480];

	(void)state;
	our_bytes(lots, sizeof(lots));
	assert_int_equal(entropy_calls, 0);
	our_bytes(got, 1);
	assert_int_equal(entropy_calls, 1);
	our_bytes(got, sizeof(got));
	assert_int_equal(entropy_calls, 1);
	unix_clock_set(clock_mono_ns() + RESEED_NS);
	our_bytes(got, pool_left); /* the clock is read only at a refill */
	assert_int_equal(entropy_calls, 1);
	our_bytes(got, 1);
	assert_int_equal(entropy_calls, 2);
	our_bytes(got, 1);
	our_bytes(got, pool_left);
	our_bytes(got, 1);
	assert_int_equal(entropy_calls, 2);
}

static void stir_changes_and_never_forgets(void **state)
{
	uint8_t a[32], b[32], zeros[64] = {0};

	(void)state;
	our_bytes(a, sizeof(a));
	set_up(NULL);
	our_stir("x", 1);
	our_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	/* Stirring what an attacker knows leaves the secret in. */
	set_up(NULL);
	key[7] = 1;
	our_stir(zeros, sizeof(zeros));
	our_bytes(b, sizeof(b));
	set_up(NULL);
	our_stir(zeros, sizeof(zeros));
	our_bytes(a, sizeof(a));
	assert_memory_not_equal(a, b, sizeof(a));
	our_stir(NULL, 0);
}

static char logged[256];

static void keep_log(const char *text, size_t n)
{
	memcpy(logged, text, n < 255 ? n : 255);
}

static void class_54_without_hardware(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	unix_log_to(keep_log);
	entropy_given = 0;
	seeded = false;
	our_bytes(a, sizeof(a)); /* seeds by itself */
	assert_non_null(strstr(logged, "no RDSEED or RDRAND"));
	set_up(NULL);
	entropy_given = 0;
	seeded = false;
	our_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a)); /* cycles went on */
}

static void below_is_even(void **state)
{
	unsigned count[10] = {0};
	double chi = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t v = our_below(10);

		assert_in_range(v, 0, 9);
		count[v]++;
	}
	for (int i = 0; i < 10; i++)
		chi += (count[i] - 1e4) * (count[i] - 1e4) / 1e4;
	assert_true(chi < 27.9); /* 9 degrees of freedom, 0.1 % */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(our_below(1), 0);
		assert_true(our_below((1ull << 63) + 1) <= 1ull << 63);
	}
}

static void real_one_gives_different_numbers(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0};

	(void)state;
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_not_equal(random_u64(), random_u64());
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(rfc_8439),
	cmocka_unit_test_setup(stream_is_fast_key_erasure, set_up),
	cmocka_unit_test_setup(what_was_given_is_gone, set_up),
	cmocka_unit_test_setup(reseeds_by_amount_and_time, set_up),
	cmocka_unit_test_setup(stir_changes_and_never_forgets, set_up),
	cmocka_unit_test_setup(class_54_without_hardware, set_up),
	cmocka_unit_test_setup(below_is_even, set_up),
	cmocka_unit_test(real_one_gives_different_numbers),
};

UNIT_MAIN("random", tests)
