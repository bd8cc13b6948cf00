/* SPDX-License-Identifier: ISC */
/*
 * The interfaces' lives: each has a task that opens it, has it configured, and
 * from then on feeds lwIP with what comes (frames.c) and runs its timers. When
 * a device comes back, the network is told where we are now.
 */
#include <core/manifest.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/metrics.h>
#include <fata/param.h>
#include <fata/task.h>
#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/init.h>
#include <lwip/priv/tcp_priv.h>
#include <net/stack.h>
#include <netif/ethernet.h>
#include <string.h>

FATA_LOG_SOURCE("ip");

static uint64_t wait_ns = 10 * FATA_NS_PER_S;
FATA_PARAM_TIME(wait_ns, "ip-wait", "10s",
		"how long a connection waits for the first address");

#define ROUND 64 /* frames received before others get their turn */

uint64_t stack_copied;
FATA_METRIC_COUNTER(stack_copied, "ip.copied");

struct link *stack_links;
struct event stack_changed;
static struct event wake;

static unsigned links_open;
static uint64_t v6_until; /* an address of IPv6 is waited for */

u32_t sys_now(void)
{
	return (u32_t)(clock_mono_ns() / FATA_NS_PER_MS);
}

void stack_wake(void)
{
	event_signal(&wake);
}

void stack_flush(void)
{
	frames_flush();
	if (!links_open)
		event_signal(&wake); /* for alone_task */
}

static void status_changed(struct netif *netif)
{
	(void)netif;
	event_signal(&stack_changed);
}

/* A failure is told once: then what goes to the group is not delivered. */
static void change_group(struct netif *netif, const unsigned char *mac,
			 enum netif_mac_filter_action action)
{
	struct link *l = netif->state;
	int rc = action == NETIF_ADD_MAC_FILTER ? net_join(l->net, mac)
						: net_leave(l->net, mac);

	stack_wake(); /* a report may be due (ticks.c) */
	if (rc)
		log_warn("interface %s: group %x:%x:%x:%x:%x:%x: error %d",
			 l->name, mac[0], mac[1], mac[2], mac[3], mac[4],
			 mac[5], -rc);
}

/* RFC 1112, 6.4 */
static err_t group4(struct netif *netif, const ip4_addr_t *group,
		    enum netif_mac_filter_action action)
{
	unsigned char mac[6] = {0x01,
				0x00,
				0x5e,
				ip4_addr2(group) & 0x7f,
				ip4_addr3(group),
				ip4_addr4(group)};

	change_group(netif, mac, action);
	return ERR_OK;
}

/* RFC 2464, 7 */
static err_t group6(struct netif *netif, const ip6_addr_t *group,
		    enum netif_mac_filter_action action)
{
	unsigned char mac[6] = {0x33, 0x33};

	memcpy(mac + 2, &group->addr[3], 4);
	change_group(netif, mac, action);
	return ERR_OK;
}

static err_t init_netif(struct netif *netif)
{
	static const unsigned char all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct link *l = netif->state;

	netif->name[0] = 'e';
	netif->name[1] = 'n';
	netif->hwaddr_len = 6;
	memcpy(netif->hwaddr, l->info.mac, 6);
	netif->mtu = (u16_t)l->info.mtu;
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
		       NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6 |
		       NETIF_FLAG_LINK_UP;
	netif->output = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = frames_output;
	netif_set_igmp_mac_filter(netif, group4);
	netif_set_mld_mac_filter(netif, group6);
	/* the one group that nobody joins by a message */
	change_group(netif, all_nodes, NETIF_ADD_MAC_FILTER);
	return ERR_OK;
}

/*
 * Until it is there. A device that is not there yet, or broken, may come or
 * be put right later; only a name that means nothing never will.
 */
static int open_net(struct link *l)
{
	uint64_t pause = FATA_NS_PER_S / 4;
	int rc, before = 0;

	for (;;) {
		rc = net_open(l->name, &l->net, FATA_FOREVER);
		if (!rc || rc == -ENOENT || rc == -ECANCELED)
			break;
		if (rc != before)
			log_error("interface %s: error %d, trying again",
				  l->name, -rc);
		before = rc;
		rc = fata_sleep(pause);
		if (rc)
			break;
		pause = pause < 8 * FATA_NS_PER_S ? 2 * pause : pause;
	}
	if (rc)
		log_error("interface %s: error %d", l->name, -rc);
	return rc;
}

static int open_link(struct link *l)
{
	int rc = open_net(l);

	if (rc)
		return rc;
	net_info(l->net, &l->info);
	netif_add_noaddr(&l->netif, l, init_netif, ethernet_input);
	offload_setup(l);
	netif_set_status_callback(&l->netif, status_changed);
	netif_set_up(&l->netif);
	if (!netif_default)
		netif_set_default(&l->netif);
	config_apply(l);
	rc = net_filter(l->net, true);
	if (rc && rc != -EOPNOTSUPP)
		log_warn("interface %s: all groups are delivered: error %d",
			 l->name, -rc);
	return 0;
}

/*
 * The interface came back, perhaps on another host or with another card: tell
 * the network where we are now, and have DHCP's lease confirmed.
 */
static void refresh(struct link *l)
{
	net_info(l->net, &l->info);
	memcpy(l->netif.hwaddr, l->info.mac, 6);
	l->netif.mtu = (u16_t)l->info.mtu;
	offload_setup(l);
	if (!l->info.up)
		return;
	etharp_gratuitous(&l->netif);
	dhcp_network_changed(&l->netif);
}

/*
 * While no interface is there the guest can still talk to itself: somebody must
 * run the timers of its connections. Without connections it sleeps.
 */
static int alone_task(void *arg)
{
	(void)arg;
	while (!links_open) {
		uint64_t seen = event_count(&wake);

		ticks_run();
		tcp_cut_push();
		frames_flush();
		event_wait(&wake, &seen,
			   tcp_active_pcbs || tcp_tw_pcbs ? ticks_deadline()
							  : FATA_FOREVER);
	}
	return 0;
}

/* One interface's task. Timers are lwIP's, and so everybody's. */
static int link_task(void *arg)
{
	struct link *l = arg;
	int rc = open_link(l);
	uint64_t changes = rc ? 0 : event_count(net_changed(l->net));

	l->tried = true;
	links_open += !rc;
	v6_until = clock_deadline(wait_ns);
	event_signal(&wake);
	event_signal(&stack_changed);
	while (!rc) {
		struct event_wait w[] = {
			{net_readable(l->net), 0},
			{net_changed(l->net), 0},
			{&wake, 0},
			/* comes only if a frame found the ring full */
			{net_writable(l->net), 0},
		};
		struct net_frame *frames[ROUND];
		int n;

		for (unsigned i = 0; i < 4; i++)
			w[i].seen = event_count(w[i].event);
		if (w[1].seen != changes)
			refresh(l);
		changes = w[1].seen;
		n = net_receive(l->net, frames, ROUND, 0);
		for (int i = 0; i < n; i++)
			frames_receive(l, frames[i]);
		ticks_run();
		tcp_cut_push();
		stack_flush();
		if (n == ROUND)
			fata_yield();
		else
			event_wait_any(w, 4, ticks_deadline());
	}
	return rc;
}

static int add_link(const char *name)
{
	static const struct task_attr attr = {.name = "net"};
	struct link *l = heap_calloc(1, sizeof(*l)), **at = &stack_links;

	if (!l)
		return -ENOMEM;
	l->name = name;
	while (*at)
		at = &(*at)->next;
	*at = l;
	return fata_task_spawn(NULL, &attr, link_task, l);
}

int stack_start(void)
{
	static const struct task_attr attr = {.name = "net"};
	static bool started;
	const char *name;
	int rc = 0;

	if (started)
		return 0;
	started = true;
	lwip_init();
	rc = fata_task_spawn(NULL, &attr, alone_task, NULL);
	for (unsigned i = 0; !rc; i++) {
		name = manifest_name(FATA_NOTE_NET, i);
		if (!name)
			break;
		rc = add_link(name);
	}
	return !stack_links && !rc ? add_link("0") : rc;
}

/*
 * Can something be sent to `to`? IPv6 needs an address of our own of the same
 * reach that nobody else has (its state is tentative until that is known).
 */
static bool link_reaches(const struct netif *netif, const ip_addr_t *to)
{
	bool near = ip_addr_islinklocal(to) || ip_addr_ismulticast(to);

	if (!netif_is_up(netif) || !scope_is(to, netif))
		return false;
	if (IP_IS_V4(to))
		return !ip4_addr_isany_val(*netif_ip4_addr(netif));
	for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) &&
		    (near || !ip6_addr_islinklocal(netif_ip6_addr(netif, i))))
			return true;
	return false;
}

static bool all_tried(void)
{
	for (struct link *l = stack_links; l; l = l->next)
		if (!l->tried)
			return false;
	return true;
}

static bool reaches(const ip_addr_t *to)
{
	char text[256];

	for (struct link *l = stack_links; l; l = l->next)
		if (link_reaches(&l->netif, to ? to : IP4_ADDR_ANY))
			return true;
	if (to && all_tried() && scope_is(to, NULL))
		return true; /* there will be no such interface */
	return !to && config_resolv(text, sizeof(text));
}

int stack_wait_address(const ip_addr_t *to)
{
	uint64_t deadline = clock_deadline(wait_ns);

	/* not every network has IPv6: it is waited for only in the beginning */
	if (to && IP_IS_V6(to) && links_open && deadline > v6_until)
		deadline = v6_until;
	while (!reaches(to)) {
		uint64_t seen = event_count(&stack_changed);
		int rc = event_wait(&stack_changed, &seen, deadline);

		if (rc)
			return rc == -ETIMEDOUT ? -ENETUNREACH : rc;
	}
	return 0;
}

void stack_wait_links(void)
{
	uint64_t deadline = clock_deadline(wait_ns);

	while (!stack_start() && !all_tried()) {
		uint64_t seen = event_count(&stack_changed);

		if (event_wait(&stack_changed, &seen, deadline))
			return;
	}
}
