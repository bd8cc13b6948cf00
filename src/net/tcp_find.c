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
 * One that has ended makes room for a new one of the same two ports (RFC 1122,
 * 4.2.2.13); lwIP would answer for a minute that it is not over. Which others
 * are answered is in tcp_ask.c, which data waits when memory is short in
 * tcp_memory.c.
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
#include <net/tcp_find.h>
#include <string.h>

void lwip_tcp_input(struct pbuf *p, struct netif *netif);

#define FIRST 64

/* Ended ones: lwIP's clock goes through them ten times a second. */
#define ENDED 32768

static struct known **table;
static uint32_t mask;
static uint64_t count, ended, refused, put_off;
FATA_METRIC_GAUGE(count, "tcp.connections");
FATA_METRIC_GAUGE(ended, "tcp.ended");
FATA_METRIC_COUNTER(refused, "tcp.refused");
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
	tcp_memory_over(k);
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
	k = tcp_find_known(pcb);
	tcp_ask_begun(k);
	tcp_memory_first(k);
	return ERR_OK;
}

static const struct tcp_ext_arg_callbacks callbacks = {
	.destroy = destroyed, .passive_open = passive_open};

void tcp_find_listen(struct tcp_pcb *listener)
{
	tcp_ext_arg_set_callbacks(listener, KNOWN_ARG, &callbacks);
	tcp_ext_arg_set(listener, KNOWN_ARG, NULL);
}

int tcp_find_prepare(struct tcp_pcb *pcb)
{
	struct known *k = tcp_find_known(pcb);

	if (k)
		return 0; /* it was tried before */
	if ((!table || count > mask) && !grow())
		return -ENOMEM;
	k = heap_calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	list_init(&k->half);
	tcp_ext_arg_set_callbacks(pcb, KNOWN_ARG, &callbacks);
	tcp_ext_arg_set(pcb, KNOWN_ARG, k);
	return 0;
}

void tcp_find_add(struct tcp_pcb *pcb)
{
	struct known *k = tcp_find_known(pcb);

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

/* --- ended ones ----------------------------------------------------------- */

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

bool tcp_find_forget_half(void)
{
	if (!ended)
		return false;
	keep_ended(ended / 2);
	return true;
}

static uint64_t ended_max(void)
{
	struct heap_stat h;

	heap_quick_stat(&h);
	h.total /= 16 * (sizeof(struct tcp_pcb) + sizeof(struct known));
	return h.total < ENDED ? h.total : ENDED;
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

static bool asks(const struct tcp_hdr *h)
{
	return (TCPH_FLAGS(h) & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

/*
 * lwIP would take the options of one that asks again for new ones, which its
 * window must not have been changed for; our answer is repeated anyway.
 */
static bool asks_again(const struct tcp_pcb *pcb, const struct tcp_hdr *h)
{
	return pcb->state == SYN_RCVD && TCPH_FLAGS(h) & TCP_SYN &&
	       !(pcb->flags & TF_WND_SCALE);
}

static void ask(const struct tcp_hdr *h, struct pbuf *p, struct netif *netif)
{
	struct tcp_pcb_listen *l = tcp_ask_listener(h, netif);

	if (l && !tcp_ask_room(l)) {
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
	} else if (k && asks_again(k->pcb, h)) {
		pbuf_free(p);
	} else if (k && tcp_memory_waits(k->pcb, h, p)) {
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
