/* SPDX-License-Identifier: ISC */
/*
 * net_fit (src/core/net_fit.c): large frames are cut into segments that say the
 * same, checksums finished; what cannot be is refused, and left as it was.
 */
#include "unit.h"

#include <core/net.h>
#include <core/net_sum.h>
#include <errno.h>
#include <fata/metrics.h>
#include <stdlib.h>

static struct net_pool pool;
static struct net small = {.pool = &pool};

static unsigned char packet[NET_FRAME_MAX];

static void put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static unsigned get16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Headers, TCP's with options, and n bytes of noise; the size of the heads. */
static unsigned build(bool v6, unsigned options, unsigned n)
{
	unsigned tcp = v6 ? 54 : 34, head = tcp + 20 + options;
	unsigned length = 20 + options + n;

	for (unsigned i = 0; i < head + n; i++)
		packet[i] = (unsigned char)rand();
	put16(packet + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		packet[14] = 0x60;
		put16(packet + 18, length);
		packet[20] = NET_TCP;
	} else {
		packet[14] = 0x45;
		put16(packet + 16, 20 + length);
		put16(packet + 20, 0x4000);
		packet[23] = NET_TCP;
	}
	packet[tcp + 12] = (unsigned char)((20 + options) / 4 << 4);
	packet[tcp + 13] = 0x99; /* CWR, ACK, PSH, FIN */
	return head;
}

/* The packet as a frame, in pieces of any size; the first has `first` bytes. */
static struct net_frame *frame(uint32_t size, uint32_t first, uint16_t gso_size)
{
	struct net_frame *f = net_frame_new(&pool);
	uint32_t at = 0, n = first;

	for (; at < size; at += n) {
		uint32_t left = size - at;

		if (at)
			n = left / 4096 + 2u + f->pieces >= NET_PIECES
				    ? 4096
				    : 1 + (uint32_t)rand() % 4096;
		n = n < left ? n : left;
		f->piece[f->pieces].data =
			(unsigned char *)net_page_get(&pool) +
			rand() % 8 * (n < 4000);
		memcpy(f->piece[f->pieces].data, packet + at, n);
		f->piece[f->pieces++].size = n;
	}
	f->size = size;
	f->gso = get16(packet + 12) == 0x0800 ? NET_GSO_TCPV4 : NET_GSO_TCPV6;
	f->gso_size = gso_size;
	f->sum = NET_SUM_BLANK;
	return f;
}

static void join(const struct net_frame *f, unsigned char *to)
{
	for (unsigned i = 0; i < f->pieces; i++) {
		memcpy(to, f->piece[i].data, f->piece[i].size);
		to += f->piece[i].size;
	}
}

/* A segment's headers, where its data begins and whether it is the last. */
static void check_headers(const unsigned char *p, const struct net_frame *f,
			  unsigned head, unsigned number, uint32_t done,
			  bool last)
{
	bool v6 = f->piece[0].data[12] == 0x86;
	unsigned tcp = v6 ? 54 : 34;
	uint32_t was = get16(packet + tcp + 4) << 16 | get16(packet + tcp + 6);
	uint32_t is = get16(p + tcp + 4) << 16 | get16(p + tcp + 6);

	assert_int_equal(is, (uint32_t)(was + done));
	assert_int_equal(p[tcp + 13],
			 0x10 | (last ? 9 : 0) | (done ? 0 : 0x80));
	if (v6) {
		assert_int_equal(get16(p + 18), f->size - 54);
		assert_memory_equal(p, packet, 18);
		assert_memory_equal(p + 20, packet + 20, tcp + 4 - 20);
	} else {
		assert_int_equal(get16(p + 16), f->size - 14);
		assert_int_equal(get16(p + 18),
				 (get16(packet + 18) + number) & 0xffff);
		assert_int_equal(net_sum_of(p + 14, 20), 0xffff);
		assert_memory_equal(p, packet, 16);
		assert_memory_equal(p + 26, packet + 26, tcp + 4 - 26);
	}
	assert_memory_equal(p + tcp + 8, packet + tcp + 8, 5);
	assert_memory_equal(p + tcp + 14, packet + tcp + 14, 2);
	assert_memory_equal(p + tcp + 18, packet + tcp + 18, head - tcp - 18);
}

static void check_sum(struct net_frame *f, bool blank)
{
	struct net_transport t;
	unsigned char sum[2];

	assert_true(net_transport_find(f, &t));
	assert_int_equal(f->sum, blank ? NET_SUM_BLANK : NET_SUM_GOOD);
	if (!blank) {
		assert_true(net_sum_right(f, &t));
		return;
	}
	memcpy(sum, t.sum, 2);
	net_sum_make(f, &t, true);
	assert_memory_equal(sum, t.sum, 2);
}

/* Cut a frame of n bytes of data; the segments say what it said. */
static void cut(bool v6, unsigned options, unsigned n, uint16_t gso_size)
{
	static unsigned char p[NET_FRAME_MAX];
	unsigned head = build(v6, options, n), number = 0;
	unsigned step = small.info.mtu + 14 - head;
	struct net_frame *f = frame(head + n, head + (unsigned)rand() % 3,
				    gso_size),
			 *next;
	bool blank = v6 ? small.info.send_sum6 : small.info.send_sum4;
	uint32_t done = 0;
	int count = net_fit(&small, &f);

	step = step < gso_size ? step : gso_size;
	assert_int_equal(count, (n + step - 1) / step);
	for (; f; f = next, number++) {
		unsigned part = f->size - head;

		next = f->next;
		assert_int_equal(net_frame_judge(&small, f), 0);
		assert_int_equal(part, next ? step : n - done);
		join(f, p);
		check_headers(p, f, head, number, done, !next);
		assert_memory_equal(p + head, packet + head + done, part);
		check_sum(f, blank);
		done += part;
		net_frame_free(f);
	}
	assert_int_equal(number, count);
	assert_int_equal(done, n);
}

static void test_cut(void **state)
{
	static const uint16_t sizes[] = {88, 536, 1000, 1448, 8960};

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		bool sums = rand() & 1;
		unsigned options = (unsigned)rand() % 11 * 4;

		small.info = (struct net_info){
			.mtu = i % 4 ? 1500 : 500 + (unsigned)rand() % 9000,
			.send_sum4 = sums,
			.send_sum6 = sums};
		cut(rand() & 1, options,
		    1 + (unsigned)rand() % (i % 8 ? 9000 : 64000),
		    sizes[rand() % 5]);
	}
}

static uint64_t in_use(void)
{
	uint64_t all, kept;

	metrics_read("net.frames", &all);
	metrics_read("net.frames.kept", &kept);
	return all - kept;
}

static void test_left_alone(void **state)
{
	struct net_frame *f;
	unsigned head = build(false, 12, 20000);

	(void)state;
	small.info = (struct net_info){
		.mtu = 1500, .send_sum4 = true, .send_gso4 = true};
	f = frame(head + 20000, 500, 1448);
	assert_int_equal(net_fit(&small, &f), 1);
	assert_int_equal(f->size, head + 20000);
	assert_int_equal(f->gso, NET_GSO_TCPV4);
	net_frame_free(f);
}

/* A small packet, whose sum alone is missing. */
static void test_summed(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		unsigned head = build(v6, 0, 333);
		struct net_frame *f = frame(head + 333, 100, 0);

		f->gso = NET_GSO_NONE;
		small.info = (struct net_info){
			.mtu = 1500, .send_sum4 = v6, .send_sum6 = !v6};
		assert_int_equal(net_frame_judge(&small, f), -EOPNOTSUPP);
		assert_int_equal(net_fit(&small, &f), 1);
		assert_int_equal(net_frame_judge(&small, f), 0);
		check_sum(f, false);
		net_frame_free(f);
	}
}

static void refused(struct net_frame *f, int why)
{
	struct net_frame *same = f;
	uint64_t before = in_use();

	assert_int_equal(net_fit(&small, &same), why);
	assert_ptr_equal(same, f);
	assert_int_equal(in_use(), before);
	net_frame_free(f);
}

static void test_refused(void **state)
{
	unsigned head = build(false, 12, 30000);

	(void)state;
	small.info = (struct net_info){.mtu = 1500};
	refused(frame(head + 30000, 500, 87), -EINVAL);
	refused(frame(head + 30000, head - 1, 1448), -EINVAL);
	packet[34 + 12] = 0x40; /* TCP's header: too short */
	refused(frame(head + 30000, 500, 1448), -EINVAL);
	build(false, 12, 30000);
	packet[23] = NET_UDP;
	refused(frame(head + 30000, 500, 1448), -EINVAL);
	build(false, 12, 30000);
	put16(packet + 16, 60000); /* more than there is */
	refused(frame(head + 30000, 500, 1448), -EINVAL);
	build(false, 12, 30000);
	put16(packet + 16, head - 14); /* headers only */
	refused(frame(head + 30000, 500, 1448), -EINVAL);
	build(false, 12, 30000);
	small.info.mtu = 100;
	refused(frame(head + 30000, 500, 1448), -EINVAL);
}

/* Memory for half of the segments. */
static void test_no_memory(void **state)
{
	unsigned head = build(false, 12, 60000);
	struct net_frame *f = frame(head + 60000, 500, 1448);
	void **held = NULL, **page;

	(void)state;
	small.info = (struct net_info){.mtu = 1500};
	while (pool.pages)
		page_free(pool.page[--pool.pages], 0);
	while ((page = page_alloc(0))) {
		*page = held;
		held = page;
	}
	for (unsigned i = 0; i < 20; i++) {
		page = held;
		held = *page;
		page_free(page, 0);
	}
	refused(f, -ENOMEM);
	while ((page = held)) {
		held = *page;
		page_free(page, 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_cut),       cmocka_unit_test(test_left_alone),
	cmocka_unit_test(test_summed),    cmocka_unit_test(test_refused),
	cmocka_unit_test(test_no_memory),
};

UNIT_MAIN("net_fit", tests)
