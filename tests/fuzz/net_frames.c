/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing the TCP/IP stack with received frames: the input is frames as a
 * backend may deliver them, in pieces, with any claim about checksums and
 * segments. Listeners and datagram sockets are there to be reached. Nothing
 * may be read beyond a frame; the stack goes on: afterwards it answers an ARP
 * request.
 *
 *     frame  1 byte   bits 0-1 gso, 2-3 sum, 4 repair IPv4's header checksum
 *            1 byte   size of the first piece, 0: all of it
 *            2 bytes  length, little-endian
 *            the bytes
 */
#include <stdint.h>

#include "net/socket.h"
#include "net/stack.h"
#include "unit/net_fake.h"
#include "unix/unix.h"

#include <fata/fata.h>

#define START (1000 * FATA_NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct socket *listener, *datagrams, *raw;

/* Fragments and segments out of order are let go; the rest is a leak. */
static void let_go(void)
{
	fata_sleep(600 * FATA_NS_PER_S);
}

static void start(void)
{
	struct endpoint e = {.port = 9000};

	unix_init("net_frames");
	atexit(let_go);
	unix_clock_manual(START);
	set_list("ip", "10.0.0.2/24");
	if (socket_new(SOCKET_TCP, true, 0, &listener) ||
	    socket_new(SOCKET_UDP, true, 0, &datagrams) ||
	    socket_new(SOCKET_RAW, false, 1, &raw) ||
	    socket_bind(listener, &e) || socket_listen(listener, 16))
		abort();
	e.port = 9001;
	if (socket_bind(datagrams, &e))
		abort();
	settle();
	/* addresses are settled, DHCP is not asked for */
	fata_sleep(3 * FATA_NS_PER_S);
}

static void repair(unsigned char *p, size_t n)
{
	size_t head = n > 14 ? (p[14] & 15) * 4u : 0;

	if (n >= 34 && head >= 20 && n >= 14 + head)
		set_ip_sum(p, head);
}

static const uint8_t *give_frame(const uint8_t *p, const uint8_t *end)
{
	struct net_frame *f = calloc(1, sizeof(*f));
	uint8_t how = p[0], first = p[1];
	size_t n = (size_t)p[2] | (size_t)p[3] << 8;
	unsigned char *copy;

	p += 4;
	n = n < (size_t)(end - p) ? n : (size_t)(end - p);
	if (n < 14) { /* netfront drops these */
		free(f);
		return p + n;
	}
	copy = malloc(n);
	memcpy(copy, p, n);
	if (how & 16)
		repair(copy, n);
	if (first && first < n)
		add_piece(f, copy, first);
	add_piece(f, copy + f->size, n - f->size);
	free(copy);
	f->gso = how & 3;
	f->gso_size = f->gso ? 1000 : 0;
	f->sum = how >> 2 & 3;
	fake_receive(f);
	return p + n;
}

/* What a program would do with whatever came. */
static void use_sockets(void)
{
	struct socket *c;
	struct endpoint from;
	char buffer[512];
	size_t whole;

	while (socket_receive(datagrams, buffer, sizeof(buffer), false, &from,
			      &whole) >= 0)
		;
	while (socket_receive(raw, buffer, sizeof(buffer), false, &from,
			      &whole) >= 0)
		;
	while (socket_accept(listener, &c) == 0) {
		while (socket_receive(c, buffer, sizeof(buffer), false, NULL,
				      NULL) > 0)
			;
		socket_send(c, buffer, sizeof(buffer), NULL, false);
		socket_close(c);
	}
}

static void expect_alive(void)
{
	bool answered = false;

	forget_sent();
	receive_arp();
	/* what had waited for the address comes with it */
	for (unsigned i = 0; i < sent_n; i++)
		answered |= sent[i].size >= 42 && sent[i].data[12] == 8 &&
			    sent[i].data[13] == 6 && sent[i].data[21] == 2;
	if (!answered)
		abort();
	forget_sent();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static unsigned inputs;
	const uint8_t *end = data + n;

	if (!listener)
		start();
	while (end - data > 4)
		data = give_frame(data, end);
	settle();
	use_sockets();
	settle();
	/* timers: retransmissions, reassembly that never ends ... */
	if (++inputs % 16 == 0)
		fata_sleep(FATA_NS_PER_S);
	expect_alive();
	return 0;
}
