/* SPDX-License-Identifier: ISC */
/*
 * Byte rings: streams, and indices that cannot be (fault classes 39 and 45).
 */
#include <errno.h>

#include "lib/sim.h"
#include "xen/byte_ring.h"

#define WRAP 0xffffff00u

struct stream {
	uint32_t prod, cons;
	unsigned char data[1024];
};

static void run_bytes(void)
{
	struct stream s = {.prod = WRAP, .cons = WRAP};
	struct byte_ring in, out;
	unsigned char buffer[2000];
	uint64_t sent = 0, got = 0;

	byte_ring_init(&out, &s.prod, &s.cons, s.data, sizeof(s.data));
	byte_ring_init(&in, &s.cons, &s.prod, s.data, sizeof(s.data));
	for (unsigned int i = 0; i < 200; i++) {
		size_t n = sim_below(sizeof(buffer));
		ssize_t rc;

		for (size_t k = 0; k < n; k++)
			buffer[k] = (sent + k) * 7;
		rc = byte_ring_write(&out, buffer, n);
		CHECK(rc >= 0 && (size_t)rc <= n);
		sent += rc;
		n = sim_below(sizeof(buffer));
		rc = byte_ring_read(&in, buffer, n);
		CHECK(rc >= 0 && (size_t)rc <= n);
		for (ssize_t k = 0; k < rc; k++)
			CHECK(buffer[k] == (unsigned char)((got + k) * 7));
		got += rc;
		CHECK(sent - got == (uint64_t)byte_ring_avail(&in));
		CHECK(byte_ring_space(&out) + byte_ring_avail(&in) == 1024);
	}
}

static void byte_ring_stream(void **state)
{
	(void)state;
	sim_runs(500, run_bytes);
}

static void run_45(void)
{
	struct stream s = {.prod = WRAP, .cons = WRAP};
	struct byte_ring in, out;
	unsigned char buffer[2000];

	byte_ring_init(&out, &s.prod, &s.cons, s.data, sizeof(s.data));
	byte_ring_init(&in, &s.cons, &s.prod, s.data, sizeof(s.data));
	s.prod = WRAP + 1025 + sim_below(UINT32_MAX - 1025);
	CHECK(byte_ring_read(&in, buffer, sizeof(buffer)) == -EPROTO);
	s.cons = WRAP + 1 + sim_below(UINT32_MAX - 1025);
	CHECK(byte_ring_write(&out, buffer, sizeof(buffer)) == -EPROTO);
	/* broken for good, also when the peer repents */
	s.prod = s.cons = WRAP;
	CHECK(byte_ring_avail(&in) == -EPROTO);
	CHECK(byte_ring_space(&out) == -EPROTO);
}

static void class_39_45_byte_indices(void **state)
{
	(void)state;
	sim_runs(5000, run_45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(byte_ring_stream),
		cmocka_unit_test(class_39_45_byte_indices),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
