/* SPDX-License-Identifier: ISC */
/*
 * dom0's end of vchans; see sim_vchan.h. The layout is that of
 * xen/include/public/io/libxenvchan.h: the client writes left, the server
 * right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/libxenvchan.h>

#include "lib/sim.h"
#include "lib/sim_vchan.h"

#define TRIES 10000 /* of a millisecond */

static void number(struct sim_vchan *v, const char *name, uint32_t n)
{
	static const char *const perms[] = {"n0", "r5"};
	char path[128], text[16];

	CHECK(sim_guest->id == 5);
	snprintf(path, sizeof(path), "%s/%s", v->folder, name);
	snprintf(text, sizeof(text), "%u", n);
	sim_xs_write(path, text);
	sim_xs_perms(path, perms, 2);
}

static void tell(struct sim_vchan *v)
{
	sim_evtchn_send(SIM_DOM0, (uint32_t)v->port);
}

void sim_vchan_serve(struct sim_vchan *v, unsigned port)
{
	unsigned char *p = sim_pages(SIM_DOM0, 1);

	*v = (struct sim_vchan){.server = true, .refs = 1};
	v->shared = (void *)p;
	v->shared->left_order = 10;
	v->shared->right_order = 11;
	v->shared->srv_live = 1;
	v->shared->cli_live = 2;
	v->shared->cli_notify = v->shared->srv_notify = 3;
	v->in = (struct sim_vchan_ring){
		&v->shared->left.prod, &v->shared->left.cons, {p + 1024}, 1024};
	v->out = (struct sim_vchan_ring){&v->shared->right.prod,
					 &v->shared->right.cons,
					 {p + 2048},
					 2048};
	v->ref[0] = sim_grant_offer(SIM_DOM0, sim_guest->id, p, false);
	v->port = sim_evtchn_unbound(SIM_DOM0, sim_guest->id);
	snprintf(v->folder, sizeof(v->folder),
		 "/local/domain/0/data/vchan/%u/%u", sim_guest->id, port);
	number(v, "event-channel", (uint32_t)v->port);
	number(v, "ring-ref", v->ref[0]);
}

static void *map(struct sim_vchan *v, uint32_t ref)
{
	int status;
	void *p = sim_grant_map(SIM_DOM0, sim_guest, ref, false, &status);

	if (p)
		v->ref[v->refs++] = ref;
	return p;
}

static bool map_ring(struct sim_vchan *v, struct sim_vchan_ring *r,
		     unsigned order, unsigned first)
{
	r->size = 1u << order;
	if (order < 12) {
		r->page[0] = (unsigned char *)v->shared + r->size;
		return true;
	}
	for (unsigned i = 0; i < r->size / 4096; i++) {
		r->page[i] = map(v, v->shared->grants[first + i]);
		if (!r->page[i])
			return false;
	}
	return true;
}

static uint32_t read_number(struct sim_vchan *v, const char *name)
{
	char path[128];
	const char *text;

	snprintf(path, sizeof(path), "%s/%s", v->folder, name);
	text = sim_xs_read(path);
	return text ? (uint32_t)atoi(text) : 0;
}

bool sim_vchan_connect(struct sim_vchan *v, unsigned port)
{
	unsigned left;
	uint32_t ref;

	*v = (struct sim_vchan){.server = false};
	snprintf(v->folder, sizeof(v->folder),
		 "/local/domain/%u/data/vchan/0/%u", sim_guest->id, port);
	/* what a failure has left there is written anew */
	for (int i = 0; i < TRIES && !v->shared; i++) {
		ref = read_number(v, "ring-ref");
		if (ref)
			v->shared = map(v, ref);
		if (!v->shared)
			sim_sleep(FATA_NS_PER_MS);
	}
	if (!v->shared)
		return false;
	left = v->shared->left_order;
	CHECK(map_ring(v, &v->out, left, 0));
	CHECK(map_ring(v, &v->in, v->shared->right_order,
		       left < 12 ? 0 : 1u << (left - 12)));
	v->out.prod = &v->shared->left.prod;
	v->out.cons = &v->shared->left.cons;
	v->in.prod = &v->shared->right.prod;
	v->in.cons = &v->shared->right.cons;
	v->port = sim_evtchn_bind(SIM_DOM0, sim_guest->id,
				  read_number(v, "event-channel"));
	CHECK(v->port > 0);
	v->shared->cli_live = 1;
	tell(v);
	return true;
}

void sim_vchan_close(struct sim_vchan *v)
{
	if (!v->shared)
		return;
	if (v->server) {
		v->shared->srv_live = 0;
		sim_xs_rm(v->folder);
		tell(v);
		for (int i = 0;
		     i < TRIES && sim_grant_withdraw(SIM_DOM0, v->ref[0]); i++)
			sim_sleep(FATA_NS_PER_MS);
	} else {
		v->shared->cli_live = 0;
		tell(v);
		for (unsigned i = 0; i < v->refs; i++)
			sim_grant_unmap(sim_guest, v->ref[i], false);
	}
	sim_evtchn_close(SIM_DOM0, (uint32_t)v->port);
	v->shared = NULL;
}

static uint8_t theirs(struct sim_vchan *v)
{
	return v->server ? v->shared->cli_live : v->shared->srv_live;
}

bool sim_vchan_get(struct sim_vchan *v, void *data, size_t n)
{
	struct sim_vchan_ring *r = &v->in;
	unsigned char *to = data;

	for (int i = 0; n && i < TRIES; i++) {
		bool gone = theirs(v) == 0;

		while (n && *r->cons != *r->prod) {
			uint32_t at = (*r->cons)++ & (r->size - 1);

			*to++ = r->page[at >> 12][at & 4095];
			n--;
			i = 0;
		}
		tell(v);
		if (n && gone)
			return false;
		if (n)
			sim_sleep(FATA_NS_PER_MS);
	}
	return !n;
}

bool sim_vchan_put(struct sim_vchan *v, const void *data, size_t n)
{
	struct sim_vchan_ring *r = &v->out;
	const unsigned char *from = data;

	for (int i = 0; n && i < TRIES; i++) {
		while (n && *r->prod - *r->cons < r->size) {
			uint32_t at = *r->prod & (r->size - 1);

			r->page[at >> 12][at & 4095] = *from++;
			++*r->prod;
			n--;
			i = 0;
		}
		tell(v);
		if (n && theirs(v) == 0)
			return false;
		if (n)
			sim_sleep(FATA_NS_PER_MS);
	}
	return !n;
}

bool sim_vchan_met(struct sim_vchan *v)
{
	for (int i = 0; i < TRIES && theirs(v) != 1; i++)
		sim_sleep(FATA_NS_PER_MS);
	return theirs(v) == 1;
}

bool sim_vchan_left(struct sim_vchan *v)
{
	for (int i = 0; i < TRIES && theirs(v) != 0; i++)
		sim_sleep(FATA_NS_PER_MS);
	return theirs(v) == 0;
}
