/* SPDX-License-Identifier: ISC */
/*
 * What the files that decide about segments before lwIP share: tcp_find.c
 * (whose they are), tcp_ask.c (new connections), tcp_memory.c (what must wait
 * when memory is short).
 */
#ifndef FATA_NET_TCP_FIND_H
#define FATA_NET_TCP_FIND_H

#include <core/list.h>
#include <lwip/priv/tcp_priv.h>

/* A connection that lwIP has in one of its lists; its second extra argument. */
struct known {
	struct known *next; /* with the same hash, or nearly */
	struct tcp_pcb *pcb;
	struct list half; /* was asked for, but not answered yet */
	uint32_t hash;
	bool ended;       /* TIME_WAIT */
	uint16_t unasked; /* tcp_memory.c */
};

#define KNOWN_ARG 1 /* the first one is tcp_cut.c's, and tcp_time.c's */

static inline struct known *tcp_find_known(const struct tcp_pcb *pcb)
{
	return tcp_ext_arg_get(pcb, KNOWN_ARG);
}

/* Half of those that have ended go; false: there are none. */
bool tcp_find_forget_half(void);

/* --- tcp_ask.c ------------------------------------------------------------ */

/* The listener that lwIP will choose, or NULL. */
struct tcp_pcb_listen *tcp_ask_listener(const struct tcp_hdr *h,
					const struct netif *netif);

/* Is there room for another connection of that one's, or can be made? */
bool tcp_ask_room(const struct tcp_pcb_listen *l);

/* A connection that a listener was asked for. */
void tcp_ask_begun(struct known *k);

/* --- tcp_memory.c --------------------------------------------------------- */

/* Is less memory free than so many reserves? Connections leave the least. */
#define TCP_MEMORY_LEAST 4
bool tcp_memory_short(unsigned reserves);

/* A segment for that connection: is it data that has to wait? */
bool tcp_memory_waits(const struct tcp_pcb *pcb, const struct tcp_hdr *h,
		      const struct pbuf *p);

/* Is what is free for data promised to peers? */
bool tcp_memory_promised(void);

/* A connection that is asked for gets its window; what was promised is over. */
void tcp_memory_first(struct known *k);
void tcp_memory_over(struct known *k);

#endif
