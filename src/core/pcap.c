/* SPDX-License-Identifier: ISC */
/*
 * Capture files: the bytes of headers and records (core/pcap.h).
 *
 * Bytes are composed one by one: captures come from anywhere, at any alignment
 * and in either byte order.
 */
#include "core/pcap.h"

#include <errno.h>

#define MAGIC_MICRO 0xa1b2c3d4u
#define MAGIC_NANO  0xa1b23c4du
#define NS_PER_S    1000000000u
#define VERSION     2 /* major; minor 4 is all that was ever used */
#define LINK_MASK   0xffffu /* above it: the length of a checksum at the end */

static void put(uint8_t *p, unsigned n, uint32_t v)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get(const uint8_t *p, unsigned n, bool swapped)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint32_t)p[swapped ? n - 1 - i : i] << 8 * i;
	return v;
}

void pcap_encode_header(uint8_t out[PCAP_HEADER], const struct pcap *p)
{
	put(out, 4, p->nano ? MAGIC_NANO : MAGIC_MICRO);
	put(out + 4, 2, VERSION);
	put(out + 6, 2, 4);
	put(out + 8, 4, 0);
	put(out + 12, 4, 0);
	put(out + 16, 4, p->longest);
	put(out + 20, 4, p->link);
}

void pcap_encode_record(uint8_t out[PCAP_RECORD], const struct pcap *p,
			const struct pcap_record *r)
{
	uint32_t fraction = (uint32_t)(r->ns % NS_PER_S);

	put(out, 4, (uint32_t)(r->ns / NS_PER_S));
	put(out + 4, 4, p->nano ? fraction : fraction / 1000);
	put(out + 8, 4, r->size);
	put(out + 12, 4, r->wire);
}

static bool is_magic(uint32_t v)
{
	return v == MAGIC_MICRO || v == MAGIC_NANO;
}

int pcap_decode_header(const void *data, size_t n, struct pcap *p)
{
	const uint8_t *d = data;

	if (n < PCAP_HEADER)
		return -EAGAIN;
	p->swapped = !is_magic(get(d, 4, false));
	if (p->swapped && !is_magic(get(d, 4, true)))
		return -EINVAL;
	if (get(d + 4, 2, p->swapped) != VERSION)
		return -EINVAL;
	p->nano = get(d, 4, p->swapped) == MAGIC_NANO;
	p->longest = get(d + 16, 4, p->swapped);
	p->link = get(d + 20, 4, p->swapped) & LINK_MASK;
	return 0;
}

int pcap_decode_record(const void *data, size_t n, const struct pcap *p,
		       struct pcap_record *r)
{
	const uint8_t *d = data;

	if (n < PCAP_RECORD)
		return -EAGAIN;
	r->ns = (uint64_t)get(d, 4, p->swapped) * NS_PER_S +
		get(d + 4, 4, p->swapped) * (p->nano ? 1ull : 1000ull);
	r->size = get(d + 8, 4, p->swapped);
	r->wire = get(d + 12, 4, p->swapped);
	if (r->size > PCAP_LONGEST)
		return -EINVAL;
	return n - PCAP_RECORD < r->size ? -EAGAIN : 0;
}
