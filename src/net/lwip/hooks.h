/* SPDX-License-Identifier: ISC */
/* What lwIP asks of us while it works (lwip/opt.h, LWIP_HOOK_*). */
#ifndef FATA_LWIP_HOOKS_H
#define FATA_LWIP_HOOKS_H

#include <stdbool.h>

struct tcp_pcb;

/* tcp_first.c: the sequence number that a connection begins with. */
u32_t tcp_first_number(const ip_addr_t *local, u16_t local_port,
		       const ip_addr_t *remote, u16_t remote_port);

/*
 * ticks.c: no connection waits for anything, TCP's clock stands. It goes again
 * for a new connection (lwIP calls), a segment that has come, and one that is
 * made: its options are asked for before.
 */
extern bool tcp_quiet;
void tcp_timer_needed(void);
#define LWIP_HOOK_TCP_OUT_TCPOPT_LENGTH(pcb, length)                           \
	(tcp_quiet ? tcp_timer_needed() : (void)0, (u8_t)(length))

/* tcp_time.c: a segment has come for this connection, or for a listener. */
err_t tcp_time_before(const struct tcp_pcb *pcb);

#endif
