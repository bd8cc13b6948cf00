/* SPDX-License-Identifier: ISC */
/* A network frontend of a client domain; see sim_netfront.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/xen/xenbus.h>

#include "lib/sim_netfront.h"

#define ID_BASE 1000 /* an id is a number of the frontend's own */

/* --- xenstore ------------------------------------------------------------- */

static void path_of(char *path, size_t n, const struct sim_netfront *f,
		    bool back, const char *key)
{
	if (back)
		snprintf(path, n, "/local/domain/5/backend/vif/%u/0%s%s",
			 f->domid, *key ? "/" : "", key);
	else
		snprintf(path, n, "/local/domain/%u/device/vif/0%s%s", f->domid,
			 *key ? "/" : "", key);
}

void sim_netfront_key(struct sim_netfront *f, const char *key,
		      const char *value)
{
	char path[128];

	path_of(path, sizeof(path), f, false, key);
	sim_xs_write(path, value);
}

void sim_netfront_toolstack(struct sim_netfront *f, const char *key,
			    const char *value)
{
	char path[128];

	path_of(path, sizeof(path), f, true, key);
	sim_xs_write(path, value);
}

const char *sim_netfront_backend(struct sim_netfront *f, const char *key)
{
	char path[128];

	path_of(path, sizeof(path), f, true, key);
	return sim_xs_read(path);
}

static void number(struct sim_netfront *f, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	sim_netfront_key(f, key, text);
}

/* --- memory ----------------------------------------------------------------
 */

static void make_pages(struct sim_netfront *f)
{
	f->domain = sim_domain(f->domid);
	if (!f->domain)
		f->domain = sim_domain_new(f->domid, false);
	for (unsigned i = 0; i < 2; i++)
		f->ring_page[i] = sim_pages(f->domain, 1);
	for (unsigned i = 0; i < SIM_CLIENT_PAGES; i++) {
		f->page[i] = sim_pages(f->domain, 1);
		f->page_ref[i] =
			sim_grant_offer(f->domain, 5, f->page[i], true);
	}
	for (unsigned i = 0; i < SIM_CLIENT_SLOTS; i++) {
		f->post[i] = sim_pages(f->domain, 1);
		f->post_ref[i] =
			sim_grant_offer(f->domain, 5, f->post[i], false);
	}
}

/* --- connecting ----------------------------------------------------------- */

void sim_netfront_plug(struct sim_netfront *f, uint16_t domid)
{
	char path[128], id[8], front[128], own[8];

	f->domid = domid;
	if (!f->domain || f->domain != sim_domain(domid))
		make_pages(f);
	snprintf(id, sizeof(id), "%u", domid);
	snprintf(own, sizeof(own), "n%u", domid);
	path_of(front, sizeof(front), f, false, "");
	sim_xs_write(front, "");
	sim_xs_perms(front, (const char *[]){own, "r5"}, 2);
	sim_netfront_key(f, "backend-id", "5");
	sim_netfront_key(f, "state", "1");
	own[0] = 'r';
	path_of(path, sizeof(path), f, true, "");
	sim_xs_write(path, "");
	sim_xs_perms(path, (const char *[]){"n5", own}, 2);
	sim_netfront_key(f, "backend", path);
	sim_netfront_toolstack(f, "frontend-id", id);
	sim_netfront_toolstack(f, "online", "1");
	sim_netfront_toolstack(f, "mac", "00:16:3e:0a:0b:0c");
	sim_netfront_toolstack(f, "ip", "10.0.0.7");
	sim_netfront_toolstack(f, "state", "1");
	sim_netfront_toolstack(f, "frontend", front);
}

static void fresh_ring(struct sim_netfront *f, unsigned i, struct ring_front *r,
		       size_t slot)
{
	memset(f->ring_page[i], 0, PAGE_SIZE);
	f->ring_ref[i] = sim_grant_offer(f->domain, 5, f->ring_page[i], false);
	ring_front_init(r, f->ring_page[i], PAGE_SIZE, slot, RING_START);
}

static void post_pages(struct sim_netfront *f)
{
	while (!f->starve && ring_front_free(&f->rx)) {
		unsigned i = f->rx.req_prod % SIM_CLIENT_SLOTS;
		union sim_client_rx s = {
			.request = {.id = (uint16_t)(ID_BASE + i),
				    .gref = f->post_ref[i]}};

		ring_front_put(&f->rx, &s, sizeof(s));
	}
	if (ring_front_push(&f->rx))
		sim_evtchn_send(f->domain, f->port[f->split]);
}

void sim_netfront_connect(struct sim_netfront *f)
{
	fresh_ring(f, 0, &f->tx, sizeof(union sim_client_tx));
	fresh_ring(f, 1, &f->rx, sizeof(union sim_client_rx));
	for (unsigned i = 0; i < 1u + f->split; i++) {
		f->port[i] = (uint32_t)sim_evtchn_unbound(f->domain, 5);
		sim_evtchn_on(f->domain, f->port[i], sim_netfront_serve, f);
	}
	f->connected = true;
	f->next_page = 0;
	post_pages(f);
	number(f, "tx-ring-ref", f->ring_ref[0]);
	number(f, "rx-ring-ref", f->ring_ref[1]);
	if (f->split) {
		number(f, "event-channel-tx", f->port[0]);
		number(f, "event-channel-rx", f->port[1]);
	} else {
		number(f, "event-channel", f->port[0]);
	}
	sim_netfront_key(f, "request-rx-copy", "1");
	sim_netfront_key(f, "feature-rx-notify", "1");
	number(f, "feature-sg", f->sg);
	number(f, "feature-gso-tcpv4", f->gso);
	number(f, "feature-gso-tcpv6", f->gso && f->ipv6);
	number(f, "feature-ipv6-csum-offload", f->ipv6);
	number(f, "feature-no-csum-offload", f->no_sum);
	sim_netfront_key(f, "state", "4");
}

/* Its driver's memory goes: the backend must have let go of the rings. */
static void forget(struct sim_netfront *f)
{
	sim_forget(f);
	if (!f->connected)
		return;
	f->connected = false;
	for (unsigned i = 0; i < 1u + f->split; i++)
		sim_evtchn_close(f->domain, f->port[i]);
	for (unsigned i = 0; i < 2; i++)
		CHECK(sim_grant_withdraw(f->domain, f->ring_ref[i]) == 0);
}

void sim_netfront_close(struct sim_netfront *f)
{
	sim_netfront_key(f, "state", "5");
	sim_sleep(50 * FATA_NS_PER_MS);
	sim_netfront_key(f, "state", "6");
	sim_sleep(50 * FATA_NS_PER_MS);
	forget(f);
}

void sim_netfront_unplug(struct sim_netfront *f)
{
	char path[128];

	path_of(path, sizeof(path), f, false, "");
	sim_xs_rm(path);
	path_of(path, sizeof(path), f, true, "");
	sim_xs_rm(path);
	sim_sleep(100 * FATA_NS_PER_MS);
	forget(f);
}

/* --- sending -------------------------------------------------------------- */

void sim_netfront_put(struct sim_netfront *f, union sim_client_tx slot)
{
	ring_front_put(&f->tx, &slot, sizeof(slot));
}

void sim_netfront_show(struct sim_netfront *f)
{
	if (ring_front_push(&f->tx))
		sim_evtchn_send(f->domain, f->port[0]);
}

static void put_gso(struct sim_netfront *f, uint16_t size)
{
	union sim_client_tx s = {.pad = {0}};

	s.extra.type = XEN_NETIF_EXTRA_TYPE_GSO;
	s.extra.u.gso.size = size;
	s.extra.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	sim_netfront_put(f, s);
}

/* The size of a piece, so that the rest still fits into those that are left. */
static uint32_t cut(uint32_t left, unsigned pieces)
{
	uint32_t least = left > (pieces - 1) * PAGE_SIZE
				 ? left - (pieces - 1) * PAGE_SIZE
				 : 1;
	uint32_t most = left < PAGE_SIZE ? left : PAGE_SIZE;

	if (left >= pieces && most > left - (pieces - 1))
		most = left - (pieces - 1);
	if (pieces == 1)
		return left;
	return least + (uint32_t)sim_below(most - least + 1);
}

bool sim_netfront_send(struct sim_netfront *f, const void *frame, uint32_t size,
		       unsigned pieces, uint16_t flags, uint16_t gso_size)
{
	const unsigned char *p = frame;
	uint32_t left = size;

	if (pieces < (size + PAGE_SIZE - 1) / PAGE_SIZE)
		pieces = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	if (ring_front_free(&f->tx) < pieces + 1)
		return false;
	for (unsigned i = 0; i < pieces; i++) {
		unsigned k = f->next_page++ % SIM_CLIENT_PAGES;
		uint32_t n = cut(left, pieces - i);
		uint32_t at = (uint32_t)sim_below(PAGE_SIZE - n + 1);
		union sim_client_tx s = {.pad = {0}};

		memcpy(f->page[k] + at, p, n);
		p += n;
		left -= n;
		s.request = (struct netif_tx_request){
			.gref = f->page_ref[k],
			.offset = (uint16_t)at,
			.id = (uint16_t)(ID_BASE + k),
			.size = (uint16_t)(i ? n : size),
			.flags = left ? NETTXF_more_data : 0,
		};
		if (!i)
			s.request.flags |= flags;
		if (!i && gso_size)
			s.request.flags |= NETTXF_extra_info;
		sim_netfront_put(f, s);
		if (!i && gso_size)
			put_gso(f, gso_size);
	}
	sim_netfront_show(f);
	return true;
}

/* --- receiving ------------------------------------------------------------ */

static void take_answers(struct sim_netfront *f)
{
	union sim_client_tx s;

	while (ring_front_get(&f->tx, &s, sizeof(s.response)) == 1) {
		int16_t status = s.response.status;

		f->okay += status == NETIF_RSP_OKAY;
		f->errors += status == NETIF_RSP_ERROR;
		f->dropped += status == NETIF_RSP_DROPPED;
		CHECK(f->wrong || status == NETIF_RSP_NULL ||
		      (s.response.id >= ID_BASE &&
		       s.response.id < ID_BASE + SIM_CLIENT_PAGES));
	}
}

/* The next response and the page of its slot. */
static bool next(struct sim_netfront *f, union sim_client_rx *s,
		 unsigned char **page)
{
	unsigned i = f->rx.rsp_cons % SIM_CLIENT_SLOTS;

	if (ring_front_get(&f->rx, s, sizeof(*s)) != 1)
		return false;
	*page = f->post[i];
	return true;
}

static void take_frame(struct sim_netfront *f, union sim_client_rx s,
		       unsigned char *page)
{
	bool first = true, lost = false;
	uint16_t flags;

	f->last_size = f->last_gso = 0;
	f->last_flags = s.response.flags;
	do {
		flags = s.response.flags;
		if (s.response.status < 0) {
			lost = true;
		} else {
			uint32_t n = (uint32_t)s.response.status;

			CHECK(n && s.response.offset + n <= PAGE_SIZE);
			CHECK(f->last_size + n <= 65535);
			memcpy(f->last + f->last_size, page + s.response.offset,
			       n);
			f->last_size += n;
		}
		if (first && flags & NETRXF_extra_info) {
			CHECK(f->gso && next(f, &s, &page));
			CHECK(s.extra.type == XEN_NETIF_EXTRA_TYPE_GSO);
			CHECK(!s.extra.flags && s.extra.u.gso.size);
			f->last_gso = s.extra.u.gso.size;
		}
		first = false;
		if (!(flags & NETRXF_more_data))
			break;
		CHECK(f->sg && next(f, &s, &page));
	} while (true);
	f->lost += lost;
	f->frames += !lost;
	f->bytes += lost ? 0 : f->last_size;
}

void sim_netfront_serve(void *arg)
{
	struct sim_netfront *f = arg;
	union sim_client_rx s;
	unsigned char *page;

	if (!f->connected)
		return;
	do {
		take_answers(f);
		while (!f->wrong && next(f, &s, &page))
			take_frame(f, s, page);
		post_pages(f);
	} while (ring_front_arm(&f->tx) == 1 ||
		 (!f->wrong && ring_front_arm(&f->rx) == 1));
}

void sim_netfront_kick(struct sim_netfront *f)
{
	for (unsigned i = 0; f->connected && i < 1u + f->split; i++)
		sim_evtchn_send(f->domain, f->port[i]);
}
