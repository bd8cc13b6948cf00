/* SPDX-License-Identifier: ISC */
/*
 * A peer for tests of the stack: 10.0.0.1, which connects to port 9000 of ours
 * (10.0.0.2) and says what a test has it say. Our frames to it are in `sent`
 * (net_fake.h).
 *
 *     peer_sends(FLAGS)     a segment without data, with all acknowledged that
 *                           `acked` counts
 *     peer_segment(FLAGS,N) one with N bytes, at most 1460
 *     acknowledge()         all that we have sent so far
 *     connect_peer, disconnect_peer   around a test: `stream` is connected
 */
#ifndef FATA_TESTS_UNIT_NET_PEER_H
#define FATA_TESTS_UNIT_NET_PEER_H

#include <net/socket.h>
#include <net/stack.h>

#include "net_fake.h"

static struct socket *listener, *stream;
static uint32_t peer_seq, acked;
static uint16_t window = 65535; /* scaled by 7 bits */
static uint16_t peer_port = 4000;
static bool peer_scales = true;

/* A segment with n bytes from the peer to our port 9000. */
static inline void peer_segment(uint8_t flags, uint16_t n)
{
	bool syn = flags & 2;
	struct segment s = {
		.port = peer_port,
		.seq = peer_seq,
		.ack = acked,
		.flags = flags,
		.window = window,
		.options = syn ? 8 : 0,
		.data = n,
	};

	if (syn) /* 1460, scale 7 */
		s.rest = peer_scales ? "\2\4\5\264\3\3\7\1"
				     : "\2\4\5\264\1\1\1\1";
	peer_seq += syn + n;
	receive_segment(&s);
}

static inline void peer_sends(uint8_t flags)
{
	peer_segment(flags, 0);
}

/* Payload bytes of all that was sent so far; the frames that carried any. */
static inline uint32_t payload(unsigned *frames, uint32_t *least)
{
	uint32_t all = 0;

	*frames = 0;
	*least = ~0u;
	for (unsigned i = 0; i < sent_n; i++) {
		const unsigned char *p = sent[i].data;
		uint32_t n = p[13] == 0 && p[23] == 6
				     ? sent[i].size - 34 - (p[46] >> 4) * 4u
				     : 0;

		if (!n)
			continue;
		all += n;
		*frames += 1;
		*least = n < *least ? n : *least;
	}
	return all;
}

/* Acknowledge everything; the number of bytes. */
static inline uint32_t acknowledge(void)
{
	unsigned frames;
	uint32_t least, n = payload(&frames, &least);

	acked += n;
	forget_sent();
	peer_sends(0x10);
	return n;
}

/* The stack, as 10.0.0.2, and some time for it; not 0: it does not start. */
static inline int start_peer(const char *name)
{
	unix_init(name);
	unix_clock_manual(START);
	strcpy(fake.info.addresses, "10.0.0.2");
	if (stack_start())
		return 1;
	fata_sleep(10 * FATA_NS_PER_S);
	return 0;
}

/* Port 9000 of ours takes connections. */
static inline void listen_peer(void)
{
	struct endpoint e = {.port = 9000};

	receive_arp();
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &listener), 0);
	assert_int_equal(socket_bind(listener, &e), 0);
	assert_int_equal(socket_listen(listener, 4), 0);
	forget_sent();
	peer_seq = 1000;
	acked = 0;
	window = 65535;
}

static inline int connect_peer(void **state)
{
	(void)state;
	listen_peer();
	peer_sends(2);
	assert_int_equal(sent_n, 1);
	acked = get32(sent[0].data + 38) + 1;
	forget_sent();
	peer_sends(0x10);
	assert_int_equal(socket_accept(listener, &stream), 0);
	return 0;
}

/* A test that has closed its sockets has set them to NULL. */
static inline int disconnect_peer(void **state)
{
	(void)state;
	peer_sends(4);
	if (stream)
		socket_close(stream);
	if (listener)
		socket_close(listener);
	stream = listener = NULL;
	settle();
	forget_sent();
	return 0;
}

#endif
