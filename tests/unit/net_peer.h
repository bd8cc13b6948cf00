/* SPDX-License-Identifier: ISC */
/*
 * A peer for tests of the stack: 10.0.0.1, which connects to port 9000 of ours
 * (10.0.0.2) and says what a test has it say. Our frames to it are in `sent`
 * (net_fake.h).
 *
 *     arp_from_peer()       it has an address
 *     peer_sends(FLAGS)     a segment without data, with all acknowledged that
 *                           `acked` counts
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

static inline void settle(void)
{
	for (int i = 0; i < 8; i++)
		fata_yield();
}

static inline void put32(unsigned char *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static inline uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* A segment without data from the peer to our port 9000. */
static inline void peer_sends(uint8_t flags)
{
	static const unsigned char head[] =
		"\2\0\0\0\0\1\2\0\0\0\0\2\10\0\x45\0\0\x30\0\0\0\0\100\6\0\0"
		"\12\0\0\1\12\0\0\2\0\0\43\50";
	unsigned char p[62] = {0};
	struct net_frame *f = calloc(1, sizeof(*f));
	bool syn = flags & 2;
	uint32_t sum;

	memcpy(p, head, sizeof(head) - 1);
	p[17] = syn ? 48 : 40;
	sum = ~words(0, p + 14, 20);
	p[24] = (unsigned char)(sum >> 8);
	p[25] = (unsigned char)sum;
	p[34] = (unsigned char)(peer_port >> 8);
	p[35] = (unsigned char)peer_port;
	put32(p + 38, peer_seq);
	put32(p + 42, acked);
	p[46] = syn ? 0x70 : 0x50;
	p[47] = flags;
	p[48] = (unsigned char)(window >> 8);
	p[49] = (unsigned char)window;
	memcpy(p + 54, "\2\4\5\264\3\3\7\1", 8); /* 1460, scale 7 */
	add_piece(f, p, syn ? 62 : 54);
	f->sum = NET_SUM_GOOD;
	peer_seq += syn;
	fake_receive(f);
	settle();
}

static inline void arp_from_peer(void)
{
	struct net_frame *f = calloc(1, sizeof(*f));

	add_piece(f,
		  "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\2\10\6\0\1\10\0\6\4\0\1"
		  "\2\0\0\0\0\2\12\0\0\1\0\0\0\0\0\0\12\0\0\2",
		  42);
	fake_receive(f);
	settle();
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

/* Port 9000 of ours takes connections. */
static inline void listen_peer(void)
{
	struct endpoint e = {.port = 9000};

	arp_from_peer();
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
