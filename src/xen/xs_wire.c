/* SPDX-License-Identifier: ISC */
/* The xenstore wire; see xs_wire.h. */
#include "xen/xs_wire.h"

#include <errno.h>
#include <string.h>

#include <fata/xen/xs.h>

void xs_ring_init(struct xs_ring *r, struct xenstore_domain_interface *page)
{
	r->page = page;
	byte_ring_init(&r->out, &page->req_prod, &page->req_cons, page->req,
		       XENSTORE_RING_SIZE);
	byte_ring_init(&r->in, &page->rsp_cons, &page->rsp_prod, page->rsp,
		       XENSTORE_RING_SIZE);
	r->in.index = ring_load(&page->rsp_prod);
	ring_store(&page->rsp_cons, r->in.index);
}

/* Bytes of the message that are still missing, as far as one can know. */
static size_t missing(const struct xs_incoming *m)
{
	size_t whole = sizeof(m->header);

	if (m->have >= whole)
		whole += m->header.len;
	return whole - m->have;
}

int xs_incoming_pull(struct xs_incoming *m, struct xs_ring *r)
{
	const size_t head = sizeof(m->header);
	char *to;
	ssize_t n;

	for (;;) {
		if (m->have >= head && m->header.len > XENSTORE_PAYLOAD_MAX)
			return -EPROTO;
		if (missing(m) == 0)
			break;
		to = m->have < head ? (char *)&m->header + m->have
				    : m->payload + (m->have - head);
		n = byte_ring_read(&r->in, to, missing(m));
		if (n <= 0)
			return (int)n;
		m->have += (size_t)n;
	}
	m->payload[m->header.len] = 0;
	return 1;
}

int xs_wire_errno(const char *word)
{
	static const struct xsd_errors more[] = {
		{EDQUOT, "EQUOTA"},
		{EBADF, "EBADF"},
		{ENOTCONN, "ENOTCONN"},
		{ESRCH, "ESRCH"},
	};
	size_t i;

	for (i = 0; i < sizeof(xsd_errors) / sizeof(*xsd_errors); i++)
		if (strcmp(word, xsd_errors[i].errstring) == 0)
			return xsd_errors[i].errnum;
	for (i = 0; i < sizeof(more) / sizeof(*more); i++)
		if (strcmp(word, more[i].errstring) == 0)
			return more[i].errnum;
	return EPROTO;
}

static bool allowed(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-/_@", c));
}

int xs_wire_path(const char *path, bool special)
{
	size_t i, max = *path == '/' ? XENSTORE_ABS_PATH_MAX
				     : XENSTORE_REL_PATH_MAX;

	for (i = 0; path[i]; i++) {
		if (i + 1 >= max)
			return -E2BIG;
		if (!allowed(path[i]) || (path[i] == '/' && path[i + 1] == '/'))
			return -EINVAL;
	}
	if (i == 0 || (path[i - 1] == '/' && i > 1))
		return -EINVAL;
	return *path == '@' && !special ? -EINVAL : 0;
}

int xs_wire_event(const char *payload, size_t n, const char **path,
		  const char **token)
{
	size_t first = strnlen(payload, n);

	if (first == 0 || first + 1 >= n)
		return -EPROTO;
	*path = payload;
	*token = payload + first + 1;
	return 0;
}

unsigned int xs_wire_count(const char *strings, size_t n)
{
	unsigned int count = 0;
	size_t at;

	for (at = 0; at < n; at += strnlen(strings + at, n - at) + 1)
		count++;
	return count;
}

int xs_parse_u64(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	const char *c;

	if (!*text)
		return -EINVAL;
	for (c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
	}
	for (c = text; *c; c++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*c - '0'), &v))
			return -ERANGE;
	}
	if (v > max)
		return -ERANGE;
	*value = v;
	return 0;
}
