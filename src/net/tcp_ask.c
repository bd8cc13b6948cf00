/* SPDX-License-Identifier: ISC */
/*
 * Connections that are asked for (SYN): which are answered. Two things that
 * lwIP does not do:
 *
 *   - when a listener has as many as it wants, or some and their data may take
 *     what memory there is, the oldest one that was only asked for goes: in a
 *     flood of them, who answers soon still gets through;
 *   - when memory is short, ended ones go; if that does not do, it is refused.
 *
 * Interface: tcp_find.h.
 */
#include <fata/metrics.h>
#include <lwip/ip.h>
#include <net/tcp_find.h>

static uint64_t dropped;
static struct list half = LIST_INIT(half); /* the oldest one first */
FATA_METRIC_COUNTER(dropped, "tcp.dropped");

void tcp_ask_begun(struct known *k)
{
	list_add_last(&half, &k->half);
}

/* As lwIP will choose: of exactly this address before one of any. */
struct tcp_pcb_listen *tcp_ask_listener(const struct tcp_hdr *h,
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
	list_for_each(at, &half)
	{
		struct tcp_pcb *p = list_entry(at, struct known, half)->pcb;

		if (p->state != SYN_RCVD)
			list_remove(at); /* it has been answered */
		else if (p->listener == l)
			return p;
	}
	return NULL;
}

bool tcp_ask_room(const struct tcp_pcb_listen *l)
{
	struct tcp_pcb *p;

	if (l->accepts_pending >= l->backlog ||
	    (l->accepts_pending && tcp_memory_promised())) {
		p = oldest_half(l);
		if (!p)
			return false;
		dropped++;
		tcp_abandon(p, 0);
	}
	return !tcp_memory_short(TCP_MEMORY_LEAST) ||
	       (tcp_find_forget_half() && !tcp_memory_short(TCP_MEMORY_LEAST));
}
