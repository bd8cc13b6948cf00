/* SPDX-License-Identifier: ISC */
/*
 * examples/firewall: rules, connections, and packets whose checksums are right
 * after every change, finished or not.
 */
#include "../../examples/firewall/nat.c"
#include "../../examples/firewall/packet.c"
#include "../../examples/firewall/rules.c"

#include "unit/unit.h"

#include <stdlib.h>

#define CLIENT 0x0a000007 /* 10.0.0.7 */
#define REMOTE 0xc0000201 /* 192.0.2.1 */
#define OWN    0x0a890001

static unsigned char page[4096] __attribute__((aligned(4096)));
static struct net_frame frame;

static uint32_t add(uint32_t sum, const unsigned char *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static unsigned sum_at(uint8_t proto)
{
	return proto == TCP ? 16 : proto == UDP ? 6 : 2;
}

static uint32_t pseudo(unsigned l4)
{
	return add(page[23] + l4, page + 26, 8);
}

/* A packet of 60 bytes after the IP header, all sums right. */
static struct packet packet(uint8_t proto, uint8_t sum, uint16_t sport,
			    uint16_t dport)
{
	unsigned char *ip = page + 14, *l4 = ip + 20;
	uint32_t s = 0;
	struct packet p;

	for (unsigned i = 0; i < 94; i++)
		page[i] = (unsigned char)rand();
	put16(page + 12, 0x0800);
	memset(ip, 0, 12);
	ip[0] = 0x45;
	put16(ip + 2, 80);
	ip[8] = 64;
	ip[9] = proto;
	put32(ip + 12, CLIENT);
	put32(ip + 16, REMOTE);
	put16(ip + 10, (uint16_t)~fold(add(0, ip, 20)));
	if (proto == ICMP) {
		l4[0] = ICMP_ECHO;
		put16(l4 + 4, sport);
	} else {
		put16(l4, sport);
		put16(l4 + 2, dport);
		s = pseudo(60);
	}
	put16(l4 + sum_at(proto), 0);
	put16(l4 + sum_at(proto),
	      sum == NET_SUM_BLANK ? fold(s) : (uint16_t)~fold(add(s, l4, 60)));
	frame = (struct net_frame){.size = 94, .pieces = 1, .sum = sum};
	frame.piece[0].data = page;
	frame.piece[0].size = 94;
	assert_true(packet_parse(&p, &frame));
	return p;
}

static void check_sums(uint8_t proto, uint8_t sum)
{
	unsigned char *l4 = page + 34;
	uint32_t s = proto == ICMP ? 0 : pseudo(60);

	assert_true(fold(add(0, page + 14, 20)) == 0xffff);
	if (sum == NET_SUM_BLANK)
		assert_true(get16(l4 + sum_at(proto)) % 0xffff ==
			    fold(s) % 0xffff);
	else
		assert_true(fold(add(s, l4, 60)) == 0xffff);
}

static void test_sums(void **state)
{
	static const uint8_t protos[] = {TCP, UDP, ICMP};

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		uint8_t proto = protos[i % 3];
		uint8_t sum = proto != ICMP && i % 2 ? NET_SUM_BLANK
						     : NET_SUM_UNKNOWN;
		struct packet p =
			packet(proto, sum, (uint16_t)rand(), (uint16_t)rand());

		packet_set_src(&p, OWN + (uint32_t)rand(), (uint16_t)rand());
		check_sums(proto, sum);
		packet_set_dst(&p, (uint32_t)rand(), (uint16_t)rand());
		check_sums(proto, sum);
		assert_true(packet_hop(&p));
		check_sums(proto, sum);
	}
}

/* An error about a packet of ours, on its way back to the client. */
static void test_errors(void **state)
{
	struct packet p, inner;
	unsigned char *l4 = page + 34;

	(void)state;
	packet(ICMP, NET_SUM_UNKNOWN, 1, 1);
	l4[0] = ICMP_UNREACHABLE;
	memset(l4 + 4, 0, 4);
	memset(l4 + 8, 0, 20);
	l4[8] = 0x45;
	put16(l4 + 10, 500);
	l4[17] = TCP;
	put32(l4 + 20, OWN);
	put32(l4 + 24, REMOTE);
	put16(l4 + 18, (uint16_t)~fold(add(0, l4 + 8, 20)));
	put16(l4 + 28, 50000);
	put16(l4 + 30, 80);
	put16(l4 + 2, 0);
	put16(l4 + 2, (uint16_t)~fold(add(0, l4, 60)));
	assert_true(packet_parse(&p, &frame) && p.error);
	assert_true(packet_parse_inner(&inner, &p));
	assert_true(inner.src == OWN && inner.sport == 50000 &&
		    inner.dport == 80);
	packet_set_inner(&inner, &p, true, CLIENT, 4711);
	packet_set_dst(&p, CLIENT, 4711);
	check_sums(ICMP, NET_SUM_UNKNOWN);
	assert_true(fold(add(0, l4 + 8, 20)) == 0xffff);
	assert_true(get32(l4 + 20) == CLIENT && get16(l4 + 28) == 4711);
	assert_true(!get32(l4 + 4) && get32(page + 30) == CLIENT);
	/* cut off, or about another error */
	l4[17] = ICMP;
	l4[28] = ICMP_UNREACHABLE;
	assert_true(!packet_parse_inner(&inner, &p));
	p.room = 20;
	assert_true(!packet_parse_inner(&inner, &p));
}

static void test_what_is_no_packet(void **state)
{
	struct packet p;

	(void)state;
	for (unsigned n = 0; n < 94; n++) {
		packet(TCP, NET_SUM_UNKNOWN, 1, 2);
		frame.size = frame.piece[0].size = n;
		assert_true(!packet_parse(&p, &frame));
	}
	packet(UDP, NET_SUM_UNKNOWN, 1, 2);
	page[20] = 0x20; /* a first fragment */
	assert_true(!packet_parse(&p, &frame));
	page[20] = 0x40; /* "don't" is none */
	assert_true(packet_parse(&p, &frame));
	page[21] = 1; /* a later one */
	assert_true(!packet_parse(&p, &frame));
	packet(UDP, NET_SUM_UNKNOWN, 1, 2);
	page[14] = 0x46;
	assert_true(!packet_parse(&p, &frame));
	packet(UDP, NET_SUM_UNKNOWN, 1, 2);
	put16(page + 16, 19);
	assert_true(!packet_parse(&p, &frame));
	p = packet(UDP, NET_SUM_UNKNOWN, 1, 2);
	page[22] = 1;
	assert_true(!packet_hop(&p));
}

static void test_connections(void **state)
{
	struct nat_entry *first, *e;
	uint16_t port;

	(void)state;
	assert_true(nat_init(80) == 0); /* 70 TCP */
	first = nat_out(TCP, CLIENT, 1000, REMOTE, 80);
	assert_true(first && first->port >= 1024);
	assert_true(nat_out(TCP, CLIENT, 1000, REMOTE, 80) == first);
	assert_true(nat_out(TCP, CLIENT, 1001, REMOTE, 80) != first);
	assert_true(nat_in(TCP, first->port, REMOTE, 80) == first);
	assert_true(!nat_in(TCP, first->port, REMOTE, 81));
	assert_true(!nat_in(TCP, first->port, REMOTE + 1, 80));
	assert_true(!nat_in(UDP, first->port, REMOTE, 80));
	/* the one used longest ago goes */
	port = first->port;
	for (uint16_t i = 0; i < 69; i++)
		assert_true(nat_out(TCP, CLIENT, 2000 + i, REMOTE, 80));
	assert_true(nat_in(TCP, port, REMOTE, 80) == first);
	for (uint16_t i = 0; i < 69; i++)
		assert_true(nat_out(TCP, CLIENT, 3000 + i, REMOTE, 80));
	assert_true(nat_in(TCP, port, REMOTE, 80) == first);
	assert_true(nat_out(TCP, CLIENT, 5000, REMOTE, 80));
	for (uint16_t i = 0; i < 69; i++)
		assert_true(nat_out(TCP, CLIENT, 6000 + i, REMOTE, 80));
	assert_true(!nat_in(TCP, port, REMOTE, 80));
	/* a client's end is theirs */
	e = nat_out(UDP, CLIENT + 1, 53, REMOTE, 53);
	nat_forget(CLIENT);
	assert_true(nat_in(UDP, e->port, REMOTE, 53) == e);
	nat_forget(CLIENT + 1);
	assert_true(!nat_in(UDP, e->port, REMOTE, 53));
	for (unsigned i = 0; i < 100000; i++)
		assert_true(nat_out(
			i % 2 ? TCP : UDP, CLIENT + (uint32_t)rand() % 9,
			(uint16_t)rand(), REMOTE + (uint32_t)rand() % 9,
			(uint16_t)rand()));
}

static void forget_rules(void)
{
	while (rules) {
		struct rule *r = rules;

		rules = r->next;
		free(r);
	}
	last = &rules;
	have_rules = false;
}

static bool allowed(uint32_t client, uint8_t proto, uint16_t dport)
{
	struct packet p = packet(proto, NET_SUM_UNKNOWN, 1, dport);

	return rules_accept(client, &p);
}

static void test_rules(void **state)
{
	static const char text[] =
		"# a comment\n\n"
		"action=drop proto=tcp dstports=80\n"
		"client 10.0.0.7\r\n"
		"action=accept proto=tcp dst4=192.0.2.0/24 dstports=80-90\n"
		"action=accept specialtarget=dns\n"
		"action=drop proto=icmp icmptype=8\n"
		"action=accept proto=icmp\n"
		"client *\n"
		"action=accept";
	const char *what;
	struct packet p;

	(void)state;
	assert_true(allowed(CLIENT, TCP, 1)); /* without any */
	assert_true(rules_read(text, strlen(text), &what) == 0);
	assert_true(allowed(CLIENT, TCP, 80) && allowed(CLIENT, TCP, 90));
	assert_true(!allowed(CLIENT, TCP, 79) && !allowed(CLIENT, TCP, 91));
	assert_true(!allowed(CLIENT, UDP, 80));
	assert_true(allowed(CLIENT, UDP, 53) && allowed(CLIENT, TCP, 53));
	assert_true(!allowed(CLIENT, ICMP, 0)); /* an echo */
	p = packet(ICMP, NET_SUM_UNKNOWN, 1, 1);
	p.icmp_type = ICMP_ECHO_REPLY;
	assert_true(rules_accept(CLIENT, &p));
	p = packet(TCP, NET_SUM_UNKNOWN, 1, 85);
	p.dst = REMOTE + 256;
	assert_true(!rules_accept(CLIENT, &p));
	/* others */
	assert_true(!allowed(CLIENT + 1, TCP, 80) &&
		    allowed(CLIENT + 1, TCP, 81));
	forget_rules();
	assert_true(rules_read("", 0, &what) == 0);
	assert_true(
		!allowed(CLIENT, TCP, 80)); /* an empty text allows nothing */
	forget_rules();
}

static void test_bad_rules(void **state)
{
	static const char *const bad[] = {
		"accept",
		"proto=tcp action=accept",
		"action=perhaps",
		"action=accept proto=sctp",
		"action=accept dst4=1.2.3",
		"action=accept dst4=1.2.3.4/33",
		"action=accept dst4=1.2.3.256",
		"action=accept proto=tcp dstports=90-80",
		"action=accept proto=tcp dstports=65536",
		"action=accept dstports=80",
		"action=accept proto=tcp icmptype=8",
		"action=accept proto=icmp icmptype=256",
		"action=accept specialtarget=tor",
		"action=accept dsthost=example.org",
		"action=accept and more",
		"client",
		"client 10.0.0.0/8",
		"client 0.0.0.0",
	};
	const char *what;
	char text[100];

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "\naction=drop\n%s\n", bad[i]);
		assert_true(rules_read(text, strlen(text), &what) == 3 && what);
		forget_rules();
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_sums),
	cmocka_unit_test(test_errors),
	cmocka_unit_test(test_what_is_no_packet),
	cmocka_unit_test(test_connections),
	cmocka_unit_test(test_rules),
	cmocka_unit_test(test_bad_rules),
};

UNIT_MAIN("firewall", tests)
