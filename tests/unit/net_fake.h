/* SPDX-License-Identifier: ISC */
/*
 * An interface (fata/net.h) in a test's hands, for src/net: what the stack
 * sends is kept in `sent`, what it is to receive is given to fake_receive.
 * Each piece of a frame is an allocation of just its size, so that the
 * sanitizers see a byte too far. For the plain cases there is another side,
 * 10.0.0.1, whose ARP request and segments are made here.
 */
#ifndef FATA_TESTS_UNIT_NET_FAKE_H
#define FATA_TESTS_UNIT_NET_FAKE_H

#include <errno.h>
#include <fata/heap.h>
#include <fata/net.h>
#include <fata/param.h>
#include <fata/task.h>
#include <stdlib.h>
#include <string.h>

struct net {
	struct net_info info;
	struct event readable, writable, changed;
	struct net_frame *in, **in_end;
	bool full;	/* net_send takes nothing */
	int open_error; /* what net_open says; it is then cleared */
	unsigned opens, groups;
};

static struct net fake = {
	.info = {.mac = {2, 0, 0, 0, 0, 1},
		 .mtu = 1500,
		 .up = true,
		 .send_sum4 = true,
		 .send_sum6 = true,
		 .send_gso4 = true,
		 .send_gso6 = true},
};

/* The frames that were sent, as they came. */
#define SENT_MAX 512
static struct sent {
	unsigned char *data;
	uint32_t size;
	uint16_t gso_size;
	uint8_t gso, sum;
} sent[SENT_MAX];
static unsigned sent_n;

static inline void forget_sent(void)
{
	while (sent_n)
		free(sent[--sent_n].data);
}

int net_open(const char *name, struct net **n, uint64_t deadline)
{
	int rc = fake.open_error;

	(void)name;
	(void)deadline;
	fake.opens++;
	fake.open_error = 0;
	*n = &fake;
	return rc;
}

void net_info(struct net *n, struct net_info *info)
{
	*info = n->info;
}

struct event *net_changed(struct net *n)
{
	return &n->changed;
}

struct event *net_readable(struct net *n)
{
	return &n->readable;
}

struct event *net_writable(struct net *n)
{
	return &n->writable;
}

void net_frame_free(struct net_frame *f)
{
	for (unsigned i = 0; f && i < f->pieces; i++)
		free(f->piece[i].data);
	free(f);
}

static inline void add_piece(struct net_frame *f, const void *data, size_t n)
{
	struct net_piece *p = &f->piece[f->pieces++];

	p->data = malloc(n);
	p->size = (uint32_t)n;
	f->size += (uint32_t)n;
	if (data)
		memcpy(p->data, data, n);
}

struct net_frame *net_frame_alloc(struct net *n, size_t size, size_t headroom)
{
	struct net_frame *f = calloc(1, sizeof(*f));

	(void)n;
	(void)headroom;
	while (f->size < size)
		add_piece(f, NULL,
			  size - f->size < 4096 ? size - f->size : 4096);
	return f;
}

int net_send(struct net *n, struct net_frame **frames, unsigned count,
	     uint64_t deadline)
{
	(void)deadline;
	if (n->full)
		return -ETIMEDOUT;
	for (unsigned i = 0; i < count; i++) {
		struct net_frame *f = frames[i];
		struct sent *s = &sent[sent_n % SENT_MAX];
		uint32_t at = 0;

		if (sent_n == SENT_MAX)
			forget_sent();
		s = &sent[sent_n++];
		*s = (struct sent){malloc(f->size), f->size, f->gso_size,
				   f->gso, f->sum};
		for (unsigned k = 0; k < f->pieces; k++) {
			memcpy(s->data + at, f->piece[k].data,
			       f->piece[k].size);
			at += f->piece[k].size;
		}
		net_frame_free(f);
	}
	return (int)count;
}

int net_receive(struct net *n, struct net_frame **frames, unsigned max,
		uint64_t deadline)
{
	unsigned got = 0;

	(void)deadline;
	while (got < max && n->in) {
		frames[got++] = n->in;
		n->in = n->in->next;
	}
	return got ? (int)got : -ETIMEDOUT;
}

int net_join(struct net *n, const unsigned char *group)
{
	(void)group;
	n->groups++;
	return 0;
}

int net_leave(struct net *n, const unsigned char *group)
{
	(void)group;
	n->groups--;
	return 0;
}

int net_filter(struct net *n, bool on)
{
	(void)n;
	(void)on;
	return 0;
}

/* A frame from outside; the stack's task gets it when others wait. */
static inline void fake_receive(struct net_frame *f)
{
	struct net_frame **at = &fake.in;

	while (*at)
		at = &(*at)->next;
	f->next = NULL;
	*at = f;
	event_signal(&fake.readable);
}

/* Set a boot parameter that is a list (ip, gateway, dns). */
static inline int set_list(const char *name, const char *value)
{
	extern struct param __start_fata_params[], __stop_fata_params[];
	struct param *p = __start_fata_params;

	while (p < __stop_fata_params && strcmp(p->name, name))
		p++;
	return ((int (*)(const char *))p->value)(value);
}

/* --- checksums, the plain way -------------------------------------------- */

static inline uint32_t words(uint32_t sum, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Over the pseudo header, and `n` bytes of transport; ip: its header. */
static inline uint32_t transport_sum(const unsigned char *ip,
				     const unsigned char *t, size_t n)
{
	bool v6 = ip[0] >> 4 == 6;
	unsigned char tail[4] = {0, v6 ? ip[6] : ip[9], (unsigned char)(n >> 8),
				 (unsigned char)n};

	return words(words(words(0, ip + (v6 ? 8 : 12), v6 ? 32 : 8), tail, 4),
		     t, n);
}

/* Of the IPv4 header of n bytes in an Ethernet frame. */
static inline void set_ip_sum(unsigned char *frame, size_t n)
{
	uint32_t sum;

	frame[24] = frame[25] = 0;
	sum = ~words(0, frame + 14, n);
	frame[24] = (unsigned char)(sum >> 8);
	frame[25] = (unsigned char)sum;
}

/* --- the other side ------------------------------------------------------- */

static inline void put32(unsigned char *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static inline uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* Memory that a test has taken, for the stack to have less. */
struct chunk {
	struct chunk *next;
};

static inline void give_memory(struct chunk *all)
{
	while (all) {
		struct chunk *c = all;

		all = c->next;
		heap_free(c);
	}
}

/* Until the stack has seen all that there is. */
static inline void settle(void)
{
	for (int i = 0; i < 8; i++)
		fata_yield();
}

/* 10.0.0.1 asks who 10.0.0.2 is, and so is known itself. */
static inline void receive_arp(void)
{
	struct net_frame *f = calloc(1, sizeof(*f));

	add_piece(f,
		  "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\2\10\6\0\1\10\0\6\4\0\1"
		  "\2\0\0\0\0\2\12\0\0\1\0\0\0\0\0\0\12\0\0\2",
		  42);
	fake_receive(f);
	settle();
}

/* A segment from 10.0.0.1 to port 9000 of 10.0.0.2. */
struct segment {
	uint16_t port; /* it comes from */
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	uint16_t options, data; /* so many bytes of `rest`, at most 1460 */
	const void *rest;	/* NULL: zeros */
};

static inline void receive_segment(const struct segment *s)
{
	static const unsigned char head[] =
		"\2\0\0\0\0\1\2\0\0\0\0\2\10\0\x45\0\0\0\0\0\0\0\100\6\0\0"
		"\12\0\0\1\12\0\0\2\0\0\43\50";
	struct net_frame *f = calloc(1, sizeof(*f));
	unsigned rest = s->options + s->data, size = 40 + rest;
	unsigned char p[1514] = {0};

	memcpy(p, head, sizeof(head) - 1);
	p[16] = (unsigned char)(size >> 8);
	p[17] = (unsigned char)size;
	set_ip_sum(p, 20);
	p[34] = (unsigned char)(s->port >> 8);
	p[35] = (unsigned char)s->port;
	put32(p + 38, s->seq);
	put32(p + 42, s->ack);
	p[46] = (unsigned char)((5 + s->options / 4) << 4);
	p[47] = s->flags;
	p[48] = (unsigned char)(s->window >> 8);
	p[49] = (unsigned char)s->window;
	if (s->rest)
		memcpy(p + 54, s->rest, rest);
	add_piece(f, p, 14 + size);
	f->sum = NET_SUM_GOOD;
	fake_receive(f);
	settle();
}

#endif
