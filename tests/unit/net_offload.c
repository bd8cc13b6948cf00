/* SPDX-License-Identifier: ISC */
/*
 * Checksums and large frames of src/net/offload.c: every kind of header, every
 * place where a piece may end, every length that is too short.
 */
#include "unit.h"

#include <lwip/priv/tcp_priv.h>
#include <net/stack.h>

#include "net_fake.h"

#define HEADERS_MAX 120

/* What can stand before the data: options (v4), UDP or TCP. */
static size_t build(unsigned char *p, bool v6, bool tcp, unsigned options,
		    size_t data)
{
	size_t ip = v6 ? 40 : 20 + options, t = tcp ? 20 : 8;
	size_t n = t + data, field = 14 + ip + (tcp ? 16 : 6);
	uint32_t sum;

	for (size_t i = 0; i < 14 + ip + n; i++)
		p[i] = (unsigned char)(i * 37 + data);
	p[12] = v6 ? 0x86 : 0x08;
	p[13] = v6 ? 0xdd : 0x00;
	p[14] = v6 ? 0x60 : (unsigned char)(0x40 | ip / 4);
	if (v6) {
		p[18] = (unsigned char)(n >> 8);
		p[19] = (unsigned char)n;
		p[20] = tcp ? 6 : 17;
	} else {
		p[16] = (unsigned char)((ip + n) >> 8);
		p[17] = (unsigned char)(ip + n);
		p[20] = p[21] = 0;
		p[23] = tcp ? 6 : 17;
	}
	p[field] = p[field + 1] = 0;
	sum = ~transport_sum(p + 14, p + 14 + ip, n) & 0xffff;
	sum = sum || tcp ? sum : 0xffff;
	p[field] = (unsigned char)(sum >> 8);
	p[field + 1] = (unsigned char)sum;
	return 14 + ip + n;
}

/* The same bytes in pieces that end at `at` and, if not 0, at `at2`. */
static struct net_frame *cut(const unsigned char *p, size_t n, size_t at,
			     size_t at2)
{
	struct net_frame *f = calloc(1, sizeof(*f));

	at = at < n ? at : n;
	at2 = at2 > at && at2 < n ? at2 : n;
	add_piece(f, p, at);
	if (at2 > at)
		add_piece(f, p + at, at2 - at);
	if (n > at2)
		add_piece(f, p + at2, n - at2);
	return f;
}

static bool valid(const unsigned char *p, size_t n, size_t at, size_t at2)
{
	struct net_frame *f = cut(p, n, at, at2);
	bool ok = offload_valid(f);

	net_frame_free(f);
	return ok;
}

static void for_each_shape(void (*fn)(unsigned char *p, size_t n, size_t head,
				      size_t ip))
{
	static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 63, 64, 501, 1400};
	static unsigned char p[2048];

	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned tcp = 0; tcp < 2; tcp++)
			for (unsigned o = 0; o <= (v6 ? 0 : 40); o += 20)
				for (size_t i = 0; i < N_OF(sizes); i++) {
					size_t ip = v6 ? 40 : 20 + o;
					size_t n =
						build(p, v6, tcp, o, sizes[i]);

					fn(p, n, 14 + ip + (tcp ? 20 : 8), ip);
				}
}

/* Right wherever the pieces end; wrong with any one bit changed. */
static void check_sums(unsigned char *p, size_t n, size_t head, size_t ip)
{
	assert_true(valid(p, n, n, 0));
	for (size_t at = head; at < n; at += 1 + at / 16)
		for (size_t at2 = 0; at2 < n; at2 += 1 + n / 5)
			assert_true(valid(p, n, at, at2));
	for (size_t i = 14 + ip; i < n; i += 1 + n / 40) {
		bool length = i == 14 + ip + 4 || i == 14 + ip + 5;

		p[i] ^= 0x10;
		/* a UDP datagram without a sum is right (not over IPv6) */
		if (!length)
			assert_false(valid(p, n, head, 0));
		p[i] ^= 0x10;
	}
}

static void test_received_sums(void **state)
{
	(void)state;
	for_each_shape(check_sums);
}

static void test_udp_without_a_sum(void **state)
{
	unsigned char p[2048];
	size_t n = build(p, false, false, 0, 100);

	(void)state;
	p[40] = p[41] = 0;
	assert_true(valid(p, n, n, 0));
	n = build(p, true, false, 0, 100);
	p[60] = p[61] = 0;
	assert_false(valid(p, n, n, 0)); /* RFC 8200, 8.1 */
}

/* Cut off anywhere, or with a first piece of any size: no byte too far. */
static void check_short(unsigned char *p, size_t n, size_t head, size_t ip)
{
	(void)ip;
	for (size_t size = 1; size < n && size < HEADERS_MAX; size++)
		valid(p, size, size, 0);
	for (size_t at = 1; at < head; at++)
		valid(p, n, at, 0);
	for (unsigned i = 14; i < 34; i++) {
		unsigned char before = p[i];

		for (unsigned v = 0; v < 256; v += 5) {
			p[i] = (unsigned char)v;
			valid(p, n, n, 0);
			valid(p, n < 60 ? n : 60, 40, 0);
		}
		p[i] = before;
	}
}

static void test_short_and_odd_frames(void **state)
{
	(void)state;
	for_each_shape(check_short);
}

static void test_vouched_for(void **state)
{
	unsigned char p[2048];
	struct net_frame *f;
	size_t n = build(p, false, true, 0, 10);

	(void)state;
	p[n - 1] ^= 1;
	f = cut(p, n, n, 0);
	assert_false(offload_valid(f));
	f->sum = NET_SUM_BLANK;
	assert_true(offload_valid(f));
	f->sum = NET_SUM_GOOD;
	assert_true(offload_valid(f));
	net_frame_free(f);
}

/* --- sending ---------------------------------------------------------------
 */

static struct link l = {.net = &fake};
static struct tcp_pcb pcb;

static struct net_frame *sent_as(const unsigned char *p, size_t n,
				 struct net_info info)
{
	struct pbuf *b = pbuf_alloc(PBUF_RAW, (u16_t)n, PBUF_RAM);
	struct net_frame *f;

	l.info = info;
	l.netif.state = &l;
	l.netif.hints = &pcb.netif_hints;
	tcp_ext_arg_set(&pcb, 0, (void *)(uintptr_t)1460);
	assert_int_equal(pbuf_take(b, p, (u16_t)n), ERR_OK);
	f = offload_frame(&l, b);
	pbuf_free(b);
	assert_non_null(f);
	assert_int_equal(f->size, n);
	return f;
}

static uint32_t sum_in(const struct net_frame *f, size_t ip, bool tcp)
{
	const unsigned char *p = f->piece[0].data + 14 + ip + (tcp ? 16 : 6);

	return (uint32_t)p[0] << 8 | p[1];
}

static void check_sent(unsigned char *p, size_t n, size_t head, size_t ip)
{
	bool tcp = head == 14 + ip + 20;
	size_t field = 14 + ip + (tcp ? 16 : 6);
	uint32_t whole = (uint32_t)p[field] << 8 | p[field + 1], pseudo;
	struct net_info info = fake.info;
	struct net_frame *f;

	pseudo = transport_sum(p + 14, NULL, 0);
	pseudo = words(pseudo,
		       (unsigned char[]){(unsigned char)((n - 14 - ip) >> 8),
					 (unsigned char)(n - 14 - ip)},
		       2);
	p[field] = p[field + 1] = 0xee; /* whatever lwIP left there */
	f = sent_as(p, n, info);
	assert_int_equal(f->sum, NET_SUM_BLANK);
	assert_int_equal(sum_in(f, ip, tcp), pseudo);
	assert_int_equal(f->gso, NET_GSO_NONE);
	net_frame_free(f);
	info.send_sum4 = info.send_sum6 = false;
	f = sent_as(p, n, info);
	assert_int_equal(f->sum, NET_SUM_GOOD);
	assert_int_equal(sum_in(f, ip, tcp), whole);
	net_frame_free(f);
}

static void test_sent_sums(void **state)
{
	(void)state;
	for_each_shape(check_sent);
}

static void test_large_frames(void **state)
{
	static unsigned char p[65536];
	struct net_frame *f;

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		size_t n = build(p, v6, true, 0, 1460);

		f = sent_as(p, n - (v6 ? 20 : 0), fake.info);
		assert_int_equal(f->gso, NET_GSO_NONE);
		net_frame_free(f);
		n = build(p, v6, true, 0, 60001);
		f = sent_as(p, n, fake.info);
		assert_int_equal(f->gso, v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4);
		assert_int_equal(f->gso_size, 1460);
		assert_int_equal(f->sum, NET_SUM_BLANK);
		net_frame_free(f);
	}
}

/* What is neither TCP nor UDP goes as it is. */
static void test_other_frames(void **state)
{
	unsigned char p[200], fragment[200];
	struct net_frame *f;

	(void)state;
	for (unsigned i = 0; i < sizeof(p); i++)
		p[i] = (unsigned char)i;
	f = sent_as(p, 60, fake.info);
	assert_memory_equal(f->piece[0].data, p, 60);
	assert_int_equal(f->sum, NET_SUM_UNKNOWN);
	net_frame_free(f);
	build(fragment, false, false, 0, 100);
	fragment[20] = 0x20; /* more fragments */
	f = sent_as(fragment, 142, fake.info);
	assert_memory_equal(f->piece[0].data, fragment, 142);
	net_frame_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_received_sums),
		cmocka_unit_test(test_udp_without_a_sum),
		cmocka_unit_test(test_short_and_odd_frames),
		cmocka_unit_test(test_vouched_for),
		cmocka_unit_test(test_sent_sums),
		cmocka_unit_test(test_large_frames),
		cmocka_unit_test(test_other_frames),
	};

	unix_init("net_offload");
	unix_clock_manual(START);
	return cmocka_run_group_tests_name("net_offload", tests, NULL, NULL);
}
