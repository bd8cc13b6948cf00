/* SPDX-License-Identifier: ISC */
/*
 * lwIP as Fata uses it: its raw interface only, memory from Fata's heap,
 * checksums left to the interface where it can, large windows.
 *
 * Everything runs to completion on one CPU, so lwIP needs no locks: any task
 * may call it, as long as it does not block in between.
 */
#ifndef FATA_LWIPOPTS_H
#define FATA_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_ERRNO_STDINCLUDE 1
#define LWIP_TIMEVAL_PRIVATE 0
#define LWIP_TIMERS 0 /* ticks.c */

/* --- memory: all of it from the heap, no fixed pools ---------------------- */
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define mem_clib_malloc heap_alloc
#define mem_clib_calloc heap_calloc
#define mem_clib_free heap_free
#define PBUF_POOL_BUFSIZE 2048
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define ETH_PAD_SIZE 0
#define PBUF_LINK_HLEN 14

/* --- protocols ----------------------------------------------------------- */
#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_ICMP 1
#define LWIP_RAW 1
#define LWIP_UDP 1
#define LWIP_TCP 1
#define LWIP_IGMP 1
#define LWIP_IPV6_MLD 1
#define LWIP_DHCP 1
/*
 * libc resolves names itself. Only the files that learn of nameservers are
 * compiled with it (Makefile): they call dns_setserver, which is in config.c.
 */
#ifndef LWIP_DNS
#define LWIP_DNS 0
#endif
#define DNS_MAX_SERVERS 3
#define LWIP_IPV6_AUTOCONFIG 1
#define IPV6_FRAG_COPYHEADER 1 /* pointers are 64 bits wide */
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 1
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 3
#define IP_REASSEMBLY 1
#define IP_FRAG 1
#define IP_FORWARD 0
#define IP_SOF_BROADCAST 1
#define SO_REUSE 1
#define SO_REUSE_RXTOALL 1
#define LWIP_MULTICAST_TX_OPTIONS 1
#define LWIP_BROADCAST_PING 0
#define ARP_TABLE_SIZE 64
#define ARP_QUEUEING 1
#define ETHARP_SUPPORT_STATIC_ENTRIES 0
#define LWIP_NUM_ND6_QUEUE 64
#define MEMP_NUM_ND6_QUEUE 64
#define IP_REASS_MAX_PBUFS 256

/* --- TCP ----------------------------------------------------------------- */
/*
 * The segment that we announce; the interface's MTU makes it smaller. What is
 * really cut at once is larger (offload.c).
 */
#define TCP_MSS 8960
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 6
#define TCP_WND (1024 * 1024)
/* Acknowledgements tell of the window as it is; alone only a lot of it does. */
#define TCP_WND_UPDATE_THRESHOLD (TCP_WND / 4)
#define TCP_SND_BUF (1024 * 1024)
#define TCP_SND_QUEUELEN 4096
#define TCP_SNDLOWAT (64 * 1024)
#define TCP_OVERSIZE 1460
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES TCP_WND
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_TIMESTAMPS 0
/*
 * Acknowledgements wait for one of these at the most, time-outs are counted in
 * twos of them (tcp_time.c). They pass only while there are connections.
 */
#define TCP_TMR_INTERVAL 50
/* The last of them, which nobody waits for, is 127 s after the first. */
#define TCP_SYNMAXRTX 7
#define TCP_LISTEN_BACKLOG 1
#define TCP_DEFAULT_LISTEN_BACKLOG 255
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_PCB_NUM_EXT_ARGS 2 /* tcp_time.c and offload.c, tcp_find.c */
#define TCP_MSL 30000 /* a minute for stragglers (TIME_WAIT), as Linux */
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1
#define LWIP_NETIF_HWADDRHINT 1
#define MEMP_NUM_TCP_PCB 65535

/* --- interfaces ---------------------------------------------------------- */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK 0
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_TX_SINGLE_PBUF 0
#define LWIP_HAVE_LOOPIF 1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_LOOPBACK_MAX_PBUFS 512

#define LWIP_STATS 0
#define LWIP_DEBUG 0

#define LWIP_HOOK_FILENAME <net/lwip/hooks.h>
#define LWIP_HOOK_TCP_ISN tcp_first_number
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, ...) tcp_time_before(pcb)

#include <fata/heap.h>

#endif
