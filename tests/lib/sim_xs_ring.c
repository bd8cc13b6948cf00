/* SPDX-License-Identifier: ISC */
/*
 * The simulated xenstored's connections: the ring of each guest, read and
 * written bytewise, a message at a time, some time after each signal.
 *
 * Hostility is here too: faults that a test turns on change what is sent. The
 * guest's own mistakes (illegal indices, too long a message) end the
 * connection, with the page's error field set, until the guest reconnects.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sim_xenstore.h"

#define RING  XENSTORE_RING_SIZE
#define START 0xffffff00u

struct message {
	struct message *next;
	size_t size, sent;
	unsigned char bytes[];
};

struct sim_xs_ring {
	struct xenstore_domain_interface *page;
	struct sim_domain *domain;
	uint32_t port; /* dom0's */
	uint32_t guest_port;
	uint32_t req_cons, rsp_prod;
	/* the request that is being read */
	unsigned char in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX + 1];
	size_t got;
	struct message *first, **last;
	bool dead, scheduled;
};

static unsigned int fault[SIM_XS_FAULTS];

void sim_xs_fault(enum sim_xs_fault f, unsigned int chance)
{
	fault[f] = chance;
}

/* --- out ------------------------------------------------------------------ */

static void queue(struct sim_xs_ring *r, uint32_t type, uint32_t req_id,
		  uint32_t tx_id, const void *p, size_t n)
{
	struct message *m = malloc(sizeof(*m) + sizeof(struct xsd_sockmsg) + n);
	struct xsd_sockmsg h = {
		.type = type, .req_id = req_id, .tx_id = tx_id, .len = n};

	if (!m)
		sim_die("no memory for xenstore");
	if (sim_chance(fault[SIM_XS_REQ_ID]))
		h.req_id = sim_random();
	if (sim_chance(fault[SIM_XS_TYPE]))
		h.type = sim_below(XS_TYPE_COUNT + 2);
	if (sim_chance(fault[SIM_XS_LENGTH]))
		h.len = 4097 + sim_below(UINT32_MAX - 4097);
	m->next = NULL;
	m->size = sizeof(h) + n;
	m->sent = 0;
	memcpy(m->bytes, &h, sizeof(h));
	memcpy(m->bytes + sizeof(h), p, n);
	*r->last = m;
	r->last = &m->next;
}

void sim_xs_event(struct sim_domain *d, const char *path, const char *token)
{
	char p[XENSTORE_PAYLOAD_MAX + 2];
	size_t a = strlen(path) + 1, b = strlen(token) + 1;

	if (!d->xs || a + b > XENSTORE_PAYLOAD_MAX)
		return;
	memcpy(p, path, a);
	memcpy(p + a, token, b);
	if (sim_chance(fault[SIM_XS_GARBAGE]))
		for (unsigned int i = 0; i < 3; i++)
			p[sim_below(a + b)] = sim_random();
	queue(d->xs, XS_WATCH_EVENT, 0, 0, p, a + b);
	sim_evtchn_raise(SIM_DOM0, d->xs->port);
}

static void forget_messages(struct sim_xs_ring *r)
{
	while (r->first) {
		struct message *m = r->first;

		r->first = m->next;
		free(m);
	}
	r->last = &r->first;
}

/* Write what fits; true when something was written. */
static bool write_out(struct sim_xs_ring *r)
{
	bool wrote = false;
	struct message *m;

	while ((m = r->first)) {
		uint32_t used = r->rsp_prod - r->page->rsp_cons;

		if (used > RING) {
			r->dead = true;
			r->page->error = XENSTORE_ERROR_RINGIDX;
			break;
		}
		while (used < RING && m->sent < m->size) {
			r->page->rsp[r->rsp_prod++ % RING] =
				m->bytes[m->sent++];
			used++;
			wrote = true;
		}
		r->page->rsp_prod = r->rsp_prod;
		if (m->sent < m->size)
			break;
		r->first = m->next;
		if (!r->first)
			r->last = &r->first;
		free(m);
	}
	if (wrote && sim_chance(fault[SIM_XS_INDEX]))
		r->page->rsp_prod = sim_random();
	return wrote;
}

/* --- in ------------------------------------------------------------------- */

static const char *error_name(int error)
{
	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (xsd_errors[i].errnum == error)
			return xsd_errors[i].errstring;
	return "EINVAL";
}

static void answer(struct sim_xs_ring *r)
{
	static const int errors[] = {EAGAIN, ENOSPC, EACCES, ENOMEM, EIO};
	static char out[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg h;
	char *p = (char *)r->in + sizeof(h);
	const char *name;
	size_t len = 0;
	int rc;

	memcpy(&h, r->in, sizeof(h));
	p[h.len] = 0;
	if (!sim_fails(SIM_FAIL_REPLY)) {
		rc = sim_xs_request(r->domain, &h, p, out, &len);
	} else {
		rc = errors[sim_below(5)];
		/* whatever it says, the end of a thing is its end */
		if (h.type == XS_TRANSACTION_END)
			p[0] = 'F';
		if (h.type == XS_TRANSACTION_END || h.type == XS_UNWATCH)
			sim_xs_request(r->domain, &h, p, out, &len);
	}
	if (sim_chance(fault[SIM_XS_LOSE]))
		return;
	name = error_name(rc);
	if (rc)
		queue(r, XS_ERROR, h.req_id, h.tx_id, name, strlen(name) + 1);
	else
		queue(r, h.type, h.req_id, h.tx_id, out, len);
	if (!rc && sim_chance(fault[SIM_XS_TWICE]))
		queue(r, h.type, h.req_id, h.tx_id, out, len);
	/* a watch fires once when it is set */
	if (!rc && h.type == XS_WATCH)
		sim_xs_event(r->domain, p, p + strlen(p) + 1);
}

static void die(struct sim_xs_ring *r, uint32_t error)
{
	r->dead = true;
	r->page->error = error;
}

/* Read what there is of one message; true when it is whole. */
static bool read_in(struct sim_xs_ring *r)
{
	struct xsd_sockmsg h;
	uint32_t prod = r->page->req_prod;
	size_t want = sizeof(h);

	if (prod - r->req_cons > RING) {
		die(r, XENSTORE_ERROR_RINGIDX);
		return false;
	}
	while (r->req_cons != prod) {
		r->in[r->got++] = r->page->req[r->req_cons++ % RING];
		r->page->req_cons = r->req_cons;
		if (r->got >= sizeof(h)) {
			memcpy(&h, r->in, sizeof(h));
			if (h.len > XENSTORE_PAYLOAD_MAX) {
				die(r, XENSTORE_ERROR_PROTO);
				return false;
			}
			want = sizeof(h) + h.len;
		}
		if (r->got == want)
			return true;
	}
	return false;
}

/* --- turns ---------------------------------------------------------------- */

static void reset(struct sim_xs_ring *r)
{
	forget_messages(r);
	sim_xs_drop(r->domain);
	r->got = 0;
	r->dead = false;
}

/* The guest asks for a fresh start. */
static void reconnect(struct sim_xs_ring *r)
{
	reset(r);
	r->page->req_cons = r->page->req_prod = 0;
	r->page->rsp_cons = r->page->rsp_prod = 0;
	r->req_cons = r->rsp_prod = 0;
	r->page->error = XENSTORE_ERROR_NONE;
	r->page->connection = XENSTORE_CONNECTED;
	sim_evtchn_send(SIM_DOM0, r->port);
}

static void on_signal(void *arg);

static void turn(void *arg)
{
	struct sim_xs_ring *r = arg;
	bool whole, wrote;

	r->scheduled = false;
	if (sim.xenstore->paused)
		return;
	if (r->page->connection == XENSTORE_RECONNECT) {
		reconnect(r);
		return;
	}
	if (r->dead)
		return;
	whole = read_in(r);
	if (whole) {
		r->got = 0;
		answer(r);
	}
	wrote = write_out(r);
	if (whole || wrote)
		sim_evtchn_send(SIM_DOM0, r->port);
	if (whole)
		on_signal(r);
}

static void on_signal(void *arg)
{
	struct sim_xs_ring *r = arg;

	if (r->scheduled)
		return;
	r->scheduled = true;
	sim_after(2 * FATA_NS_PER_US + sim_below(30 * FATA_NS_PER_US), turn, r);
}

void sim_xs_pause(bool paused)
{
	sim.xenstore->paused = paused;
	for (struct sim_domain *d = sim.domains; d; d = d->next)
		if (d->xs && !paused)
			on_signal(d->xs);
}

void sim_xs_restart(void)
{
	for (struct sim_domain *d = sim.domains; d; d = d->next) {
		if (!d->xs)
			continue;
		reset(d->xs);
		die(d->xs, XENSTORE_ERROR_COMM);
		sim_evtchn_send(SIM_DOM0, d->xs->port);
	}
}

struct xenstore_domain_interface *sim_xs_page(struct sim_domain *d)
{
	return d->xs->page;
}

uint32_t sim_xs_port(struct sim_domain *d)
{
	return d->xs->guest_port;
}

/*
 * A new ring for the guest: at its first introduction, and after a resume (the
 * same page, a new port).
 */
void sim_xs_introduce(struct sim_domain *d)
{
	struct sim_xs_ring *r = d->xs;
	int port = sim_evtchn_unbound(d, 0);

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			sim_die("no memory for xenstore");
		r->domain = d;
		r->page = sim_pages(d, 1);
		r->last = &r->first;
		d->xs = r;
	}
	reset(r);
	memset(r->page, 0, sizeof(*r->page));
	r->page->req_cons = r->page->req_prod = START;
	r->page->rsp_cons = r->page->rsp_prod = START;
	r->page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION |
				   XENSTORE_SERVER_FEATURE_ERROR;
	r->req_cons = r->rsp_prod = START;
	r->guest_port = port;
	r->port = sim_evtchn_bind(SIM_DOM0, d->id, port);
	sim_evtchn_on(SIM_DOM0, r->port, on_signal, r);
	d->hvm_params[HVM_PARAM_STORE_EVTCHN] = port;
	d->hvm_params[HVM_PARAM_STORE_PFN] = (uintptr_t)r->page >> PAGE_SHIFT;
}
