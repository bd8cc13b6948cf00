/* SPDX-License-Identifier: ISC */
/* Debian's mbedTLS and zlib, unchanged: self tests, and a round trip. */
#include <mbedtls/aes.h>
#include <mbedtls/bignum.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/gcm.h>
#include <mbedtls/rsa.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static int compress_and_back(void)
{
	static unsigned char in[100000], packed[110000], out[100000];
	uLongf n = sizeof(packed), m = sizeof(out);

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * i >> 8);
	return compress(packed, &n, in, sizeof(in)) != Z_OK ||
	       uncompress(out, &m, packed, n) != Z_OK || m != sizeof(in) ||
	       memcmp(in, out, sizeof(in));
}

static int seed(void)
{
	mbedtls_ctr_drbg_context d;
	mbedtls_entropy_context e;

	mbedtls_entropy_init(&e);
	mbedtls_ctr_drbg_init(&d);
	return mbedtls_ctr_drbg_seed(&d, mbedtls_entropy_func, &e, NULL, 0);
}

int main(void)
{
	int bad = mbedtls_sha256_self_test(1) | mbedtls_sha512_self_test(0) |
		  mbedtls_aes_self_test(0) | mbedtls_gcm_self_test(0) |
		  mbedtls_mpi_self_test(0) | mbedtls_rsa_self_test(0);

	bad |= seed() | compress_and_back();
	puts(bad ? "failed" : "all good");
	return !!bad;
}
