/* SPDX-License-Identifier: ISC */
/* Capture files: bytes as the format's definition has them, both ways. */
#include "unit/unit.h"

#include "core/pcap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t micro_little[] = {
	0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0,    0,    4,	  0,	1, 0, 0, 0, /* longest 262144, Ethernet */
};
static const uint8_t nano_big[] = {
	0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0,
	0,    0,    1,	  0,	0, 0, 0, 1, /* longest 256 */
};
static const uint8_t record_little[] = {
	1, 0, 0, 0, 0x40, 0xe2, 1, 0, /* 1.123456 s */
	2, 0, 0, 0, 60,	  0,	0, 0, 'a', 'b',
};
static const uint8_t record_big[] = {
	0xff, 0xff, 0xff, 0xff, 0x3b, 0x9a, 0xc9, 0xff, /* 999999999 ns */
	0,    0,    0,	  1,	0,    0,    0,	  1,	'x',
};

/* A copy that ends where the sanitizer sees each byte beyond it. */
static void *tight(const void *data, size_t n)
{
	void *p = malloc(n ? n : 1);

	assert_non_null(p);
	memcpy(p, data, n);
	return p;
}

static int header(const void *data, size_t n, struct pcap *p)
{
	void *copy = tight(data, n);
	int rc = pcap_decode_header(copy, n, p);

	free(copy);
	return rc;
}

static int record(const void *data, size_t n, const struct pcap *p,
		  struct pcap_record *r)
{
	void *copy = tight(data, n);
	int rc = pcap_decode_record(copy, n, p, r);

	free(copy);
	return rc;
}

static void written_as_defined(void **state)
{
	struct pcap p = {.longest = PCAP_LONGEST, .link = PCAP_ETHERNET};
	struct pcap_record r = {.ns = 1123456789, .size = 2, .wire = 60};
	uint8_t out[PCAP_HEADER], rec[PCAP_RECORD];

	(void)state;
	pcap_encode_header(out, &p);
	assert_memory_equal(out, micro_little, PCAP_HEADER);
	pcap_encode_record(rec, &p, &r);
	assert_memory_equal(rec, record_little, PCAP_RECORD);
}

static void both_byte_orders(void **state)
{
	struct pcap_record r;
	struct pcap p;

	(void)state;
	assert_int_equal(header(micro_little, sizeof(micro_little), &p), 0);
	assert_false(p.swapped || p.nano);
	assert_int_equal(p.longest, 262144);
	assert_int_equal(p.link, PCAP_ETHERNET);
	assert_int_equal(record(record_little, 18, &p, &r), 0);
	assert_true(r.ns == 1123456000 && r.size == 2 && r.wire == 60);

	assert_int_equal(header(nano_big, sizeof(nano_big), &p), 0);
	assert_true(p.swapped && p.nano);
	assert_int_equal(p.longest, 256);
	assert_int_equal(record(record_big, 17, &p, &r), 0);
	assert_true(r.ns == 0xffffffffull * 1000000000 + 999999999);
	assert_true(r.size == 1 && r.wire == 1);
}

static void cut_anywhere(void **state)
{
	struct pcap_record r;
	struct pcap p;

	(void)state;
	for (size_t n = 0; n < PCAP_HEADER; n++)
		assert_int_equal(header(nano_big, n, &p), -EAGAIN);
	assert_int_equal(header(nano_big, PCAP_HEADER, &p), 0);
	for (size_t n = 0; n < sizeof(record_big); n++)
		assert_int_equal(record(record_big, n, &p, &r), -EAGAIN);
}

static void refused(void **state)
{
	struct pcap p = {.nano = false};
	uint8_t bad[PCAP_HEADER];
	struct pcap_record r;

	(void)state;
	memset(bad, 0, sizeof(bad));
	assert_int_equal(header(bad, sizeof(bad), &p), -EINVAL);
	memcpy(bad, micro_little, sizeof(bad));
	bad[4] = 3;
	assert_int_equal(header(bad, sizeof(bad), &p), -EINVAL);
	memset(bad, 0xff, sizeof(bad)); /* pcapng begins 0a 0d 0d 0a */
	memcpy(bad, "\x0a\x0d\x0d\x0a", 4);
	assert_int_equal(header(bad, sizeof(bad), &p), -EINVAL);

	memcpy(bad, record_little, PCAP_RECORD);
	memcpy(bad + 8, "\x01\x00\x04\x00", 4); /* PCAP_LONGEST + 1 */
	p.swapped = false;
	assert_int_equal(record(bad, PCAP_RECORD, &p, &r), -EINVAL);
	memcpy(bad + 8, "\x00\x00\x04\x00", 4);
	assert_int_equal(record(bad, PCAP_RECORD, &p, &r), -EAGAIN);
}

static void round_trip(void **state)
{
	(void)state;
	srand(1);
	for (unsigned i = 0; i < 1000; i++) {
		struct pcap p = {.nano = true, .link = 1, .longest = 9}, q;
		struct pcap_record a = {
			.ns = (uint64_t)rand() * 1999999999ull,
			.size = 0,
			.wire = (uint32_t)rand(),
		}, b;
		uint8_t head[PCAP_HEADER], rec[PCAP_RECORD];

		pcap_encode_header(head, &p);
		pcap_encode_record(rec, &p, &a);
		assert_int_equal(header(head, sizeof(head), &q), 0);
		assert_int_equal(record(rec, sizeof(rec), &q, &b), 0);
		assert_true(a.ns == b.ns && a.wire == b.wire && !b.size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_as_defined),
		cmocka_unit_test(both_byte_orders),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(refused),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
