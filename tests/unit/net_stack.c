/* SPDX-License-Identifier: ISC */
/*
 * The stack on an interface of the test's: how TCP's data is cut and when it
 * leaves, an interface that cannot be opened at first, addresses.
 */
#include "unit.h"

#include <lwip/etharp.h>
#include <poll.h>

#include "net_peer.h"

static unsigned char data[400000];

/* Write all of it, acknowledging whenever there is no room. */
static unsigned transfer(size_t n)
{
	size_t done = 0, got = 0;
	unsigned frames, all = 0;
	uint32_t least;

	while (got < n) {
		ssize_t r = done < n ? socket_send(stream, data + done,
						   n - done, NULL, false)
				     : -EAGAIN;

		if (r > 0) {
			done += (size_t)r;
			continue;
		}
		settle();
		payload(&frames, &least);
		all += frames;
		got += acknowledge();
	}
	assert_int_equal(got, n);
	return all;
}

static void test_stream_in_large_frames(void **state)
{
	(void)state;
	transfer(sizeof(data)); /* the window has opened */
	assert_true(transfer(sizeof(data)) <= 12);
	for (unsigned i = 0; i < sent_n; i++)
		assert_true(sent[i].size <= NET_FRAME_MAX);
}

/* The first data is not cut into hundreds of small segments. */
static void test_beginning(void **state)
{
	ssize_t n = socket_send(stream, data, sizeof(data), NULL, false);
	unsigned frames;
	uint32_t least;

	(void)state;
	assert_true(n > 14600 && n < 150000);
	settle();
	assert_int_equal(payload(&frames, &least), 14600); /* ten segments */
	assert_true(frames <= 2);
	assert_false(socket_poll(stream) & POLLOUT);
	while (acknowledge())
		;
	assert_true(socket_poll(stream) & POLLOUT);
}

/* Data of several segments does not wait for an acknowledgement. */
static void test_nagle_holds_back_little(void **state)
{
	unsigned frames;
	uint32_t least;

	(void)state;
	transfer(sizeof(data));
	assert_int_equal(socket_send(stream, data, 1000, NULL, false), 1000);
	assert_int_equal(socket_send(stream, data, 20000, NULL, false), 20000);
	settle();
	assert_int_equal(payload(&frames, &least), 21000);
	acknowledge();
	/* and less than a segment does */
	assert_int_equal(socket_send(stream, data, 100, NULL, false), 100);
	assert_int_equal(socket_send(stream, data, 100, NULL, false), 100);
	settle();
	assert_int_equal(payload(&frames, &least), 100);
	acknowledge();
	assert_int_equal(acknowledge(), 100);
}

/* The end of a stream's write leaves when the program lets others run. */
static void test_end_of_a_stream(void **state)
{
	unsigned frames;
	uint32_t least;

	(void)state;
	transfer(sizeof(data));
	assert_int_equal(socket_send(stream, data, 131072, NULL, false),
			 131072);
	assert_true(payload(&frames, &least) < 131072);
	settle();
	assert_int_equal(payload(&frames, &least), 131072);
	acknowledge();
}

/* The router's answer to the question who has 10.0.0.1. */
static void neighbour_answers(void)
{
	struct net_frame *f = calloc(1, sizeof(*f));

	add_piece(f,
		  "\2\0\0\0\0\1\2\0\0\0\0\2\10\6\0\1\10\0\6\4\0\2"
		  "\2\0\0\0\0\2\12\0\0\1\2\0\0\0\0\1\12\0\0\2",
		  42);
	fake_receive(f);
	settle();
}

/* A large segment that had to wait for its neighbour's address. */
static void test_forgotten_neighbour(void **state)
{
	unsigned frames;
	uint32_t least;

	(void)state;
	transfer(sizeof(data));
	etharp_cleanup_netif(&stack_links->netif);
	assert_int_equal(socket_send(stream, data, 20000, NULL, false), 20000);
	settle();
	assert_int_equal(payload(&frames, &least), 0);
	neighbour_answers();
	assert_int_equal(payload(&frames, &least), 20000);
	for (unsigned i = 0; i < sent_n; i++)
		if (sent[i].size > 1514)
			assert_int_equal(sent[i].gso_size, 1460);
	acknowledge();
}

/* Data that the interface had no room for goes as soon as it has. */
static void test_stream_after_full_interface(void **state)
{
	struct endpoint to = {.port = 5000};
	struct socket *s;
	unsigned frames;
	uint32_t least;

	(void)state;
	ipaddr_aton("10.0.0.1", &to.address);
	assert_int_equal(socket_new(SOCKET_UDP, false, 0, &s), 0);
	fake.full = true;
	while (socket_send(s, "x", 1, &to, false) == 1)
		;
	assert_int_equal(socket_send(stream, data, 1000, NULL, false), 1000);
	settle();
	fake.full = false;
	forget_sent();
	event_signal(&fake.writable);
	settle();
	assert_int_equal(payload(&frames, &least), 1000);
	socket_close(s);
	acknowledge();
}

/* A large unsent segment, and then a congestion window of one segment. */
static void test_window_falls(void **state)
{
	(void)state;
	transfer(sizeof(data));
	window = 40; /* 5120 bytes */
	peer_sends(0x10);
	while (socket_send(stream, data, 50000, NULL, false) > 0)
		;
	fata_sleep(20 * FATA_NS_PER_S); /* probes, time-outs */
	socket_send(stream, data, 1, NULL, false);
	window = 65535;
	peer_sends(0x10);
	fata_sleep(20 * FATA_NS_PER_S);
	settle();
	assert_true(sent_n > 0);
}

/* The backend is not there at first, or broken: it is tried again. */
static void test_interface_comes_late(void **state)
{
	(void)state;
	assert_int_equal(fake.opens, 2);
	assert_true(fake.groups > 0);
	assert_non_null(netif_default);
}

/* What --ip says, and the host's words where it says nothing. */
static void test_addresses(void **state)
{
	static const char *const bad[] = {
		"10.0.0.2",   "10.0.0.2/33", "x/24",       "10.0.0.2/",
		"fd00::1/63", "lan=",        "10.0.0/2/24"};

	(void)state;
	for (size_t i = 0; i < N_OF(bad); i++)
		assert_int_not_equal(set_list("ip", bad[i]), 0);
	assert_int_equal(ip4_addr_get_u32(netif_ip4_addr(netif_default)),
			 PP_HTONL(0x0a000002));
	assert_int_equal(ip4_addr_get_u32(netif_ip4_netmask(netif_default)),
			 PP_HTONL(0xffffff00));
}

static void test_nameservers(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(config_resolv(text, sizeof(text)), 0);
	assert_int_equal(set_list("dns", "10.0.0.3"), 0);
	assert_int_equal(set_list("dns", "fd00::3"), 0);
	config_resolv(text, sizeof(text));
	assert_string_equal(text, "nameserver 10.0.0.3\nnameserver FD00::3\n");
	assert_int_not_equal(set_list("dns", "nobody"), 0);
}

/* The only interface is also number 0; others are not there. */
static void test_scopes(void **state)
{
	static const int said[] = {0, -EINVAL, 0, -ENETUNREACH, -ENETUNREACH};
	struct endpoint to = {.port = 9}, here, there;
	uint32_t mine = netif_get_index(netif_default);
	/* 1: "lo", from a socket that is bound to the other */
	uint32_t scopes[] = {0, 1, mine, 77, 256 + mine};
	struct socket *s;

	(void)state;
	ipaddr_aton("fe80::99", &to.address);
	for (unsigned i = 0; i < N_OF(said); i++) {
		assert_int_equal(socket_new(SOCKET_UDP, true, 0, &s), 0);
		here = (struct endpoint){.address = *netif_ip_addr6(
						 netif_default, 0)};
		if (i == 1)
			assert_int_equal(socket_bind(s, &here), 0);
		scope_set(&to.address, scopes[i]);
		assert_int_equal(socket_connect(s, &to), said[i]);
		socket_names(s, &here, &there);
		if (!said[i])
			assert_int_equal(
				ip6_addr_zone(ip_2_ip6(&there.address)), mine);
		socket_close(s);
	}
	/* nobody has these addresses */
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &s), 0);
	ipaddr_aton("10.0.0.1", &to.address);
	assert_int_equal(socket_bind(s, &to), -EADDRNOTAVAIL);
	ipaddr_aton("10.0.0.255", &to.address);
	assert_int_equal(socket_bind(s, &to), -EADDRNOTAVAIL);
	ipaddr_aton("10.0.0.2", &to.address);
	assert_int_equal(socket_bind(s, &to), 0);
	socket_close(s);
	settle();
	forget_sent();
}

/* Datagrams that there is no room for wait, and poll says when there is. */
static void test_full_interface(void **state)
{
	struct endpoint to = {.port = 5000};
	struct socket *s, *other;
	unsigned taken = 0;
	ssize_t n;

	(void)state;
	receive_arp();
	ipaddr_aton("10.0.0.1", &to.address);
	assert_int_equal(socket_new(SOCKET_UDP, false, 0, &s), 0);
	assert_int_equal(socket_new(SOCKET_UDP, false, 0, &other), 0);
	fake.full = true;
	while ((n = socket_send(s, "x", 1, &to, false)) == 1)
		assert_true(++taken < 10000);
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(socket_send(other, "x", 1, &to, false), -EAGAIN);
	assert_int_equal(socket_poll(s) & POLLOUT, 0);
	socket_close(other); /* one that waits may be closed */
	settle();
	assert_int_equal(socket_poll(s) & POLLOUT, 0);
	forget_sent();
	fake.full = false;
	event_signal(&fake.writable);
	settle();
	assert_int_equal(sent_n, taken);
	assert_int_equal(socket_poll(s) & POLLOUT, POLLOUT);
	assert_int_equal(socket_send(s, "x", 1, &to, false), 1);
	socket_close(s);
	settle();
	forget_sent();
}

#define STREAM(test)                                                           \
	cmocka_unit_test_setup_teardown(test, connect_peer, disconnect_peer)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interface_comes_late),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_nameservers),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_full_interface),
		STREAM(test_beginning),
		STREAM(test_stream_after_full_interface),
		STREAM(test_forgotten_neighbour),
		STREAM(test_stream_in_large_frames),
		STREAM(test_nagle_holds_back_little),
		STREAM(test_end_of_a_stream),
		STREAM(test_window_falls),
	};

	unix_init("net_stack");
	unix_clock_manual(START);
	strcpy(fake.info.addresses, "nonsense, 10.0.0.2");
	fake.open_error = -EIO;
	if (stack_start())
		return 1;
	fata_sleep(10 * FATA_NS_PER_S);
	return cmocka_run_group_tests_name("net_stack", tests, NULL, NULL);
}
