/* SPDX-License-Identifier: ISC */
/*
 * TCP/IP: lwIP on the interfaces of fata/net.h.
 *
 *     stack.c    interfaces: the tasks that feed lwIP, timers
 *     frames.c   frames in, frames out
 *     offload.c  checksums, and large segments at the interface
 *     config.c   addresses: parameters, DHCP, router advertisements
 *     ticks.c    lwIP's clocks
 *     socket*.c  what programs see
 *     tcp_*.c    what lwIP's TCP leaves to others: how segments are cut, times,
 *                ports, first numbers, finding one of many connections, windows
 */
#ifndef FATA_NET_STACK_H
#define FATA_NET_STACK_H

#include <fata/event.h>
#include <fata/net.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>

struct socket;
struct tcp_pcb;

/* One interface. */
struct link {
	struct netif netif;
	struct net *net;
	struct net_info info;
	struct net_frame *first, *last; /* to be sent, in order */
	unsigned waiting;
	bool tried; /* it is there, or will not be */
	struct link *next;
	const char *name; /* as the program's FATA_NET has it, or a number */
};

/* All interfaces, in the order of their names in the image. */
extern struct link *stack_links;

/* Bytes that were copied: metric ip.copied. */
extern uint64_t stack_copied;

/* Signalled when an interface gets or loses an address, or a nameserver. */
extern struct event stack_changed;

/*
 * Start the stack, once: a task for each interface that opens it, configures
 * it and feeds lwIP. 0 or -ENOMEM. Does not block.
 */
int stack_start(void);

/* Have the link's task run soon: it sends what is held back. */
void stack_wake(void);

/* Hand what lwIP has put together to the interfaces. Does not block. */
void stack_flush(void);

/*
 * Wait until some interface has an address from which `to` can be reached, or,
 * with NULL, one for asking nameservers. 0, -ENETUNREACH after a while (boot
 * parameter ip-wait), -ECANCELED. Can block.
 */
int stack_wait_address(const ip_addr_t *to);

/*
 * Wait until all interfaces are there, or as long as above. Starts the stack.
 * Can block.
 */
void stack_wait_links(void);

/* Apply the parameters to a link that came up (config.c). */
void config_apply(struct link *l);

/*
 * Addresses from elsewhere, of the first interface ("a.b.c.d/bits", which stays
 * in place; router may be NULL): what parameters say comes before. 0, -EINVAL,
 * or -EBUSY: interfaces have their addresses already.
 */
int config_give(const char *address, const char *router,
		const char *const *servers, unsigned n);

/*
 * The nameservers that are known, as lines of a resolv.conf; the text's length,
 * as fmt's, 0 when there are none.
 */
size_t config_resolv(char *text, size_t size);

/* --- scope.c ------------------------------------------------------------- */

/*
 * Is the address on that interface, or on any? With NULL: is it on one that is
 * not there?
 */
bool scope_is(const ip_addr_t *a, const struct netif *netif);

/* --- frames.c ------------------------------------------------------------ */

/* A frame has come; it is taken. */
void frames_receive(struct link *l, struct net_frame *f);

/* lwIP's linkoutput: put together a frame and queue it. */
err_t frames_output(struct netif *netif, struct pbuf *p);

/* Has some interface no room for another frame? */
bool frames_full(void);

/* Send what is queued, also what the guest has sent to itself. */
void frames_flush(void);

/* --- offload.c ------------------------------------------------------------ */

/* An outgoing packet of lwIP's, Ethernet header and all, as a frame. */
struct net_frame *offload_frame(struct link *l, struct pbuf *p);

/* An incoming frame's checksum: is it right, or vouched for? */
bool offload_valid(const struct net_frame *f);

/* Tell lwIP which checksums it need not make. */
void offload_setup(struct link *l);

/* --- tcp_cut.c ------------------------------------------------------------ */

/*
 * Before data is queued on a connection: how much may be cut at once, at most
 * half of what the peer's window and the network take, in whole segments.
 * Returns that size in bytes.
 */
unsigned tcp_cut_prepare(struct tcp_pcb *pcb);

/*
 * How many bytes may be queued on a connection now: no more than is worth it,
 * since what is queued early is cut small, and waits in memory.
 */
size_t tcp_cut_room(const struct tcp_pcb *pcb);

/*
 * Send what is queued on a connection. True: all but its end, for which
 * tcp_cut_push must be called when the program has nothing more to write now.
 */
bool tcp_cut_output(struct tcp_pcb *pcb);
void tcp_cut_push(void);

/* Data was acknowledged; lwIP's tcp_output follows. */
void tcp_cut_acked(struct tcp_pcb *pcb);

/* The connection will be gone. */
void tcp_cut_forget(const struct tcp_pcb *pcb);

/* Note a new connection's real segment size. */
void tcp_cut_connected(struct tcp_pcb *pcb);

/* The connection's real segment size. */
uint16_t tcp_cut_real_mss(const struct tcp_pcb *pcb);

/* --- ticks.c -------------------------------------------------------------- */

/* Run those of lwIP's clocks that are due. */
void ticks_run(void);

/* When the next one is. */
uint64_t ticks_deadline(void);

/* --- tcp_find.c ----------------------------------------------------------- */

/* A listener's connections will be found. */
void tcp_find_listen(struct tcp_pcb *listener);

/* Before a connection is begun (0 or -ENOMEM), and once its ports are known. */
int tcp_find_prepare(struct tcp_pcb *pcb);
void tcp_find_add(struct tcp_pcb *pcb);

/* A connection with these, from any of our addresses, or NULL. */
struct tcp_pcb *tcp_find_pcb(const ip_addr_t *remote, u16_t remote_port,
			     u16_t local_port);

/* A number that nobody outside can know. */
uint32_t tcp_find_hash(const ip_addr_t *remote, u16_t remote_port,
		       u16_t local_port);

/* --- tcp_memory.c --------------------------------------------------------- */

/* A connection is there: how much its peer may send. */
void tcp_memory_start(struct socket *s, struct tcp_pcb *pcb);

/* Data has come for it; the program waits for data, or polls. */
void tcp_memory_came(const struct socket *s, const struct tcp_pcb *pcb);
void tcp_memory_asked(struct socket *s);

/* The program has read so much, which s->queued does not count any more. */
void tcp_memory_read(struct socket *s, size_t n);

/* Before tcp_close: lwIP takes a smaller window for data that was not read. */
void tcp_memory_close(struct tcp_pcb *pcb);

/* --- tcp_port.c ----------------------------------------------------------- */

/* A port of ours for a connection to there; 0 when all are in use. */
u16_t tcp_port_for(const ip_addr_t *to, u16_t port);

/* --- tcp_time.c ----------------------------------------------------------- */

/* How long connections wait: before a SYN is sent, or can come. */
void tcp_time_connect(struct tcp_pcb *pcb);
void tcp_time_listen(struct tcp_pcb *listener);

/* The connection is there. It must not outlive the socket as it is then. */
void tcp_time_connected(struct socket *s, struct tcp_pcb *pcb);

/* lwIP's "sent": data was acknowledged. */
void tcp_time_acked(struct socket *s, struct tcp_pcb *pcb);

#endif
