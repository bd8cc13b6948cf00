/* SPDX-License-Identifier: ISC */
/*
 * What the tests of netfront share; see sim_net.h.
 */
#include <errno.h>
#include <string.h>

#include "lib/sim_net.h"

struct sim_netback nb;
struct net *net;
unsigned char noise[65536];

void offer_net(void)
{
	memset(&nb, 0, sizeof(nb));
	nb.split = nb.sg = nb.gso = nb.ipv6 = true;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char)sim_random();
}

void open_net(void)
{
	sim_netback_plug(&nb);
	CHECK(net_open("0", &net, SOON) == 0);
}

bool net_is_up(void)
{
	struct net_info info;

	net_info(net, &info);
	return info.up;
}

struct net_stat net_figures(void)
{
	struct net_stat s;

	net_stat(net, &s);
	return s;
}

void close_net(void)
{
	sim_netback_unplug(&nb);
	sim_sleep(100 * MS);
	CHECK(!net_is_up());
}

void start_net(void)
{
	offer_net();
	open_net();
}

/* A backend that will break the rules. */
void start_wrong(void)
{
	start_net();
	nb.wrong = true;
}

void expect_broken(void)
{
	struct net_frame *f;

	CHECK(net_receive(net, &f, 1, clock_deadline(50 * MS)) == -ETIMEDOUT);
	CHECK(!net_is_up());
	f = net_frame_alloc(net, 100, 0);
	CHECK(f && net_send(net, &f, 1, 0) == -ENETDOWN);
	net_frame_free(f);
}

void fill_frame(struct net_frame *f, const unsigned char *from)
{
	for (unsigned i = 0; i < f->pieces; i++) {
		memcpy(f->piece[i].data, from, f->piece[i].size);
		from += f->piece[i].size;
	}
}

bool same_frame(const struct net_frame *f, const unsigned char *as)
{
	for (unsigned i = 0; i < f->pieces; i++) {
		if (memcmp(f->piece[i].data, as, f->piece[i].size))
			return false;
		as += f->piece[i].size;
	}
	return true;
}

int send_frame(uint32_t size, uint64_t deadline)
{
	struct net_frame *f = net_frame_alloc(net, size, 0);
	int rc;

	if (!f)
		return -ENOMEM;
	fill_frame(f, noise);
	if (size > 1514) {
		f->gso = NET_GSO_TCPV4;
		f->gso_size = 1448;
		f->sum = NET_SUM_BLANK;
	}
	rc = net_send(net, &f, 1, deadline);
	if (rc != 1)
		net_frame_free(f);
	return rc;
}

struct net_frame *receive_frame(uint64_t deadline)
{
	struct net_frame *f;

	return net_receive(net, &f, 1, deadline) == 1 ? f : NULL;
}

/* A frame there and one nb, so that all of it works (still, or again). */
void expect_working(void)
{
	uint64_t before = nb.frames;
	struct net_frame *f;

	CHECK(send_frame(700, SOON) == 1);
	sim_sleep(MS);
	CHECK(nb.frames == before + 1 && nb.last_size == 700);
	CHECK(!memcmp(nb.last, noise, 700));
	CHECK(sim_netback_send(&nb, noise + 5, 900, 0, 0));
	f = receive_frame(SOON);
	CHECK(f && f->size == 900 && same_frame(f, noise + 5));
	net_frame_free(f);
}

void drain_net(void)
{
	for (struct net_frame *f; (f = receive_frame(clock_deadline(MS)));)
		net_frame_free(f);
}

uint32_t some_size(void)
{
	if (nb.gso && sim_chance(4))
		return 1515 + (uint32_t)sim_below(NET_FRAME_MAX - 1515);
	return 14 + (uint32_t)sim_below(1500);
}

void leave_in_flight(void)
{
	unsigned n = 1 + (unsigned)sim_below(100);

	nb.holds = true;
	for (unsigned i = 0; i < n; i++)
		CHECK(send_frame(some_size(), SOON) == 1 || i > 10);
	for (unsigned i = 0; i < n; i++)
		sim_netback_send(&nb, noise, 14 + sim_below(60000), 0, 0);
	sim_sleep(sim_below(MS));
	nb.holds = false;
}
