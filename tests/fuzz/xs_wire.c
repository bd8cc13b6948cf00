/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing the xenstore wire: the input is what a daemon does to the page, one
 * step after the other. Nothing may be read or written outside the rings, no
 * step may take long, and after -EPROTO everything stays refused.
 *
 *     step   1 byte: what; then its argument
 *     0      answer: length (1), bytes
 *     1      take from the requests: count (1)
 *     2..5   set an index: 4 bytes
 *     6      we send: length (1)
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fata/xen/xs.h>
#include "xen/xs_wire.h"

struct input {
	const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint32_t word(struct input *in)
{
	uint32_t w = 0;
	int i;

	for (i = 0; i < 4; i++)
		w |= (uint32_t)byte(in) << (8 * i);
	return w;
}

static void answer(struct xenstore_domain_interface *page, struct input *in)
{
	unsigned int n = byte(in);

	while (n--)
		page->rsp[page->rsp_prod++ & 1023] = byte(in);
}

/* What the client does with a whole message. */
static void use(struct xs_incoming *m)
{
	const char *path, *token;
	uint64_t v;

	if (m->payload[m->header.len])
		abort();
	if (xs_wire_event(m->payload, m->header.len, &path, &token) == 0 &&
	    (strlen(path) > m->header.len || strlen(token) > m->header.len))
		abort();
	if (xs_wire_errno(m->payload) <= 0)
		abort();
	if (xs_wire_count(m->payload, m->header.len) > m->header.len)
		abort();
	xs_wire_path(m->payload, true);
	xs_parse_u64(m->payload, UINT32_MAX, &v);
}

/* Nobody else runs here (xen/shared.h). */
void sim_step(void) {}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xenstore_domain_interface *page = calloc(1, sizeof(*page));
	struct xs_incoming *m = calloc(1, sizeof(*m));
	struct input in = {data, data + size};
	static char sent[256];
	struct xs_ring r;

	if (!page || !m)
		abort();
	page->req_prod = page->req_cons = 0xffffff00;
	page->rsp_prod = page->rsp_cons = 0xffffff80;
	xs_ring_init(&r, page);
	while (in.at < in.end) {
		switch (byte(&in) % 7) {
		case 0:
			answer(page, &in);
			break;
		case 1:
			page->req_cons += byte(&in);
			break;
		case 2:
			page->req_cons = word(&in);
			break;
		case 3:
			page->req_prod = word(&in);
			break;
		case 4:
			page->rsp_cons = word(&in);
			break;
		case 5:
			page->rsp_prod = word(&in);
			break;
		default:
			byte_ring_write(&r.out, sent, byte(&in));
			break;
		}
		while (xs_incoming_pull(m, &r) == 1) {
			use(m);
			m->have = 0;
		}
	}
	free(page);
	free(m);
	return 0;
}
