/* SPDX-License-Identifier: ISC */
/*
 * Which connection a segment belongs to. lwIP goes through all of them, those
 * that have ended (TIME_WAIT) too, for each segment that is not for the one
 * before; here they are in a hash table, and lwIP is shown a list that is as
 * short as can be while it works on the segment:
 *
 *     known, in use     its list of active connections is that one
 *     known, ended      its list of ended ones is that one
 *     not known         both are empty: a listener's, or nobody's
 *
 * Afterwards the lists are put together again. What lwIP may do to them in the
 * meantime: take the one out, make it an ended one, add a new one.
 *
 * Three things that lwIP does not do happen here, too, when a connection is
 * asked for (SYN):
 *
 *   - one that has ended makes room for a new one of the same two ports (RFC
 *     1122, 4.2.2.13); lwIP would answer for a minute that it is not over;
 *   - when a listener has as many as it wants, the oldest one that was only
 *     asked for goes: in a flood of them, who answers soon still gets through;
 *   - when memory is short, ended ones go; if that does not do, it is refused.
 *
 * And when memory is short, data is left to be sent again that the program is
 * not waiting for: what comes too early, or for a connection that it has never
 * read from, or whose data it has not read yet. So what ends connections, and
 * those that are read, still get through, however many others are filled by
 * their peers.
 *
 * Of ended ones as many are kept as fit into a 16th of the memory, but no more
 * than 32768.
 *
 * Interface: stack.h; lwIP calls tcp_input, which is ours, its own is
 * lwip_tcp_input (Makefile).
 */
#include <core/assert.h>
#include <core/list.h>
#include <fata/heap.h>
#include <fata/metrics.h>
#include <fata/random.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>
#include <net/lwip/hooks.h>
#include <net/socket.h>
#include <net/stack.h>
#include <string.h>

void lwip_tcp_input(struct pbuf *p, struct netif *netif);

/* A connection that lwIP has in one of its lists; its second extra argument. */
struct known {
	struct known *next; /* with the same hash, or nearly */
	struct tcp_pcb *pcb;
	struct list half; /* was asked for, but not answered yet */
	uint32_t hash;
	bool ended; /* TIME_WAIT */
};

#define ARG   1 /* the first one is tcp_cut.c's, and tcp_time.c's */
#define FIRST 64

/*
 * Connections leave so much, or a 16th of a smaller memory: to the program, and
 * to the interface, which needs pages to receive anything.
 */
#define RESERVE (1u << 20)

/* Ended ones: lwIP's clock goes through them ten times a second. */
#define ENDED 32768

static struct known **table;
static uint32_t mask;
static uint64_t count, ended, refused, dropped, put_off;
static struct list half = LIST_INIT(half); /* the oldest one first */
FATA_METRIC_GAUGE(count, "tcp.connections");
FATA_METRIC_GAUGE(ended, "tcp.ended");
FATA_METRIC_COUNTER(refused, "tcp.refused");
FATA_METRIC_COUNTER(dropped, "tcp.dropped");
FATA_METRIC_COUNTER(put_off, "tcp.put_off");

/* --- the table ------------------------------------------------------------ */

static uint32_t mix(uint64_t h, uint32_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15;
	return (uint32_t)(h ^ h >> 32);
}

/* The peer cannot know who shares a place with whom. */
uint32_t tcp_find_hash(const ip_addr_t *remote, u16_t remote_port,
		       u16_t local_port)
{
	static uint64_t secret;
	uint64_t h;

	while (!secret)
		secret = random_u64();
	h = secret ^ mix(secret, (uint32_t)remote_port << 16 | local_port);
	if (IP_IS_V4(remote))
		return mix(h, ip_2_ip4(remote)->addr);
	for (unsigned i = 0; i < 4; i++)
		h = secret ^ mix(h, ip_2_ip6(remote)->addr[i]);
	return mix(h, 0);
}

static void put(struct known *k)
{
	struct known **at = &table[k->hash & mask];

	k->next = *at;
	*at = k;
}

/* Twice as large; when memory is short it stays as it is. */
static bool grow(void)
{
	uint32_t old = table ? mask + 1 : 0, size = old ? 2 * old : FIRST;
	struct known **from = table, **to = heap_calloc(size, sizeof(*to));

	if (!to)
		return table;
	table = to;
	mask = size - 1;
	for (uint32_t i = 0; i < old; i++)
		for (struct known *k = from[i], *next; k; k = next) {
			next = k->next;
			put(k);
		}
	heap_free(from);
	return true;
}

static void destroyed(u8_t id, void *data)
{
	struct known *k = data, **at;

	(void)id;
	if (!k)
		return; /* a listener */
	if (k->ended)
		tcp_socket_ended(k->pcb);
	if (k->pcb) {
		at = &table[k->hash & mask];
		while (*at != k)
			at = &(*at)->next;
		*at = k->next;
		list_remove(&k->half);
		count--;
		ended -= k->ended;
	}
	heap_free(k);
}

static err_t passive_open(u8_t id, struct tcp_pcb_listen *l,
			  struct tcp_pcb *pcb)
{
	struct known *k;

	(void)id;
	(void)l;
	if (tcp_find_prepare(pcb))
		return ERR_MEM;
	tcp_find_add(pcb);
	k = tcp_ext_arg_get(pcb, ARG);
	list_add_last(&half, &k->half);
	return ERR_OK;
}

static const struct tcp_ext_arg_callbacks callbacks = {
	.destroy = destroyed, .passive_open = passive_open};

void tcp_find_listen(struct tcp_pcb *listener)
{
	tcp_ext_arg_set_callbacks(listener, ARG, &callbacks);
	tcp_ext_arg_set(listener, ARG, NULL);
}

int tcp_find_prepare(struct tcp_pcb *pcb)
{
	struct known *k = tcp_ext_arg_get(pcb, ARG);

	if (k)
		return 0; /* it was tried before */
	if ((!table || count > mask) && !grow())
		return -ENOMEM;
	k = heap_calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	list_init(&k->half);
	tcp_ext_arg_set_callbacks(pcb, ARG, &callbacks);
	tcp_ext_arg_set(pcb, ARG, k);
	return 0;
}

void tcp_find_add(struct tcp_pcb *pcb)
{
	struct known *k = tcp_ext_arg_get(pcb, ARG);

	k->pcb = pcb;
	k->hash = tcp_find_hash(&pcb->remote_ip, pcb->remote_port,
				pcb->local_port);
	put(k);
	count++;
}

struct tcp_pcb *tcp_find_pcb(const ip_addr_t *remote, u16_t remote_port,
			     u16_t local_port)
{
	uint32_t hash = tcp_find_hash(remote, remote_port, local_port);
	const struct known *k = table ? table[hash & mask] : NULL;

	while (k && (k->hash != hash || k->pcb->local_port != local_port ||
		     k->pcb->remote_port != remote_port ||
		     !ip_addr_cmp(&k->pcb->remote_ip, remote)))
		k = k->next;
	return k ? k->pcb : NULL;
}

static struct known *find(const struct tcp_hdr *h, const struct netif *netif)
{
	u16_t from = lwip_ntohs(h->src), to = lwip_ntohs(h->dest);
	uint32_t hash = tcp_find_hash(ip_current_src_addr(), from, to);
	struct known *k = table ? table[hash & mask] : NULL;

	for (; k; k = k->next) {
		const struct tcp_pcb *p = k->pcb;

		if (k->hash == hash && p->remote_port == from &&
		    p->local_port == to &&
		    ip_addr_cmp(&p->remote_ip, ip_current_src_addr()) &&
		    ip_addr_cmp(&p->local_ip, ip_current_dest_addr()) &&
		    (p->netif_idx == NETIF_NO_INDEX ||
		     p->netif_idx == netif_get_index(netif)))
			break;
	}
	return k;
}

/* --- connections that are asked for --------------------------------------- */

static void forget_ended(struct tcp_pcb *pcb)
{
	tcp_socket_ended(pcb); /* while it has its ports */
	tcp_pcb_remove(&tcp_tw_pcbs, pcb);
	tcp_free(pcb);
}

/* All but the newest so many: the list begins with the newest. */
static void keep_ended(uint64_t n)
{
	struct tcp_pcb **at = &tcp_tw_pcbs, *p;

	while (*at && n--)
		at = &(*at)->next;
	p = *at;
	*at = NULL;
	while (p) {
		struct tcp_pcb *next = p->next;

		p->next = NULL;
		tcp_pcb_purge(p);
		tcp_free(p);
		p = next;
	}
}

static bool memory_short(void)
{
	struct heap_stat h;

	heap_quick_stat(&h);
	return h.free < (h.total / 16 < RESERVE ? h.total / 16 : RESERVE);
}

static uint64_t ended_max(void)
{
	struct heap_stat h;

	heap_quick_stat(&h);
	h.total /= 16 * (sizeof(struct tcp_pcb) + sizeof(struct known));
	return h.total < ENDED ? h.total : ENDED;
}

/* As lwIP will choose: of exactly this address before one of any. */
static struct tcp_pcb_listen *listener_of(const struct tcp_hdr *h,
					  const struct netif *netif)
{
	const ip_addr_t *to = ip_current_dest_addr();
	struct tcp_pcb_listen *l, *any = NULL;

	for (l = tcp_listen_pcbs.listen_pcbs; l; l = l->next) {
		if (l->local_port != lwip_ntohs(h->dest) ||
		    (l->netif_idx != NETIF_NO_INDEX &&
		     l->netif_idx != netif_get_index(netif)))
			continue;
		if (IP_IS_ANY_TYPE_VAL(l->local_ip)) {
			any = l;
		} else if (IP_ADDR_PCB_VERSION_MATCH_EXACT(l, to)) {
			if (ip_addr_cmp(&l->local_ip, to))
				return l;
			if (ip_addr_isany(&l->local_ip))
				any = l;
		}
	}
	return any;
}

/* The listener's oldest connection that was only asked for, or NULL. */
static struct tcp_pcb *oldest_half(const struct tcp_pcb_listen *l)
{
	list_for_each (at, &half) {
		struct tcp_pcb *p = list_entry(at, struct known, half)->pcb;

		if (p->state != SYN_RCVD)
			list_remove(at); /* it has been answered */
		else if (p->listener == l)
			return p;
	}
	return NULL;
}

/* Is there room for another one, or can be made? */
static bool room_for(const struct tcp_pcb_listen *l)
{
	struct tcp_pcb *p;

	if (l->accepts_pending >= l->backlog) {
		p = oldest_half(l);
		if (!p)
			return false;
		dropped++;
		tcp_abandon(p, 0);
	}
	if (memory_short() && ended)
		keep_ended(ended / 2);
	return !memory_short();
}

/* --- segments ------------------------------------------------------------- */

/* A connection's; it may end by it. */
static void to_active(struct known *k, struct pbuf *p, struct netif *netif)
{
	struct tcp_pcb *pcb = k->pcb, *all = tcp_active_pcbs, **at = &all;
	struct tcp_pcb *next = pcb->next;

	pcb->next = NULL;
	tcp_active_pcbs = pcb;
	lwip_tcp_input(p, netif);
	if (tcp_active_pcbs == pcb) {
		pcb->next = next;
		tcp_active_pcbs = all;
		return;
	}
	ASSERT(!tcp_active_pcbs);
	while (*at != pcb) /* which may be no more: only its address counts */
		at = &(*at)->next;
	*at = next;
	tcp_active_pcbs = all;
	if (tcp_tw_pcbs == pcb) {
		k->ended = true;
		if (++ended > ended_max())
			keep_ended(ended - ended / 8);
	}
}

static void to_ended(struct known *k, struct pbuf *p, struct netif *netif)
{
	struct tcp_pcb *pcb = k->pcb, *next = pcb->next;
	struct tcp_pcb *active = tcp_active_pcbs, *all = tcp_tw_pcbs;

	pcb->next = NULL;
	tcp_tw_pcbs = pcb;
	tcp_active_pcbs = NULL;
	lwip_tcp_input(p, netif);
	ASSERT(tcp_tw_pcbs == pcb && !tcp_active_pcbs);
	pcb->next = next;
	tcp_tw_pcbs = all;
	tcp_active_pcbs = active;
}

/* True: a new connection. */
static bool to_nobody(struct pbuf *p, struct netif *netif)
{
	struct tcp_pcb *active = tcp_active_pcbs, *all = tcp_tw_pcbs;

	tcp_active_pcbs = tcp_tw_pcbs = NULL;
	lwip_tcp_input(p, netif);
	ASSERT(!tcp_tw_pcbs);
	tcp_tw_pcbs = all;
	if (tcp_active_pcbs) {
		tcp_active_pcbs->next = active;
		return true;
	}
	tcp_active_pcbs = active;
	return false;
}

/* Data that can wait, when memory is short. */
static bool can_wait(const struct tcp_pcb *pcb, const struct tcp_hdr *h,
		     const struct pbuf *p)
{
	/* one that was only asked for has its listener's, as it was then */
	const struct socket *s =
		pcb->state == SYN_RCVD ? NULL : pcb->callback_arg;
	unsigned head = TCPH_HDRLEN_BYTES(h);

	return p->tot_len > head && memory_short() &&
	       (p->tot_len - head > TCP_MSS || !s || !s->was_read ||
		s->queued || lwip_ntohl(h->seqno) != pcb->rcv_nxt);
}

static bool asks(const struct tcp_hdr *h)
{
	return (TCPH_FLAGS(h) & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

static void ask(const struct tcp_hdr *h, struct pbuf *p, struct netif *netif)
{
	struct tcp_pcb_listen *l = listener_of(h, netif);

	if (l && !room_for(l)) {
		refused++;
		pbuf_free(p);
	} else if (!to_nobody(p, netif) && l) {
		refused++;
	}
}

void tcp_input(struct pbuf *p, struct netif *netif)
{
	const struct tcp_hdr *h = p->payload;
	struct known *k;

	if (p->len < TCP_HLEN) {
		pbuf_free(p);
		return;
	}
	k = find(h, netif);
	if (k && k->ended && asks(h) &&
	    TCP_SEQ_GT(lwip_ntohl(h->seqno), k->pcb->rcv_nxt)) {
		forget_ended(k->pcb);
		k = NULL;
	}
	if (k && k->ended) {
		to_ended(k, p, netif);
	} else if (k && can_wait(k->pcb, h, p)) {
		put_off++;
		pbuf_free(p);
	} else if (k) {
		to_active(k, p, netif);
	} else if (asks(h)) {
		ask(h, p, netif);
	} else {
		to_nobody(p, netif);
	}
}
