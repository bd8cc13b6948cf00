/* SPDX-License-Identifier: ISC */
/* A scripted xenstored; see xs_daemon.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/task.h>
#include <fata/xen/xs.h>

#include "lib/sim.h"
#include "lib/xs_daemon.h"
#include "xen/xenstore.h"

struct xs_daemon xsd;

void xsd_flush(void)
{
	struct xenstore_domain_interface *p = xsd.page;
	bool any = false;

	while (xsd.out_first < xsd.out_last &&
	       p->rsp_prod - p->rsp_cons < 1024) {
		p->rsp[p->rsp_prod++ & 1023] = xsd.out[xsd.out_first++];
		any = true;
	}
	if (xsd.out_first == xsd.out_last)
		xsd.out_first = xsd.out_last = 0;
	if (any)
		sim_evtchn_send(SIM_DOM0, xsd.port);
}

void xsd_answer(uint32_t type, uint32_t id, const void *data, size_t n)
{
	struct xsd_sockmsg h = {type, id, 0, n};

	memcpy(xsd.out + xsd.out_last, &h, sizeof(h));
	memcpy(xsd.out + xsd.out_last + sizeof(h), data, n);
	xsd.out_last += sizeof(h) + n;
	if (type != XS_WATCH_EVENT)
		xsd.unanswered--;
	xsd_flush();
}

static void answer_text(const struct xsd_message *m, const char *text)
{
	xsd_answer(m->h.type, m->h.req_id, text, strlen(text) + 1);
}

void xsd_answer_error(const struct xsd_message *m, const char *word)
{
	xsd_answer(XS_ERROR, m->h.req_id, word, strlen(word) + 1);
}

void xsd_fire(const char *path)
{
	char event[96];
	unsigned int i;

	for (i = 0; i < xsd.n_watches; i++) {
		size_t n = strlen(xsd.watch[i].path), size;

		if (strncmp(path, xsd.watch[i].path, n))
			continue;
		size = sprintf(event, "%s", path) + 1;
		size += sprintf(event + size, "%s", xsd.watch[i].token) + 1;
		xsd_answer(XS_WATCH_EVENT, 0, event, size);
	}
}

int xsd_slot(const char *path)
{
	int i;

	for (i = 0; i < PAIRS; i++)
		if (strcmp(xsd.store[i].path, path) == 0)
			return i;
	return -1;
}

void xsd_put(const char *path, const char *value, size_t n)
{
	int i = xsd_slot(path) >= 0 ? xsd_slot(path) : xsd_slot("");

	CHECK(i >= 0);
	strcpy(xsd.store[i].path, path);
	memcpy(xsd.store[i].value, value, n);
	xsd.store[i].size = n;
	xsd_fire(path);
}

static void watch_or_not(const struct xsd_message *m)
{
	const char *token = m->payload + strlen(m->payload) + 1;
	unsigned int i;

	if (m->h.type == XS_WATCH) {
		CHECK(xsd.n_watches < PAIRS);
		strcpy(xsd.watch[xsd.n_watches].path, m->payload);
		strcpy(xsd.watch[xsd.n_watches++].token, token);
		answer_text(m, "OK");
		xsd_fire(m->payload);
		return;
	}
	for (i = 0; i < xsd.n_watches; i++) {
		if (strcmp(xsd.watch[i].token, token))
			continue;
		xsd.watch[i] = xsd.watch[--xsd.n_watches];
		answer_text(m, "OK");
		return;
	}
	xsd_answer_error(m, "ENOENT");
}

static void directory_part(const struct xsd_message *m)
{
	char part[4096];
	size_t at = atoi(m->payload + strlen(m->payload) + 1), n, head;

	if (xsd.moving) {
		xsd.moving--;
		xsd.generation++;
	}
	head = sprintf(part, "%u", xsd.generation) + 1;
	n = xsd.directory_size - at < 3000 ? xsd.directory_size - at : 3000;
	while (at + n < xsd.directory_size && xsd.directory[at + n - 1])
		n--;
	memcpy(part + head, xsd.directory + at, n);
	if (at + n == xsd.directory_size)
		part[head + n++] = 0;
	xsd_answer(m->h.type, m->h.req_id, part, head + n);
}

void xsd_handle(struct xsd_message *m)
{
	int i = xsd_slot(m->payload);

	switch (m->h.type) {
	case XS_READ:
		if (i < 0)
			return xsd_answer_error(m, "ENOENT");
		return xsd_answer(m->h.type, m->h.req_id, xsd.store[i].value,
				  xsd.store[i].size);
	case XS_WRITE:
		xsd_put(m->payload, m->payload + strlen(m->payload) + 1,
			m->h.len - strlen(m->payload) - 1);
		break;
	case XS_RM:
		if (i >= 0)
			xsd.store[i].path[0] = 0;
		xsd_fire(m->payload);
		break;
	case XS_WATCH:
	case XS_UNWATCH:
		return watch_or_not(m);
	case XS_TRANSACTION_START:
		xsd.transactions++;
		return answer_text(m, "77");
	case XS_TRANSACTION_END:
		CHECK(m->h.tx_id == 77);
		xsd.transactions--;
		xsd.ends++;
		if (m->payload[0] == 'T' && xsd.eagain) {
			xsd.eagain--;
			return xsd_answer_error(m, "EAGAIN");
		}
		break;
	case XS_RESET_WATCHES:
		CHECK(xsd.requests == 1); /* later it would end our watches */
		xsd.n_watches = 0;
		break;
	case XS_DIRECTORY:
		if (xsd.directory_size > XENSTORE_PAYLOAD_MAX)
			return xsd_answer_error(m, "E2BIG");
		return xsd_answer(m->h.type, m->h.req_id, xsd.directory,
				  xsd.directory_size);
	case XS_DIRECTORY_PART:
		return directory_part(m);
	case XS_GET_PERMS:
		return xsd_answer(m->h.type, m->h.req_id, "n5\0r0\0b7", 9);
	case XS_SET_PERMS:
		xsd_put("perms", m->payload, m->h.len);
		break;
	case XS_GET_DOMAIN_PATH:
		return answer_text(m, "/local/domain/9");
	case XS_IS_DOMAIN_INTRODUCED:
		return answer_text(m, "T");
	default:
		break;
	}
	answer_text(m, "OK");
}

static void serve(void *arg)
{
	struct xenstore_domain_interface *p = xsd.page;
	char *in = (char *)&xsd.in;

	(void)arg;
	if (p->connection == XENSTORE_RECONNECT) {
		if (xsd.silent)
			return;
		memset(p, 0, 2048 + 16);
		xsd.n_watches = xsd.transactions = xsd.unanswered = 0;
		xsd.have = xsd.out_first = xsd.out_last = 0;
		p->error = 0;
		p->connection = XENSTORE_CONNECTED;
		sim_evtchn_send(SIM_DOM0, xsd.port);
		return;
	}
	while (p->req_cons != p->req_prod) {
		CHECK(xsd.have < sizeof(xsd.in));
		in[xsd.have++] = p->req[p->req_cons++ & 1023];
		if (xsd.have < sizeof(xsd.in.h) ||
		    xsd.have < sizeof(xsd.in.h) + xsd.in.h.len)
			continue;
		xsd.in.payload[xsd.in.h.len] = 0;
		xsd.have = 0;
		xsd.requests++;
		if (++xsd.unanswered > xsd.most)
			xsd.most = xsd.unanswered;
		if (xsd.silent || (xsd.hook && xsd.hook(&xsd.in)))
			continue;
		xsd_handle(&xsd.in);
	}
	sim_evtchn_send(SIM_DOM0, xsd.port);
	xsd_flush();
}

static void ignore(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

/* A watch that is set at once survives the forgetting of an earlier life. */
static void first_start(void)
{
	struct xs_watch *w;

	strcpy(xsd.watch[xsd.n_watches++].path, "left behind");
	CHECK(xs_init(xsd.page, xsd.guest_port) == 0);
	CHECK(xs_watch(&w, "a", ignore, NULL, FATA_FOREVER) == 0);
	sim_sleep(10 * FATA_NS_PER_MS);
	CHECK(xsd.n_watches == 1 && !strcmp(xsd.watch[0].path, "a"));
	xs_unwatch(w);
	sim_sleep(10 * FATA_NS_PER_MS);
}

int xsd_set_up(void **state)
{
	static bool booted;
	uint32_t start = 0xfffffff0 - sim_below(2000);

	(void)state;
	if (!booted) {
		sim_start(1);
		sim_boot(5);
	} else {
		sim_evtchn_close(SIM_DOM0, xsd.port);
		page_free(xsd.page, 0);
	}
	memset(&xsd, 0, sizeof(xsd));
	xsd.page = page_alloc(0);
	xsd.page->req_cons = xsd.page->req_prod = start;
	xsd.page->rsp_cons = xsd.page->rsp_prod = start + 100;
	xsd.guest_port = sim_evtchn_unbound(sim_guest, 0);
	xsd.port = sim_evtchn_bind(SIM_DOM0, sim_guest->id, xsd.guest_port);
	sim_evtchn_on(SIM_DOM0, xsd.port, serve, NULL);
	if (booted)
		CHECK(xs_resume_at(xsd.page, xsd.guest_port) == 0);
	else
		first_start();
	booted = true;
	sim_sleep(10 * FATA_NS_PER_MS);
	return 0;
}

const char *xsd_word;

bool xsd_error_word(struct xsd_message *m)
{
	xsd_answer_error(m, xsd_word);
	return true;
}
