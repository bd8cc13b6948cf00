/* SPDX-License-Identifier: ISC */
/* What the tests of netback share; see sim_client.h. */
#include <errno.h>
#include <string.h>

#include "lib/sim_client.h"

struct sim_netfront cl;
struct net *client;

int client_setup(void **state)
{
	sim_setup(state);
	CHECK(netback_serve(NETBACK_ALL, SOON) == 0);
	return 0;
}

void offer_client(void)
{
	/* its memory stays: a peer's pages are for ever */
	cl.split = cl.sg = cl.gso = cl.ipv6 = true;
	cl.wrong = cl.starve = cl.no_sum = false;
	cl.frames = cl.bytes = cl.lost = cl.okay = cl.errors = cl.dropped = 0;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char)sim_random();
}

void open_client(void)
{
	struct netback_client who;

	sim_netfront_plug(&cl, 7);
	sim_sleep(100 * MS);
	CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "2"));
	sim_netfront_connect(&cl);
	CHECK(netback_accept(&client, &who, SOON) == 0);
	CHECK(who.domid == 7 && who.vif == 0);
	CHECK(!memcmp(who.mac, "\0\x16\x3e\x0a\x0b\x0c", 6));
	sim_sleep(10 * MS);
	CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "4"));
}

void start_client(void)
{
	offer_client();
	open_client();
}

void close_client(void)
{
	struct net_frame *f;

	sim_netfront_unplug(&cl);
	CHECK(net_receive(client, &f, 1, SOON) == -ENODEV);
	netback_close(client);
	client = NULL;
}

bool client_is_up(void)
{
	struct net_info info;

	net_info(client, &info);
	return info.up;
}

uint32_t some_client_size(void)
{
	if (cl.gso && sim_chance(4))
		return 1515 + (uint32_t)sim_below(NET_FRAME_MAX - 1515);
	return 14 + (uint32_t)sim_below(1500);
}

void expect_client_works(uint32_t size)
{
	uint16_t gso = size > 1514 ? 1448 : 0;
	uint64_t before = cl.frames;
	unsigned pieces = cl.sg && size >= 18 ? 1 + (unsigned)sim_below(18) : 1;
	struct net_frame *f;

	CHECK(sim_netfront_send(&cl, noise, size, pieces, 0, gso));
	CHECK(net_receive(client, &f, 1, SOON) == 1);
	CHECK(f->size == size && same_frame(f, noise));
	CHECK(f->gso_size == gso);
	CHECK(net_send(client, &f, 1, SOON) == 1);
	sim_sleep(MS);
	CHECK(cl.frames == before + 1 && cl.last_size == size);
	CHECK(!memcmp(cl.last, noise, size) && cl.last_gso == gso);
}

void expect_client_broken(void)
{
	struct net_frame *f;

	CHECK(net_receive(client, &f, 1, clock_deadline(50 * MS)) ==
	      -ETIMEDOUT);
	CHECK(!client_is_up());
	CHECK(!strcmp(sim_netfront_backend(&cl, "state"), "6"));
	close_client();
	start_client();
	expect_client_works(500);
}
