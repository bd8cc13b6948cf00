/* SPDX-License-Identifier: ISC */
/*
 * Which connection a segment belongs to, among many; ports that are used again;
 * connections that are only asked for; as many as there is memory for.
 */
#include "unit.h"

#include <lwip/tcp.h>
#include <net/socket.h>
#include <net/stack.h>

#include "net_fake.h"

#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16

/* One of the other side's connections, from 10.0.0.1:port to our 9000. */
struct peer {
	uint16_t port;
	uint32_t seq, ack;
	struct socket *socket;
};
#define PEER(port_, seq_) {.port = (uint16_t)(port_), .seq = (seq_)}

static struct socket *listener;

static uint64_t metric(const char *name)
{
	uint64_t value = 0;

	assert_int_equal(metrics_read(name, &value), 0);
	return value;
}

/* A segment with the numbers as they are; a byte of data is the port's. */
static void peer_sends(struct peer *peer, uint8_t flags, bool data)
{
	struct segment s = {
		.port = peer->port,
		.seq = peer->seq,
		.ack = flags & ACK ? peer->ack : 0,
		.flags = flags,
		.window = 0x7f7f,
		.data = data,
		.rest = (unsigned char[]){(unsigned char)peer->port},
	};

	peer->seq += data + !!(flags & (SYN | FIN));
	forget_sent();
	receive_segment(&s);
}

static void ask(struct peer *p)
{
	peer_sends(p, SYN, false);
}

/* Was it answered by SYN and ACK? Then it goes on from there. */
static bool answered(struct peer *p)
{
	if (sent_n != 1 || sent[0].data[47] != (SYN | ACK))
		return false;
	assert_int_equal(get32(sent[0].data + 42), p->seq);
	p->ack = get32(sent[0].data + 38) + 1;
	return true;
}

static void open_peer(struct peer *p)
{
	ask(p);
	assert_true(answered(p));
	peer_sends(p, ACK, false);
	assert_int_equal(socket_accept(listener, &p->socket), 0);
}

/* We close first, so that it is we who wait for stragglers. */
static void close_peer(struct peer *p)
{
	forget_sent();
	socket_close(p->socket);
	settle();
	p->ack++;
	peer_sends(p, FIN | ACK, false);
}

static int start(void **state)
{
	struct endpoint e = {.port = 9000};

	(void)state;
	receive_arp();
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &listener), 0);
	listener->reuse = true;
	assert_int_equal(socket_bind(listener, &e), 0);
	assert_int_equal(socket_listen(listener, 4), 0);
	settle();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	socket_close(listener);
	settle();
	forget_sent();
	return 0;
}

/* Each byte comes to its own, in any order, while others come and go. */
static void test_many(void **state)
{
	enum { N = 500 };
	static struct peer peers[N];
	unsigned got[N] = {0}, sent_to[N] = {0};
	uint16_t fresh = 20000;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		peers[i] = (struct peer)PEER(2000 + 7 * i, i << 20);
		open_peer(&peers[i]);
	}
	assert_int_equal(metric("tcp.connections"), N);
	for (unsigned n = 0; n < 4000; n++) {
		unsigned i = (unsigned)random_below(N);
		struct peer *p = &peers[i];
		unsigned char c;

		if (n % 8 == 0) {
			peer_sends(p, RST, false);
			socket_close(p->socket);
			p->port = fresh++; /* it comes again as another one */
			open_peer(p);
			got[i] = sent_to[i] = 0;
		}
		peer_sends(p, ACK, true);
		sent_to[i]++;
		if (n % 3)
			continue;
		while (socket_receive(p->socket, &c, 1, false, NULL, NULL) ==
		       1) {
			assert_int_equal(c, (unsigned char)p->port);
			got[i]++;
		}
		assert_int_equal(got[i], sent_to[i]);
	}
	assert_int_equal(metric("tcp.connections"), N);
	for (unsigned i = 0; i < N; i++) {
		peer_sends(&peers[i], RST, false);
		socket_close(peers[i].socket);
	}
	assert_int_equal(metric("tcp.connections"), 0);
}

/* A new one of the same ports begins at once if its numbers are later ones. */
static void test_again(void **state)
{
	struct peer p = PEER(5000, 1000), old;

	(void)state;
	open_peer(&p);
	close_peer(&p);
	assert_int_equal(metric("tcp.ended"), 1);
	old = (struct peer)PEER(5000, 900);
	ask(&old);
	assert_false(answered(&old)); /* a straggler */
	assert_int_equal(metric("tcp.ended"), 1);
	p.seq += 5000000; /* what lwIP takes to be beyond the window */
	open_peer(&p);
	assert_int_equal(metric("tcp.ended"), 0);
	peer_sends(&p, ACK, true);
	assert_int_equal(socket_available(p.socket), 1);
	close_peer(&p);
	p.seq += 2; /* what it takes to be within */
	open_peer(&p);
	peer_sends(&p, RST, false);
	socket_close(p.socket);
	assert_int_equal(metric("tcp.connections"), 0);
}

/* A flood of connections that are never finished: the oldest ones go. */
static void test_flood(void **state)
{
	struct peer mine = PEER(6000, 1), others[3];

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct peer p = PEER(10000 + i, i);

		ask(&p);
		assert_true(answered(&p));
	}
	assert_int_equal(metric("tcp.connections"), 4);
	assert_int_equal(metric("tcp.dropped"), 296);
	ask(&mine);
	assert_true(answered(&mine));
	for (unsigned i = 0; i < 3; i++) {
		others[i] = (struct peer)PEER(20000 + i, i);
		ask(&others[i]);
	}
	peer_sends(&mine, ACK, false);
	assert_int_equal(socket_accept(listener, &mine.socket), 0);
	peer_sends(&mine, RST, false);
	socket_close(mine.socket);
	for (unsigned i = 0; i < 3; i++)
		peer_sends(&others[i], RST, false);
	assert_int_equal(metric("tcp.connections"), 0);
}

/*
 * Both sides have said all, but the program has it open still: whether the peer
 * begins anew or a minute passes, the socket knows of no connection any more.
 */
static void test_ended_but_open(void **state)
{
	struct peer p = PEER(5100, 1000), again;
	struct endpoint local, peer;
	char room[10];

	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		open_peer(&p);
		peer_sends(&p, ACK, true);
		assert_int_equal(socket_shutdown(p.socket, false, true), 0);
		settle();
		p.ack++;
		peer_sends(&p, FIN | ACK, false);
		assert_int_equal(metric("tcp.ended"), 1);
		again = (struct peer)PEER(5100, p.seq + 5000000);
		if (way == 0)
			open_peer(&again);
		else
			fata_sleep(62 * FATA_NS_PER_S);
		assert_null(p.socket->pcb);
		assert_int_equal(socket_receive(p.socket, room, 10, false,
						NULL, NULL), 1);
		assert_int_equal(socket_send(p.socket, "x", 1, NULL, false),
				 -EPIPE);
		socket_names(p.socket, &local, &peer);
		assert_int_equal(local.port, 9000);
		assert_int_equal(peer.port, 5100);
		socket_close(p.socket);
		if (way == 0) {
			peer_sends(&again, RST, false);
			socket_close(again.socket);
		}
		p = (struct peer)PEER(5100, p.seq + 10000000);
	}
	assert_int_equal(metric("tcp.connections"), 0);
}

/* A socket is bound once. */
static void test_bind_again(void **state)
{
	struct endpoint one = {.port = 5001}, two = {.port = 5002};
	struct socket *s;

	(void)state;
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &s), 0);
	assert_int_equal(socket_bind(s, &one), 0);
	assert_int_equal(socket_bind(s, &two), -EINVAL);
	socket_close(s);
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, &s), 0);
	assert_int_equal(socket_bind(s, &two), 0);
	socket_close(s);
}

/* As many as the listener wants are finished: another one is refused. */
static void test_full(void **state)
{
	uint64_t refused = metric("tcp.refused");
	struct peer p[5];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		p[i] = (struct peer)PEER(7000 + i, i);
		ask(&p[i]);
		assert_int_equal(answered(&p[i]), i < 4);
		if (i < 4)
			peer_sends(&p[i], ACK, false);
	}
	assert_int_equal(metric("tcp.refused"), refused + 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(socket_accept(listener, &p[i].socket), 0);
	p[4].seq--; /* it asks again */
	open_peer(&p[4]);
	for (unsigned i = 0; i < 5; i++) {
		peer_sends(&p[i], RST, false);
		socket_close(p[i].socket);
	}
}

/* All memory but a few pages, so that a frame comes as far as TCP. */
static struct chunk *take_memory(void)
{
	struct chunk *all = NULL;

	for (size_t size = 1 << 20; size >= 4096; size /= 2)
		for (struct chunk *c; (c = heap_alloc(size)); all = c)
			c->next = all;
	for (unsigned i = 0; i < 16; i++) {
		struct chunk *c = all;

		all = c->next;
		heap_free(c);
	}
	return all;
}

/* Hardly anything is left: refused and counted, after the ended ones went. */
static void test_without_memory(void **state)
{
	uint64_t refused = metric("tcp.refused");
	struct peer p = PEER(8000, 1), other = PEER(8001, 1);
	struct chunk *all;

	(void)state;
	open_peer(&p);
	close_peer(&p);
	all = take_memory();
	ask(&other);
	assert_int_equal(sent_n, 0);
	assert_int_equal(metric("tcp.ended"), 0);
	assert_int_equal(metric("tcp.refused"), refused + 1);
	give_memory(all);
	other.seq--;
	open_peer(&other);
	peer_sends(&other, RST, false);
	socket_close(other.socket);
}

static uint32_t unread(const struct peer *p)
{
	return p->socket->queued;
}

/*
 * Without memory a connection whose data is not read gets no more, nor one
 * whose data comes too early; one that is read does, and what ends one, too.
 */
static void test_filled(void **state)
{
	struct peer full = PEER(8100, 1), early = PEER(8101, 1),
		    read = PEER(8102, 1);
	char byte[1];
	uint64_t put_off = metric("tcp.put_off");
	struct chunk *all;

	(void)state;
	open_peer(&full);
	open_peer(&early);
	open_peer(&read);
	peer_sends(&full, ACK, true);
	assert_int_equal(unread(&full), 1);
	peer_sends(&read, ACK, true);
	assert_int_equal(socket_receive(read.socket, byte, 1, false, NULL,
					NULL),
			 1);
	all = take_memory();
	peer_sends(&full, ACK, true);
	assert_int_equal(unread(&full), 1);
	early.seq++;
	peer_sends(&early, ACK, true);
	assert_int_equal(metric("tcp.put_off"), put_off + 2);
	peer_sends(&read, ACK, true);
	assert_int_equal(unread(&read), 1);
	peer_sends(&early, RST, false); /* not in order: it stays */
	early.seq -= 2;
	peer_sends(&early, RST, false);
	assert_int_equal(early.socket->error, ECONNRESET);
	give_memory(all);
	full.seq--; /* sent again */
	peer_sends(&full, ACK, true);
	assert_int_equal(unread(&full), 2);
	peer_sends(&full, RST, false);
	peer_sends(&read, RST, false);
	socket_close(full.socket);
	socket_close(early.socket);
	socket_close(read.socket);
	assert_int_equal(metric("tcp.connections"), 0);
}

/* Those that have ended are kept for a minute, but not without a limit. */
static void test_ended(void **state)
{
	uint64_t most = 0;

	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		struct peer p = PEER(1024 + i % 60000, i << 16);

		open_peer(&p);
		close_peer(&p);
		most = metric("tcp.ended") > most ? metric("tcp.ended") : most;
	}
	assert_int_equal(most, 32768);
	fata_sleep(62 * FATA_NS_PER_S);
	assert_int_equal(metric("tcp.ended"), 0);
	assert_int_equal(metric("tcp.connections"), 0);
}

static int begin(uint16_t port, struct socket **s)
{
	struct endpoint e = {.port = port};
	int rc;

	ip_addr_set_ip4_u32(&e.address, PP_HTONL(0x0a000001));
	assert_int_equal(socket_new(SOCKET_TCP, false, 0, s), 0);
	rc = socket_connect(*s, &e);
	forget_sent();
	return rc;
}

/*
 * Our ports of connections to one place are all different, and none that
 * somebody asked for; when all are in use the next is refused at once, and
 * those to another place are not.
 */
static void test_ports(void **state)
{
	static struct socket *s[16384], *other;
	static bool seen[65536];
	struct socket *bound[3];
	unsigned n = 0, port;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct endpoint e = {.port = (uint16_t)(50000 + i)};

		assert_int_equal(socket_new(SOCKET_TCP, false, 0, &bound[i]),
				 0);
		assert_int_equal(socket_bind(bound[i], &e), 0);
	}
	assert_int_equal(socket_listen(bound[0], 4), 0);
	for (; n < 16384 - 3; n++) {
		assert_int_equal(begin(80, &s[n]), -EINPROGRESS);
		port = ((struct tcp_pcb *)s[n]->pcb)->local_port;
		assert_in_range(port, 49152, 65535);
		assert_false(seen[port]);
		seen[port] = true;
	}
	assert_false(seen[50000] || seen[50001] || seen[50002]);
	assert_int_equal(begin(80, &other), -EADDRNOTAVAIL);
	socket_close(s[--n]);
	assert_int_equal(begin(80, &s[n++]), -EINPROGRESS);
	socket_close(other);
	assert_int_equal(begin(81, &other), -EINPROGRESS);
	socket_close(other);
	while (n)
		socket_close(s[--n]);
	for (unsigned i = 0; i < 3; i++)
		socket_close(bound[i]);
	settle();
	assert_int_equal(metric("tcp.connections"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many, start, stop),
		cmocka_unit_test_setup_teardown(test_again, start, stop),
		cmocka_unit_test_setup_teardown(test_flood, start, stop),
		cmocka_unit_test_setup_teardown(test_full, start, stop),
		cmocka_unit_test_setup_teardown(test_without_memory, start,
						stop),
		cmocka_unit_test_setup_teardown(test_filled, start, stop),
		cmocka_unit_test_setup_teardown(test_ended_but_open, start,
						stop),
		cmocka_unit_test_setup_teardown(test_bind_again, start, stop),
		cmocka_unit_test_setup_teardown(test_ended, start, stop),
		cmocka_unit_test_setup_teardown(test_ports, start, stop),
	};

	unix_init("net_find");
	unix_clock_manual(START);
	assert_int_equal(set_list("ip", "10.0.0.2/24"), 0);
	assert_int_equal(stack_start(), 0);
	settle();
	return cmocka_run_group_tests_name("net_find", tests, NULL, NULL);
}
