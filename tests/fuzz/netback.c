/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing a client of the network backend: the input is what it puts on its
 * rings, and what the program does meanwhile, one step after the other. What
 * comes out are frames that can be sent; no step lasts; whatever happened, the
 * client can be taken away, and the next one is served.
 *
 *     step   1 byte: what; then its argument
 *     0      a request: page (1), offset (2), size (2), flags (1)
 *     1      an extra info: type (1), flags (1), GSO size (2), type (1)
 *     2      a slot that is anything: 12 bytes
 *     3      what was put is shown
 *     4      we receive: how many (1), and send back what comes
 *     5      we send: size (2), bit 0: as GSO, bit 1: without a sum (1)
 *     6      an index of a ring: which (1), its value (4)
 *     7      a byte anywhere in a ring: which (1), where (2), value (1)
 *     8      an event
 *     9      pages for what we send: how many (1), bit 7: that it does not
 * grant 10     its driver's state (1)
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/sim_client.h"

struct input {
	const uint8_t *at, *end;
};

static uint32_t number(struct input *in, unsigned bytes)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < bytes; i++)
		n |= in->at < in->end ? (uint32_t)*in->at++ << (8 * i) : 0;
	return n;
}

/* --- what the client does ------------------------------------------------- */

static void put_request(struct input *in)
{
	unsigned page = number(in, 1);
	union sim_client_tx s = {.pad = {0}};

	s.request = (struct netif_tx_request){
		.gref = cl.page_ref[page],
		.offset = (uint16_t)number(in, 2),
		.size = (uint16_t)number(in, 2),
		.flags = (uint16_t)number(in, 1),
		.id = (uint16_t)page,
	};
	sim_netfront_put(&cl, s);
}

static void put_extra(struct input *in)
{
	union sim_client_tx s = {.pad = {0}};

	s.extra.type = (uint8_t)number(in, 1);
	s.extra.flags = (uint8_t)number(in, 1);
	s.extra.u.gso.size = (uint16_t)number(in, 2);
	s.extra.u.gso.type = (uint8_t)number(in, 1);
	sim_netfront_put(&cl, s);
}

static void put_anything(struct input *in)
{
	union sim_client_tx s;

	for (unsigned i = 0; i < sizeof(s); i++)
		s.pad[i] = (unsigned char)number(in, 1);
	sim_netfront_put(&cl, s);
}

static void set_index(struct input *in)
{
	unsigned which = number(in, 1);
	struct ring_page *p = which & 4 ? cl.rx.page : cl.tx.page;
	uint32_t *const index[] = {&p->req_prod, &p->req_event, &p->rsp_prod,
				   &p->rsp_event};

	*index[which & 3] = number(in, 4);
}

static void set_byte(struct input *in)
{
	struct ring_page *p = number(in, 1) & 1 ? cl.rx.page : cl.tx.page;
	unsigned where = number(in, 2) % PAGE_SIZE;

	((unsigned char *)p)[where] = (unsigned char)number(in, 1);
}

/* Its own driver takes no answers: so it posts as if all had been taken. */
static void post(struct input *in)
{
	unsigned n = number(in, 1);
	bool bad = n & 128;

	cl.rx.rsp_cons = cl.rx.req_prod;
	for (n &= 127; n; n--) {
		unsigned i = cl.rx.req_prod % SIM_CLIENT_SLOTS;
		union sim_client_rx s = {
			.request = {.id = (uint16_t)i,
				    .gref = bad ? 5000 : cl.post_ref[i]}};

		ring_front_put(&cl.rx, &s, sizeof(s));
	}
	ring_front_push(&cl.rx);
}

static void set_state(struct input *in)
{
	char text[2] = {(char)('0' + number(in, 1) % 8), '\0'};

	sim_netfront_key(&cl, "state", text);
	sim_sleep(20 * MS);
}

/* --- what we do ----------------------------------------------------------- */

static void receive(struct input *in)
{
	struct net_frame *f[8];
	int n = net_receive(client, f, 1 + number(in, 1) % 8, 0);

	for (int i = 0; i < n; i++) {
		uint32_t sum = 0;

		CHECK(f[i]->pieces && f[i]->pieces <= NET_PIECES);
		for (unsigned k = 0; k < f[i]->pieces; k++) {
			struct net_piece *p = &f[i]->piece[k];

			CHECK(p->size &&
			      ((uintptr_t)p->data & 4095) + p->size <= 4096);
			sum += p->size;
		}
		CHECK(sum == f[i]->size && sum >= 14 && sum <= NET_FRAME_MAX);
		CHECK(f[i]->piece[0].size >= (sum < 256 ? sum : 256));
		if (net_send(client, &f[i], 1, 0) != 1)
			net_frame_free(f[i]);
	}
}

static void send(struct input *in)
{
	struct net_frame *f = net_frame_alloc(client, 1 + number(in, 2), 0);
	unsigned how = number(in, 1);

	if (!f)
		return;
	for (unsigned i = 0; i < f->pieces; i++)
		memset(f->piece[i].data, 0, f->piece[i].size);
	f->gso = how & 1 ? NET_GSO_TCPV4 : NET_GSO_NONE;
	f->gso_size = how & 1 ? 1448 : 0;
	f->sum = how & 2 ? NET_SUM_BLANK : NET_SUM_GOOD;
	if (net_send(client, &f, 1, 0) != 1)
		net_frame_free(f);
}

static void step(struct input *in)
{
	static void (*const steps[])(struct input *) = {
		put_request, put_extra, put_anything, NULL, receive,   send,
		set_index,   set_byte,  NULL,         post, set_state,
	};
	unsigned what = number(in, 1) % (sizeof(steps) / sizeof(*steps));

	if (what == 3)
		sim_netfront_show(&cl);
	else if (what == 8)
		sim_netfront_kick(&cl);
	else
		steps[what](in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = {data, data + n};
	static bool started;

	if (!started)
		client_setup(NULL);
	started = true;
	start_client();
	cl.wrong = true;
	while (in.at < in.end) {
		step(&in);
		if (!(sim_random() & 7))
			sim_sleep(MS);
	}
	close_client();
	if (!(n & 7)) {
		start_client();
		expect_client_works(700);
		close_client();
	}
	return 0;
}
