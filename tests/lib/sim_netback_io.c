/* SPDX-License-Identifier: ISC */
/* A network backend's frames, both ways; see sim_netback.h. */
#include <string.h>

#include "lib/sim_netback.h"

/* --- what the guest sends ------------------------------------------------- */

static void answer(struct sim_netback *b, struct sim_netqueue *q,
		   const union sim_net_tx *a)
{
	union sim_net_tx copy = *a;

	if (!b->connected || (b->twist && !b->twist(b, &copy)))
		return;
	ring_back_put(&q->tx, &copy, sizeof(copy));
}

static void answer_later(struct sim_netqueue *q, union sim_net_tx a)
{
	struct sim_netback *b = q->back;

	CHECK(b->opens < SIM_NET_OPEN);
	b->open_queue[b->opens] = (uint8_t)(q - b->q);
	b->open[b->opens++] = a;
}

static void show_tx(struct sim_netqueue *q)
{
	if (ring_back_push(&q->tx) && !q->back->silent)
		sim_evtchn_send(SIM_DOM0, q->tx_port);
}

static void take_data(struct sim_netback *b, const struct netif_tx_request *r,
		      uint32_t size)
{
	int status;
	unsigned char *p =
		sim_grant_map(SIM_DOM0, sim_guest, r->gref, true, &status);

	/* a request may not cross a page (mirage/mirage#234) */
	bool good = p && size && r->offset + size <= PAGE_SIZE &&
		    b->last_size + size <= sizeof(b->last);

	if (!good && b->wrong) {
		if (p)
			sim_grant_unmap(sim_guest, r->gref, true);
		b->lost++;
		return;
	}
	CHECK(good || !p);
	if (!p)
		sim_die("netback: grant %u cannot be mapped: %d", r->gref,
			status);
	memcpy(b->last + b->last_size, p + r->offset, size);
	b->last_size += size;
	if (b->keeps && b->keeps_n < SIM_NET_OPEN)
		b->kept[b->keeps_n++] = r->gref;
	else
		sim_grant_unmap(sim_guest, r->gref, true);
}

static void change_groups(struct sim_netback *b,
			  const struct netif_extra_info *e)
{
	unsigned i = 0;

	CHECK(b->multicast);
	while (i < b->groups && memcmp(b->group[i], e->u.mcast.addr, 6))
		i++;
	if (e->type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD) {
		CHECK(i == b->groups && i < SIM_NET_GROUPS);
		memcpy(b->group[b->groups++], e->u.mcast.addr, 6);
	} else {
		CHECK(i < b->groups);
		memcpy(b->group[i], b->group[--b->groups], 6);
	}
}

bool sim_netback_wants(const struct sim_netback *b, const unsigned char *mac)
{
	if (!sim_netback_number(SIM_NET_FRONT, "request-multicast-control"))
		return true;
	for (unsigned i = 0; i < b->groups; i++)
		if (!memcmp(b->group[i], mac, 6))
			return true;
	return false;
}

/* True: it was about a group, and no frame follows. */
static bool take_extra(struct sim_netqueue *q)
{
	static const unsigned char zero[sizeof(union sim_net_tx)];
	union sim_net_tx s = {.pad = {0}}, null = {.pad = {0}};
	const size_t used = sizeof(struct netif_extra_info);
	struct sim_netback *b = q->back;
	bool there = ring_back_get(&q->tx, &s, sizeof(s)) == 1;
	bool group = s.extra.type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD ||
		     s.extra.type == XEN_NETIF_EXTRA_TYPE_MCAST_DEL;

	if (!there && b->wrong)
		return false;
	CHECK(there && (b->gso || b->wrong || group));
	if (!b->wrong) {
		CHECK(group || s.extra.type == XEN_NETIF_EXTRA_TYPE_GSO);
		CHECK(!s.extra.flags && (group || s.extra.u.gso.size));
		/* nothing of the guest's memory in what is not used */
		CHECK(group || !s.extra.u.gso.pad);
		CHECK(!memcmp(s.pad + used, zero, sizeof(s) - used));
	}
	if (group && b->multicast)
		change_groups(b, &s.extra);
	if (!group)
		b->last_gso = s.extra.u.gso.size;
	null.response.status = NETIF_RSP_NULL;
	answer_later(q, null);
	return group;
}

static bool ring_has(struct sim_netqueue *q)
{
	return ring_back_poll(&q->tx) == 1;
}

static void answer_id(struct sim_netqueue *q, uint16_t id)
{
	union sim_net_tx a = {.pad = {0}};

	a.response.id = id;
	a.response.status = NETIF_RSP_OKAY;
	answer_later(q, a);
}

/* One frame: 1, 0 for none. Its requests lie on the ring together. */
static bool take_frame(struct sim_netqueue *q)
{
	uint32_t sizes[XEN_NETIF_NR_SLOTS_MIN + 1], total, rest = 0;
	struct netif_tx_request r[XEN_NETIF_NR_SLOTS_MIN + 1];
	struct sim_netback *b = q->back;
	union sim_net_tx s;
	unsigned n = 0;

	if (ring_back_get(&q->tx, &s, sizeof(s)) != 1)
		return false;
	b->last_size = b->last_gso = 0;
	b->last_flags = s.request.flags;
	total = s.request.size;
	for (;;) {
		CHECK(n <= XEN_NETIF_NR_SLOTS_MIN);
		r[n] = s.request;
		sizes[n] = s.request.size;
		rest += n ? s.request.size : 0;
		answer_id(q, s.request.id);
		if (n++ == 0 && s.request.flags & NETTXF_extra_info &&
		    take_extra(q))
			return true;
		if (!(r[n - 1].flags & NETTXF_more_data))
			break;
		if (b->wrong && (n > XEN_NETIF_NR_SLOTS_MIN || !ring_has(q)))
			break;
		CHECK(b->sg && ring_back_get(&q->tx, &s, sizeof(s)) == 1);
	}
	CHECK(rest < total || b->wrong);
	sizes[0] = total - rest;
	for (unsigned i = 0; i < n; i++)
		take_data(b, &r[i], sizes[i]);
	q->frames++;
	b->frames++;
	b->bytes += total;
	return true;
}

void sim_netback_let_go(struct sim_netback *b)
{
	while (b->keeps_n)
		sim_grant_unmap(sim_guest, b->kept[--b->keeps_n], true);
}

static void answer_all(struct sim_netback *b)
{
	for (unsigned i = 0; i < b->opens; i++)
		answer(b, &b->q[b->open_queue[i]], &b->open[i]);
	b->opens = 0;
	if (!b->keeps)
		sim_netback_let_go(b);
	for (unsigned i = 0; b->connected && i < b->queues; i++)
		show_tx(&b->q[i]);
}

void sim_netback_serve(void *arg)
{
	struct sim_netqueue *q = arg;
	struct sim_netback *b = q->back;

	do {
		uint64_t before = b->frames;

		while (b->connected && b->opens <= SIM_NET_OPEN / 2 &&
		       take_frame(q)) {
			if (b->loops && b->frames != before &&
			    !sim_netback_send_by(q, b->last, b->last_size, 0,
						 0))
				b->lost++;
			if (!b->holds)
				answer_all(b);
			before = b->frames;
		}
	} while (b->connected && b->opens <= SIM_NET_OPEN / 2 &&
		 ring_back_arm(&q->tx) == 1);
}

void sim_netback_serve_all(void *arg)
{
	struct sim_netback *b = arg;

	for (unsigned i = 0; b->connected && i < b->queues; i++)
		sim_netback_serve(&b->q[i]);
}

void sim_netback_go(struct sim_netback *b)
{
	answer_all(b);
	if (b->connected)
		sim_after(0, sim_netback_serve_all, b);
}

/* --- what the guest gets -------------------------------------------------- */

static bool next_page(struct sim_netqueue *q, union sim_net_rx *request)
{
	return q->back->connected &&
	       ring_back_get(&q->rx, request, sizeof(*request)) == 1;
}

bool sim_netback_page(struct sim_netback *b, union sim_net_rx *request)
{
	return next_page(&b->q[0], request);
}

void sim_netback_fill(struct sim_netback *b, const union sim_net_rx *request,
		      const void *data, uint32_t offset, uint32_t size)
{
	unsigned char *p = sim_grant_map(SIM_DOM0, sim_guest,
					 request->request.gref, false, NULL);

	if (!p && b->wrong)
		return;
	CHECK(p && offset + size <= PAGE_SIZE);
	memcpy(p + offset, data, size);
	sim_grant_unmap(sim_guest, request->request.gref, false);
}

void sim_netback_answer(struct sim_netback *b, union sim_net_rx a)
{
	ring_back_put(&b->rx, &a, sizeof(a));
}

static void show_rx(struct sim_netqueue *q)
{
	if (ring_back_push(&q->rx) && !q->back->silent)
		sim_evtchn_send(SIM_DOM0, q->rx_port);
}

void sim_netback_show(struct sim_netback *b)
{
	show_rx(&b->q[0]);
}

/* Pages that the guest has posted and that were not used yet. */
static uint32_t posted(const struct sim_netqueue *q)
{
	return ring_load(&q->rx.page->req_prod) - q->rx.req_cons;
}

static void send_gso(struct sim_netqueue *q, uint16_t gso_size)
{
	union sim_net_rx request, a;

	memset(&a, 0, sizeof(a));
	CHECK(next_page(q, &request));
	a.extra.type = XEN_NETIF_EXTRA_TYPE_GSO;
	a.extra.u.gso.size = gso_size;
	a.extra.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	ring_back_put(&q->rx, &a, sizeof(a));
}

bool sim_netback_send_by(struct sim_netqueue *q, const void *frame,
			 uint32_t size, uint16_t flags, uint16_t gso_size)
{
	struct sim_netback *b = q->back;
	const unsigned char *p = frame;
	uint32_t pages, at = 0;

	if (!b->connected)
		return false;
	pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	if (posted(q) < pages + !!gso_size)
		return false;
	while (at < size) {
		uint32_t n = PAGE_SIZE;
		union sim_net_rx request, a = {.response = {.offset = 0}};

		n = size - at < n ? size - at : n;
		if (!next_page(q, &request)) {
			CHECK(b->wrong);
			break;
		}
		sim_netback_fill(b, &request, p + at, 0, n);
		a.response.id = request.request.id;
		a.response.status = (int16_t)n;
		a.response.flags = at ? 0 : flags;
		if (!at && gso_size)
			a.response.flags |= NETRXF_extra_info;
		if (at + n < size)
			a.response.flags |= NETRXF_more_data;
		ring_back_put(&q->rx, &a, sizeof(a));
		if (!at && gso_size)
			send_gso(q, gso_size);
		at += n;
	}
	show_rx(q);
	return true;
}

bool sim_netback_send(struct sim_netback *b, const void *frame, uint32_t size,
		      uint16_t flags, uint16_t gso_size)
{
	return sim_netback_send_by(&b->q[0], frame, size, flags, gso_size);
}

void sim_netback_kick(struct sim_netback *b)
{
	for (unsigned i = 0; b->connected && i < b->queues; i++) {
		sim_evtchn_send(SIM_DOM0, b->q[i].rx_port);
		sim_evtchn_send(SIM_DOM0, b->q[i].tx_port);
	}
}
