/* SPDX-License-Identifier: ISC */
/* A shared folder's backend; see sim_p9back.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/xen/xenbus.h>
#include <xen/io/9pfs.h>

#include "lib/sim_p9back.h"

static struct sim_p9back *back; /* the one that is plugged in */

/* --- xenstore ------------------------------------------------------------- */

void sim_p9back_key(const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), SIM_P9_BACK "/%s", key);
	sim_xs_write(path, value);
}

static void key_number(const char *key, unsigned n)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", n);
	sim_p9back_key(key, value);
}

static uint32_t number(const char *directory, const char *key, unsigned i)
{
	char path[128];
	const char *value;
	size_t n = (size_t)snprintf(path, sizeof(path), "%s/", directory);

	snprintf(path + n, sizeof(path) - n, key, i);
	value = sim_xs_read(path);
	return value ? (uint32_t)strtoul(value, NULL, 10) : 0;
}

/* --- requests ------------------------------------------------------------- */

static void serve(void *ring);

/* Send what was answered, and look for more. */
static void answer(void *ring)
{
	struct sim_p9_ring *q = ring;
	struct sim_p9back *b = q->back;
	size_t n = q->size;
	bool sent = !b->twist || b->twist(b, q->reply, &n);

	if (!b->connected)
		return; /* the twist has ended it */
	/* the room was promised with the request */
	CHECK(b->twist || byte_ring_space(&q->in) >= (ssize_t)n);
	if (sent)
		byte_ring_write(&q->in, q->reply, n);
	q->busy = false;
	if (!b->silent)
		sim_evtchn_send(SIM_DOM0, q->port);
	sim_after(0, serve, q);
}

/* Ask the server; what it says is sent when it has taken its time. */
static void ask(struct sim_p9_ring *q, const unsigned char *m, uint32_t size)
{
	struct sim_p9back *b = q->back;

	CHECK(!q->busy);
	q->size = p9_server_answer(&b->server, m, size, q->reply,
				   sizeof(q->reply));
	q->busy = true;
	sim_after(b->delay ? sim_below(b->delay) : 0, answer, q);
}

static void keep(struct sim_p9_ring *q, const unsigned char *m, uint32_t size)
{
	struct sim_p9back *b = q->back;

	CHECK(size <= sizeof(b->kept));
	memcpy(b->kept, m, size);
	b->kept_size = size;
	b->kept_of = q;
	b->keeps = 0;
	sim_after(0, serve, q);
}

static void serve(void *ring)
{
	static unsigned char m[SIM_P9_MOST];
	struct sim_p9_ring *q = ring;
	struct sim_p9back *b = q->back;
	uint32_t size;
	unsigned tag;

	if (!b->connected || q->busy || b->holds)
		return;
	if (byte_ring_peek(&q->out, m, 7) < 7)
		return;
	memcpy(&size, m, 4);
	tag = m[5] | m[6] << 8;
	/* as QEMU: the rest is there, and the reply goes to the tag's ring */
	CHECK(size >= 7 && byte_ring_avail(&q->out) >= (ssize_t)size);
	CHECK(&b->ring[tag % b->rings] == q);
	byte_ring_read(&q->out, m, size);
	if (m[4] == b->keeps)
		keep(q, m, size);
	else
		ask(q, m, size);
}

void sim_p9back_go(struct sim_p9back *b)
{
	b->holds = false;
	if (b->kept_of)
		ask(b->kept_of, b->kept, b->kept_size);
	b->kept_of = NULL;
	for (unsigned i = 0; i < b->rings; i++)
		sim_after(0, serve, &b->ring[i]);
}

void sim_p9back_notify(struct sim_p9back *b)
{
	sim_evtchn_send(SIM_DOM0, b->ring[0].port);
}

/* --- connecting ----------------------------------------------------------- */

static void *map(uint32_t ref)
{
	void *at = sim_grant_map(SIM_DOM0, sim_guest, ref, false, NULL);

	CHECK(at);
	return at;
}

static void attach_ring(struct sim_p9back *b, struct sim_p9_ring *q, unsigned i)
{
	unsigned char *data = NULL;
	uint32_t half;
	int port;

	q->back = b;
	q->busy = false;
	q->ref[0] = number(SIM_P9_FRONT, "ring-ref%u", i);
	q->page = map(q->ref[0]);
	CHECK(q->page->ring_order <= b->max_order && q->page->ring_order <= 9);
	q->pages = 1u << q->page->ring_order;
	for (unsigned j = 0; j < q->pages; j++) {
		unsigned char *at = map(q->ref[1 + j] = q->page->ref[j]);

		data = data ? data : at;
		CHECK(at == data + (size_t)j * PAGE_SIZE);
	}
	half = XEN_FLEX_RING_SIZE(q->page->ring_order);
	byte_ring_init(&q->in, &q->page->in_prod, &q->page->in_cons, data,
		       half);
	byte_ring_init(&q->out, &q->page->out_cons, &q->page->out_prod,
		       data + half, half);
	port = sim_evtchn_bind(SIM_DOM0, 5,
			       number(SIM_P9_FRONT, "event-channel-%u", i));
	CHECK(port > 0);
	q->port = (uint32_t)port;
	sim_evtchn_on(SIM_DOM0, q->port, serve, q);
}

static void connect(struct sim_p9back *b)
{
	b->rings = number(SIM_P9_FRONT, "num-rings", 0);
	CHECK(number(SIM_P9_FRONT, "version", 0) == 1);
	CHECK(b->rings && b->rings <= b->max_rings);
	for (unsigned i = 0; i < b->rings; i++)
		attach_ring(b, &b->ring[i], i);
	b->connected = true;
	b->connects++;
	sim_p9back_key("state", "4");
	sim_p9back_go(b);
}

void sim_p9back_lose(struct sim_p9back *b)
{
	if (!b->connected)
		return;
	b->connected = false;
	b->kept_of = NULL;
	for (unsigned i = 0; i < b->rings; i++) {
		struct sim_p9_ring *q = &b->ring[i];

		sim_forget(q);
		sim_evtchn_close(SIM_DOM0, q->port);
		for (unsigned j = 0; j <= q->pages; j++)
			sim_grant_unmap(sim_guest, q->ref[j], false);
	}
}

static void front_changed(void *arg, const char *path)
{
	int own = (int)number(SIM_P9_BACK, "state", 0);
	int front = (int)number(SIM_P9_FRONT, "state", 0);
	int next = sim_back_state(front, own, XENBUS_INITIALISED);

	(void)arg;
	(void)path;
	if (!back || !own)
		return;
	if (front == XENBUS_CLOSED)
		sim_p9back_lose(back);
	if (next == XENBUS_CONNECTED && !back->connected)
		connect(back);
	else if (next && next != XENBUS_CONNECTED)
		key_number("state", (unsigned)next);
}

void sim_p9back_plug(struct sim_p9back *b)
{
	back = b;
	sim_device_make(SIM_P9_FRONT, SIM_P9_BACK, front_changed);
	sim_p9back_key("versions", b->versions ? b->versions : "1");
	key_number("max-rings", b->max_rings);
	key_number("max-ring-page-order", b->max_order);
	sim_xs_write(SIM_P9_FRONT "/tag", "share");
	sim_device_begin(SIM_P9_FRONT, SIM_P9_BACK, XENBUS_INIT_WAIT);
}

void sim_p9back_unplug(struct sim_p9back *b)
{
	sim_xs_rm(SIM_P9_FRONT);
	sim_p9back_lose(b);
	back = NULL;
	sim_xs_rm(SIM_P9_BACK);
}

void sim_p9back_restart(struct sim_p9back *b)
{
	if (b->connected)
		sim_p9back_key("state", "5");
}
