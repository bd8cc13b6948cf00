/* SPDX-License-Identifier: ISC */
/* Checksums of TCP and UDP; see net_sum.h. */
#include <core/net_sum.h>

static bool find4(const struct net_frame *f, struct net_transport *t)
{
	const unsigned char *p = f->piece[0].data;
	unsigned total = (unsigned)p[16] << 8 | p[17];

	t->v6 = false;
	t->offset = 14 + (p[14] & 15) * 4u;
	t->protocol = p[23];
	if (t->offset < 34 || total < t->offset - 14 || total > f->size - 14)
		return false;
	/* a fragment has no whole checksum */
	if ((p[20] & 0x3f) || p[21])
		return false;
	t->length = total - (t->offset - 14);
	return true;
}

static bool find6(const struct net_frame *f, struct net_transport *t)
{
	const unsigned char *p = f->piece[0].data;

	t->v6 = true;
	t->offset = 54;
	t->protocol = p[20];
	t->length = (unsigned)p[18] << 8 | p[19];
	return t->length <= f->size - 54;
}

bool net_transport_find(const struct net_frame *f, struct net_transport *t)
{
	unsigned char *p = f->piece[0].data;
	uint32_t n = f->piece[0].size, least;

	if (n < 14 + 20)
		return false;
	t->ip = 14;
	if (p[12] == 0x08 && p[13] == 0x00) {
		if (!find4(f, t))
			return false;
	} else if (p[12] != 0x86 || p[13] != 0xdd || n < 54 || !find6(f, t)) {
		return false;
	}
	least = t->protocol == NET_TCP ? 20 : t->protocol == NET_UDP ? 8 : 0;
	if (!least || t->length < least || n < t->offset + least)
		return false;
	t->header = p + t->offset;
	t->sum = t->header + (t->protocol == NET_TCP ? 16 : 6);
	return true;
}

/* Add 16-bit words, most significant byte first; odd lengths are padded. */
static uint64_t add_words(uint64_t sum, const unsigned char *p, uint32_t n)
{
	for (; n >= 2; n -= 2, p += 2)
		sum += (unsigned)p[0] << 8 | p[1];
	return n ? sum + ((unsigned)p[0] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t net_sum_of(const unsigned char *p, uint32_t n)
{
	return fold(add_words(0, p, n));
}

static uint64_t pseudo_header(const struct net_frame *f,
			      const struct net_transport *t)
{
	const unsigned char *ip = f->piece[0].data + t->ip;

	return add_words(t->protocol + (uint64_t)t->length,
			 ip + (t->v6 ? 8 : 12), t->v6 ? 32 : 8);
}

/* The sum over all of the transport's bytes, piece by piece. */
static uint16_t whole_sum(const struct net_frame *f,
			  const struct net_transport *t)
{
	uint64_t sum = pseudo_header(f, t);
	uint32_t skip = t->offset, left = t->length, at = 0;

	for (unsigned i = 0; i < f->pieces && left; i++) {
		const struct net_piece *p = &f->piece[i];
		uint32_t n = p->size - skip < left ? p->size - skip : left;
		uint16_t part = net_sum_of(p->data + skip, n);

		/* a piece that begins at an odd byte counts swapped */
		sum += at & 1 ? (uint16_t)(part << 8 | part >> 8) : part;
		at += n;
		left -= n;
		skip = 0;
	}
	return fold(sum);
}

bool net_sum_right(const struct net_frame *f, const struct net_transport *t)
{
	return whole_sum(f, t) == 0xffff;
}

void net_sum_make(struct net_frame *f, const struct net_transport *t,
		  bool blank)
{
	uint16_t sum;

	t->sum[0] = t->sum[1] = 0;
	sum = blank ? fold(pseudo_header(f, t)) : (uint16_t)~whole_sum(f, t);
	if (!blank && !sum && t->protocol == NET_UDP)
		sum = 0xffff;
	t->sum[0] = (unsigned char)(sum >> 8);
	t->sum[1] = (unsigned char)sum;
	f->sum = blank ? NET_SUM_BLANK : NET_SUM_GOOD;
}
