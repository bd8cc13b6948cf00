/* SPDX-License-Identifier: ISC */
/*
 * Windows: how much a peer may send, as the program reads and as memory goes.
 * What was announced is never taken back (RFC 9293, 3.8.6), but for what the
 * scale cuts off.
 */
#include "unit.h"

#include <lwip/tcp.h>

#include "net_peer.h"

#define MSS   1460
#define SCALE 6
#define LEAST 4096

static uint32_t edge;  /* the furthest that was announced */
static unsigned tells; /* how often it was moved */

/* What our segments since then announce. */
static void look(void)
{
	for (unsigned i = 0; i < sent_n; i++) {
		const unsigned char *p = sent[i].data;
		bool syn = p[47] & 2;
		uint32_t to =
			get32(p + 42) + ((uint32_t)(p[48] << 8 | p[49])
					 << (syn || !peer_scales ? 0 : SCALE));

		assert_true((int32_t)(to - edge) > -(1 << SCALE));
		if ((int32_t)(to - edge) <= 0)
			continue;
		edge = to;
		tells++;
	}
	forget_sent();
}

/* The room that is left to the peer. */
static uint32_t room(void)
{
	look();
	return edge - peer_seq;
}

static int begin(void **state)
{
	(void)state;
	listen_peer();
	edge = peer_seq;
	tells = 0;
	peer_sends(2);
	acked = get32(sent[0].data + 38) + 1;
	look();
	peer_sends(0x10);
	assert_int_equal(socket_accept(listener, &stream), 0);
	return 0;
}

static void fill(uint32_t n)
{
	while (n) {
		uint16_t part = n < MSS ? (uint16_t)n : MSS;

		peer_segment(0x10, part);
		look();
		n -= part;
	}
}

static size_t read_some(size_t n)
{
	static char data[1 << 20];
	ssize_t got = socket_receive(stream, data, n, false, NULL, NULL);

	settle();
	return got < 0 ? 0 : (size_t)got;
}

/* The peer uses the window, the program reads all, so many times. */
static void pass(unsigned times)
{
	while (times--) {
		fill(room());
		while (read_some(100000))
			;
	}
}

/* Take memory until so many of the reserves (tcp_memory.c) are left. */
static struct chunk *leave(unsigned reserves)
{
	struct chunk *all = NULL;

	for (size_t size = 1 << 20; size >= 2048; size /= 2) {
		struct heap_stat h;
		size_t least;

		for (;;) {
			struct chunk *c = NULL;

			heap_quick_stat(&h);
			least = h.total / 64 < 1 << 18 ? h.total / 64 : 1 << 18;
			least *= reserves;
			if (h.free >= least + size)
				c = heap_alloc(size - 64);
			if (!c)
				break;
			c->next = all;
			all = c;
		}
	}
	return all;
}

/* 64 KiB, and all that there may be when a quarter of that was read. */
static void test_grows(void **state)
{
	(void)state;
	assert_in_range(room(), 60000, 65535);
	fill(10000);
	assert_int_equal(read_some(10000), 10000);
	assert_in_range(room(), 50000, 65535); /* not worth a word yet */
	pass(2);
	assert_in_range(room(), 1 << 19, 1 << 20);
}

/* What is not read closes the window; reading opens it, and the peer is told.
 */
static void test_unread(void **state)
{
	unsigned before;

	(void)state;
	fill(room());
	assert_int_equal(room(), 0);
	assert_in_range(stream->queued, 60000, 65535);
	before = tells;
	peer_segment(0x10, 1); /* it asks */
	peer_seq--;
	assert_int_equal(room(), 0);
	assert_int_equal(read_some(1000), 1000);
	look();
	assert_int_equal(tells, before); /* not for that */
	while (read_some(4000))
		;
	assert_in_range(room(), 200000, 1 << 20);
	assert_in_range(tells, before + 1, before + 8);
}

/* Memory goes and comes back, while the program reads all that comes. */
static void test_memory(void **state)
{
	struct chunk *all;
	uint32_t before;

	(void)state;
	pass(4);
	before = room();
	assert_in_range(before, 200000, 1 << 20);
	all = leave(6);
	assert_int_equal(room(), before);
	pass(10);
	assert_in_range(room(), LEAST / 2, (1 << 18) / 16);
	give_memory(all);
	pass(15);
	assert_in_range(room(), 200000, 1 << 20);
}

/* Without memory for what the program has not asked for, new ones get least. */
static void test_short(void **state)
{
	struct chunk *all = leave(8);

	(void)state;
	disconnect_peer(NULL);
	begin(NULL);
	assert_in_range(room(), LEAST - 64, LEAST);
	pass(1); /* ... but it is asked for now: 3 reserves, and a 16th of it */
	assert_in_range(room(), LEAST, 1 << 16);
	give_memory(all);
	pass(10);
	assert_in_range(room(), 200000, 1 << 20);
}

/* A window that is not the largest is none that was not read. */
static void test_close(void **state)
{
	(void)state;
	fill(3000);
	assert_int_equal(read_some(4000), 3000);
	look();
	socket_close(stream);
	stream = NULL;
	settle();
	assert_int_equal(sent_n, 1);
	assert_int_equal(sent[0].data[47], 0x11);
}

/* One that has unread data when it is closed. */
static void test_close_unread(void **state)
{
	(void)state;
	fill(3000);
	socket_close(stream);
	stream = NULL;
	settle();
	assert_int_equal(sent[sent_n - 1].data[47] & 4, 4);
}

/* A peer that cannot scale, and asks a second time as if it could. */
static void test_unscaled(void **state)
{
	(void)state;
	disconnect_peer(NULL);
	peer_scales = false;
	listen_peer();
	edge = peer_seq;
	peer_sends(2);
	acked = get32(sent[0].data + 38) + 1;
	look();
	peer_scales = true;
	peer_seq--;
	peer_sends(2);
	peer_scales = false;
	peer_sends(0x10);
	assert_int_equal(socket_accept(listener, &stream), 0);
	pass(10);
	assert_in_range(room(), 60000, 65535);
	peer_scales = true;
}

/* Our own call says 64 KiB, and then the window grows as any. */
static void test_call(void **state)
{
	struct endpoint here = {.port = 9000}, there = {.port = 4000};

	(void)state;
	disconnect_peer(NULL);
	ipaddr_aton("10.0.0.1", &there.address);
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &stream), 0);
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &listener), 0);
	assert_int_equal(socket_bind(stream, &here), 0);
	forget_sent();
	assert_int_equal(socket_connect(stream, &there), -EINPROGRESS);
	stack_flush();
	acked = get32(sent[0].data + 38) + 1;
	forget_sent();
	peer_seq = 5000;
	edge = peer_seq + 1 + 65535 - 63;
	peer_sends(0x12);
	assert_true(stream->connected);
	assert_in_range(room(), 65535 - 63, 65535);
	pass(10);
	assert_in_range(room(), 800000, 1 << 20);
}

/*
 * Peers that nobody reads: what all of them may send fits into what is free,
 * and then the listener takes no more.
 */
static void test_crowd(void **state)
{
	struct chunk *all = leave(12);
	struct heap_stat h;
	size_t promised = 0;
	unsigned n = 0;

	(void)state;
	disconnect_peer(NULL);
	listen_peer();
	assert_int_equal(socket_listen(listener, 255), 0);
	heap_quick_stat(&h);
	for (unsigned i = 0; i < 250; i++) {
		peer_port = (uint16_t)(10000 + i);
		peer_seq = edge = 1000;
		peer_sends(2);
		if (!sent_n)
			continue;
		acked = get32(sent[0].data + 38) + 1;
		promised += room();
		peer_sends(0x10);
		n++;
	}
	assert_in_range(n, 20, 200);
	assert_in_range(promised, 1 << 17, h.free / 3);
	socket_close(listener);
	listener = NULL;
	give_memory(all);
	peer_port = 4000;
}

#define STREAM(test)                                                           \
	cmocka_unit_test_setup_teardown(test, begin, disconnect_peer)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM(test_grows),    STREAM(test_unread),
		STREAM(test_memory),   STREAM(test_short),
		STREAM(test_close),    STREAM(test_close_unread),
		STREAM(test_unscaled), STREAM(test_call),
		STREAM(test_crowd),
	};

	if (start_peer("net_memory"))
		return 1;
	return cmocka_run_group_tests_name("net_memory", tests, NULL, NULL);
}
