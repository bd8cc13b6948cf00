/* SPDX-License-Identifier: ISC */
/* Frames and their pages; pages go back to the pool that they came from. */
#include <core/assert.h>
#include <core/net.h>
#include <core/page.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/metrics.h>
#include <string.h>

static struct net_frame *unused;
#define UNUSED_MAX 512

static uint64_t records, unused_n;
FATA_METRIC_GAUGE(records, "net.frames");
FATA_METRIC_GAUGE(unused_n, "net.frames.kept");

void *net_page_get(struct net_pool *p)
{
	return p->pages ? p->page[--p->pages] : page_alloc(0);
}

/* A pool keeps no more than a 32nd of a small memory. */
void net_page_put(struct net_pool *p, void *page)
{
	if (p->pages < NET_POOL && p->pages < page_memory() / PAGE_SIZE / 32)
		p->page[p->pages++] = page;
	else
		page_free(page, 0);
}

struct net_frame *net_frame_new(struct net_pool *pool)
{
	struct net_frame *f = unused;

	if (f) {
		unused = f->next;
		unused_n--;
	} else {
		f = heap_alloc(sizeof(*f));
		if (!f)
			return NULL;
		records++;
	}
	f->next = NULL;
	f->size = 0;
	f->pieces = f->gso_size = f->in_flight = 0;
	f->gso = NET_GSO_NONE;
	f->sum = NET_SUM_UNKNOWN;
	f->from = pool;
	return f;
}

void net_frame_free(struct net_frame *f)
{
	if (!f)
		return;
	ASSERT(!f->in_flight);
	for (unsigned i = 0; i < f->pieces; i++)
		if (f->piece[i].data)
			net_page_put(f->from, net_page_of(f->piece[i].data));
	if (unused_n == UNUSED_MAX) {
		heap_free(f);
		records--;
		return;
	}
	f->next = unused;
	unused = f;
	unused_n++;
}

struct net_frame *net_frame_alloc(struct net *n, size_t size, size_t headroom)
{
	struct net_frame *f;

	if (size > NET_FRAME_MAX || headroom >= PAGE_SIZE)
		return NULL;
	f = net_frame_new(n->pool);
	while (f && f->size < size) {
		unsigned char *page = NULL;
		size_t part = size - f->size;

		if (f->pieces < NET_PIECES)
			page = net_page_get(n->pool);
		if (!page) {
			net_frame_free(f);
			return NULL;
		}
		if (part > PAGE_SIZE - headroom)
			part = PAGE_SIZE - headroom;
		f->piece[f->pieces++] = (struct net_piece){
			.data = page + headroom, .size = (uint32_t)part};
		f->size += (uint32_t)part;
		headroom = 0;
	}
	return f;
}

/* Is a checksum left to the interface that it does not finish? */
static bool wants_sum(const struct net *n, const struct net_frame *f)
{
	const unsigned char *p = f->piece[0].data;
	bool v6;

	if (f->sum != NET_SUM_BLANK ||
	    (n->info.send_sum4 && n->info.send_sum6) || f->piece[0].size < 14)
		return false;
	v6 = p[12] == 0x86 && p[13] == 0xdd;
	return v6 ? !n->info.send_sum6 : !n->info.send_sum4;
}

int net_frame_judge(const struct net *n, const struct net_frame *f)
{
	uint32_t sum = 0;

	if (!f->pieces || f->pieces > NET_PIECES || f->in_flight)
		return -EINVAL;
	for (unsigned i = 0; i < f->pieces; i++) {
		const struct net_piece *p = &f->piece[i];

		if (!p->size ||
		    ((uintptr_t)p->data & (PAGE_SIZE - 1)) + p->size >
			    PAGE_SIZE)
			return -EINVAL;
		sum += p->size;
	}
	if (sum != f->size || (f->gso != NET_GSO_NONE) != (f->gso_size != 0))
		return -EINVAL;
	if (sum > NET_FRAME_MAX ||
	    (f->gso == NET_GSO_NONE && sum > n->info.mtu + 18))
		return -EMSGSIZE;
	if ((f->gso == NET_GSO_TCPV4 && !n->info.send_gso4) ||
	    (f->gso == NET_GSO_TCPV6 && !n->info.send_gso6) || wants_sum(n, f))
		return -EOPNOTSUPP;
	return 0;
}
