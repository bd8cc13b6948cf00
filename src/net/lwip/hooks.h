/* SPDX-License-Identifier: ISC */
/* What lwIP asks of us while it works (lwip/opt.h, LWIP_HOOK_*). */
#ifndef FATA_LWIP_HOOKS_H
#define FATA_LWIP_HOOKS_H

struct tcp_pcb;

/* tcp_first.c: the sequence number that a connection begins with. */
u32_t tcp_first_number(const ip_addr_t *local, u16_t local_port,
		       const ip_addr_t *remote, u16_t remote_port);

/* tcp_time.c: a segment has come for this connection, or for a listener. */
err_t tcp_time_before(const struct tcp_pcb *pcb);

#endif
