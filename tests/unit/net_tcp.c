/* SPDX-License-Identifier: ISC */
/*
 * TCP's time: how long a lost segment is waited for (RFC 6298), when a peer
 * that says nothing is given up (RFC 1122, 4.2.3.5), and with which numbers a
 * connection begins (RFC 6528).
 */
#include "unit.h"

#include <poll.h>

#include "net_peer.h"

#define MS FATA_NS_PER_MS

/* Milliseconds until something is sent, or `limit`; 5 ms more or less. */
static unsigned until_sent(unsigned limit)
{
	unsigned ms = 0;

	settle();
	for (forget_sent(); !sent_n && ms < limit; ms += 5)
		fata_sleep(5 * MS);
	return ms;
}

/* What an unlucky segment costs on a short line. */
static void test_lost_segment(void **state)
{
	(void)state;
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_in_range(until_sent(10000), 195, 305);
	assert_in_range(until_sent(10000), 500, 605);
	assert_int_equal(acknowledge(), 1);
	/* it stays doubled until a round trip is measured */
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_in_range(until_sent(10000), 1100, 1205);
	assert_int_equal(acknowledge(), 1);
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_int_equal(acknowledge(), 1);
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_in_range(until_sent(10000), 195, 305);
}

/* A line of half a second: nothing is sent twice. */
static void test_long_line(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		forget_sent();
		assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
		fata_sleep(500 * MS);
		/* but for the first, which nothing is known of */
		assert_true(sent_n == 1 || (!i && sent_n == 2));
		acked += 1;
		peer_sends(0x10);
	}
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_in_range(until_sent(10000), 550, 2000);
}

/*
 * A line that has become slow, four seconds instead of none: after a few
 * segments nothing is sent twice any more.
 */
static void test_slower_line(void **state)
{
	unsigned twice = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		forget_sent();
		assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
		fata_sleep(4000 * MS);
		twice += sent_n > 1;
		acked += 1;
		peer_sends(0x10);
	}
	assert_in_range(twice, 1, 4);
}

static void test_lost_answer(void **state)
{
	(void)state;
	disconnect_peer(NULL);
	listen_peer();
	peer_sends(2);
	assert_in_range(until_sent(10000), 900, 1105);
	assert_int_equal(sent[0].data[47], 0x12);
	assert_in_range(until_sent(10000), 1900, 2105);
	acked = get32(sent[0].data + 38) + 1;
	peer_sends(0x10);
	assert_int_equal(socket_accept(listener, &stream), 0);
	/* a round trip that was not measured: RFC 6298, 5.7 */
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_in_range(until_sent(10000), 2850, 3105);
}

/* From our port 9000 to the peer's; it has not answered yet. */
static void call_peer(void)
{
	struct endpoint here = {.port = 9000}, there = {.port = 4000};

	disconnect_peer(NULL);
	ipaddr_aton("10.0.0.1", &there.address);
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &stream), 0);
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &listener), 0);
	assert_int_equal(socket_bind(stream, &here), 0);
	forget_sent();
	assert_int_equal(socket_connect(stream, &there), -EINPROGRESS);
	stack_flush();
	assert_int_equal(sent_n, 1);
	acked = get32(sent[0].data + 38) + 1;
	peer_seq = 5000;
}

static void test_lost_calls(void **state)
{
	unsigned ms = 0;

	(void)state;
	call_peer();
	for (unsigned s = 1; s <= 32; s *= 2) {
		unsigned n = until_sent(100000);

		assert_in_range(n, 1000 * s - 100, 1000 * s + 105);
		ms += n;
	}
	while (socket_poll(stream) != (POLLERR | POLLOUT | POLLHUP | POLLIN |
				       POLLRDNORM)) {
		fata_sleep(100 * MS);
		ms += 100;
		assert_true(ms < 200000);
	}
	assert_in_range(ms, 120000, 135000);
	assert_int_equal(socket_take_error(stream), ETIMEDOUT);
}

/* The first data is sent long after the connection was made. */
static void test_late_beginning(void **state)
{
	(void)state;
	call_peer();
	peer_sends(0x12);
	assert_true(stream->connected);
	fata_sleep(60 * FATA_NS_PER_S);
	for (int i = 0; i < 2; i++) {
		forget_sent();
		assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
		assert_int_equal(acknowledge(), 1);
	}
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_in_range(until_sent(100000), 195, 305);
}

/* Seconds until the connection is given up. */
static unsigned until_lost(void)
{
	unsigned s = 0;

	while (!(socket_poll(stream) & POLLERR) && s < 5000) {
		fata_sleep(FATA_NS_PER_S);
		s++;
	}
	assert_int_equal(socket_take_error(stream), ETIMEDOUT);
	return s;
}

/* Neither soon (a driver domain may start anew) nor never. */
static void test_given_up(void **state)
{
	(void)state;
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_in_range(until_lost(), 900, 1500);
}

/* The peer's window is closed, and then it says nothing more. */
static void test_given_up_behind_a_window(void **state)
{
	(void)state;
	window = 0;
	peer_sends(0x10);
	assert_int_equal(socket_send(stream, "x", 1, NULL, false), 1);
	assert_in_range(until_lost(), 900, 1500);
}

/* The number that our answer to a new connection begins with. */
static uint32_t first_number(void)
{
	uint32_t n;

	forget_sent();
	peer_sends(2);
	assert_int_equal(sent_n, 1);
	n = get32(sent[0].data + 38);
	acked = n + 1;
	peer_sends(4);
	return n;
}

static void test_first_numbers(void **state)
{
	uint32_t a, b, c;
	unsigned near = 0;

	(void)state;
	disconnect_peer(NULL);
	listen_peer();
	a = first_number();
	fata_sleep(8 * FATA_NS_PER_S);
	/* the same two ports: 4 us each, so that what is late is old */
	b = first_number();
	assert_in_range(b - a, 2000000, 2010000);
	/* others tell nothing of them; one of 128 is as near by chance */
	for (peer_port = 4001; peer_port <= 4004; peer_port++) {
		c = first_number();
		near += c - b + (1 << 24) <= 1 << 25;
	}
	peer_port = 4000;
	assert_in_range(near, 0, 3);
}

#define STREAM(test)                                                           \
	cmocka_unit_test_setup_teardown(test, connect_peer, disconnect_peer)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM(test_lost_segment),
		STREAM(test_long_line),
		STREAM(test_slower_line),
		STREAM(test_lost_answer),
		STREAM(test_lost_calls),
		STREAM(test_late_beginning),
		STREAM(test_given_up),
		STREAM(test_given_up_behind_a_window),
		STREAM(test_first_numbers),
	};

	if (start_peer("net_tcp"))
		return 1;
	return cmocka_run_group_tests_name("net_tcp", tests, NULL, NULL);
}
