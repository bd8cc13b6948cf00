/* SPDX-License-Identifier: ISC */
/*
 * Frames for interfaces that do less than the one they came from: what the
 * frame leaves to the interface is done here (net_fit).
 *
 *     frame     [Ethernet, IP, TCP][data ...                        ]
 *     segments  [Ethernet, IP, TCP][data]   length, IPv4's id and sum;
 *               [Ethernet, IP, TCP][data]   sequence number, flags, sum
 *               [Ethernet, IP, TCP][da]
 */
#include <core/net.h>
#include <core/net_sum.h>
#include <errno.h>
#include <string.h>

/* Less makes too many of one frame (Linux: TCP_MIN_MSS). */
#define SEGMENT_LEAST 88

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

/* A large frame while it is cut. */
struct cut {
	const struct net_frame *from;
	struct net_transport t;
	uint32_t head, data; /* bytes of headers, and behind them */
	uint32_t step;       /* data of a segment */
	unsigned piece;      /* where the next data is */
	uint32_t at;
};

static void put16(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static uint32_t get16(const unsigned char *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* --- one segment ---------------------------------------------------------- */

/* The next n bytes of data, behind the headers of f. */
static void take_data(struct cut *c, struct net_frame *f, uint32_t n)
{
	uint32_t skip = c->head;

	for (unsigned i = 0; n; i++, skip = 0) {
		struct net_piece *to = &f->piece[i];

		for (uint32_t done = skip; done < to->size && n;) {
			const struct net_piece *p = &c->from->piece[c->piece];
			uint32_t part = p->size - c->at;

			part = part < n ? part : n;
			if (part > to->size - done)
				part = to->size - done;
			memcpy(to->data + done, p->data + c->at, part);
			done += part;
			n -= part;
			c->at += part;
			if (c->at == p->size) {
				c->piece++;
				c->at = 0;
			}
		}
	}
}

static void set_ip(struct cut *c, struct net_frame *f, unsigned number)
{
	unsigned char *ip = f->piece[0].data + c->t.ip;
	unsigned header = c->t.offset - c->t.ip;

	if (c->t.v6) {
		put16(ip + 4, f->size - c->t.offset);
		return;
	}
	put16(ip + 2, f->size - c->t.ip);
	put16(ip + 4, get16(ip + 4) + number);
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~net_sum_of(ip, header));
}

static void set_tcp(struct cut *c, struct net_frame *f, uint32_t done,
		    bool last)
{
	unsigned char *tcp = f->piece[0].data + c->t.offset;
	uint32_t seq = (get16(tcp + 4) << 16 | get16(tcp + 6)) + done;

	put16(tcp + 4, seq >> 16);
	put16(tcp + 6, seq);
	if (!last)
		tcp[13] &= (unsigned char)~(TCP_FIN | TCP_PSH);
	if (done)
		tcp[13] &= (unsigned char)~TCP_CWR;
}

/* The segment whose data begins at `done`; NULL: memory is short. */
static struct net_frame *segment(struct cut *c, struct net *n, uint32_t done)
{
	uint32_t left = c->data - done;
	uint32_t size = left < c->step ? left : c->step;
	struct net_frame *f = net_frame_alloc(n, c->head + size, 0);
	struct net_transport t;

	if (!f)
		return NULL;
	memcpy(f->piece[0].data, c->from->piece[0].data, c->head);
	take_data(c, f, size);
	set_ip(c, f, done / c->step);
	set_tcp(c, f, done, size == left);
	if (net_transport_find(f, &t))
		net_sum_make(f, &t,
			     t.v6 ? n->info.send_sum6 : n->info.send_sum4);
	return f;
}

/* --- frames --------------------------------------------------------------- */

static int plan(struct cut *c, const struct net *n, const struct net_frame *f)
{
	const struct net_transport *t = &c->t;
	unsigned header;

	*c = (struct cut){.from = f};
	if (!net_transport_find(f, &c->t) || t->protocol != NET_TCP)
		return -EINVAL;
	header = (t->header[12] >> 4) * 4u;
	c->head = c->at = t->offset + header;
	if (header < 20 || header >= t->length || f->gso_size < SEGMENT_LEAST ||
	    c->head > f->piece[0].size ||
	    c->head + SEGMENT_LEAST > n->info.mtu + 14)
		return -EINVAL;
	c->data = t->length - header;
	c->step = n->info.mtu + 14 - c->head;
	if (c->step > f->gso_size)
		c->step = f->gso_size;
	if (c->at == f->piece[0].size) {
		c->piece = 1;
		c->at = 0;
	}
	return 0;
}

static int cut_up(struct net *n, struct net_frame **frame)
{
	struct net_frame *list = NULL, **end = &list, *f;
	struct cut c;
	int count = 0, rc = plan(&c, n, *frame);

	for (uint32_t done = 0; !rc && done < c.data; done += c.step) {
		*end = segment(&c, n, done);
		if (*end) {
			end = &(*end)->next;
			count++;
		} else {
			rc = -ENOMEM;
		}
	}
	if (!rc) {
		net_frame_free(*frame);
		*frame = list;
		return count;
	}
	while ((f = list)) {
		list = f->next;
		net_frame_free(f);
	}
	return rc;
}

int net_fit(struct net *n, struct net_frame **frame)
{
	struct net_frame *f = *frame;
	struct net_transport t;

	f->next = NULL;
	if (net_frame_judge(n, f) != -EOPNOTSUPP)
		return 1;
	if (f->gso != NET_GSO_NONE)
		return cut_up(n, frame);
	if (!net_transport_find(f, &t))
		return -EINVAL;
	net_sum_make(f, &t, false);
	return 1;
}
