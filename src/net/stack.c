/* SPDX-License-Identifier: ISC */
/*
 * Between lwIP and the interfaces.
 *
 * Receiving: a frame's pieces become a chain of custom pbufs that point into
 * its pages; the frame is freed with the last of them. Nothing is copied.
 *
 * Sending: lwIP's packet is copied into a frame's pages, once. Frames are
 * collected and sent together when a batch is full, when the receiving round
 * ends, or when a socket call ends (stack_flush), so that one notification
 * serves many. What the ring has no room for waits, up to a limit.
 */
#include <core/assert.h>
#include <core/manifest.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/metrics.h>
#include <fata/param.h>
#include <fata/task.h>
#include <lwip/dhcp.h>
#include <lwip/ethip6.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/timeouts.h>
#include <net/headers.h>
#include <net/stack.h>
#include <netif/ethernet.h>
#include <string.h>

FATA_LOG_SOURCE("ip");

static uint64_t wait_ns = 10 * FATA_NS_PER_S;
FATA_PARAM_TIME(wait_ns, "ip-wait", "10s",
		"how long a connection waits for the first address");

#define ROUND   64  /* frames received before others get their turn */
#define BATCH   16  /* frames collected before they are sent */
#define BACKLOG 256 /* frames that wait for the ring at the most */

struct link *stack_links;
struct event stack_changed;
static struct event wake;

/* A received frame, as seen by lwIP: one pbuf for each piece. */
struct packet {
	struct net_frame *frame;
	unsigned refs; /* pbufs that lwIP still holds */
	struct part {
		struct pbuf_custom pbuf;
		struct packet *packet;
	} part[];
};

u32_t sys_now(void)
{
	return (u32_t)(clock_mono_ns() / FATA_NS_PER_MS);
}

static void part_freed(struct pbuf *p)
{
	struct packet *k = ((struct part *)p)->packet;

	if (--k->refs)
		return;
	net_frame_free(k->frame);
	heap_free(k);
}

/* NULL when memory is short; the frame is then still the caller's. */
static struct pbuf *wrap(struct net_frame *f)
{
	struct packet *k =
		heap_alloc(sizeof(*k) + f->pieces * sizeof(k->part[0]));
	struct pbuf *chain = NULL;

	if (!k)
		return NULL;
	*k = (struct packet){.frame = f, .refs = f->pieces};
	for (unsigned i = 0; i < f->pieces; i++) {
		struct part *part = &k->part[i];
		u16_t size = (u16_t)f->piece[i].size;
		struct pbuf *p;

		part->packet = k;
		part->pbuf.custom_free_function = part_freed;
		p = pbuf_alloced_custom(PBUF_RAW, size, PBUF_REF, &part->pbuf,
					f->piece[i].data, size);
		if (chain)
			pbuf_cat(chain, p);
		else
			chain = p;
	}
	return chain;
}

static uint64_t bad_frames, bad_sums, no_memory;
FATA_METRIC_COUNTER(bad_frames, "ip.bad-frames");
FATA_METRIC_COUNTER(bad_sums, "ip.bad-checksums");
FATA_METRIC_COUNTER(no_memory, "ip.no-memory");

static void receive(struct link *l, struct net_frame *f)
{
	struct pbuf *p = NULL;

	if (f->size > 0xffff ||
	    !headers_whole(f->piece[0].data, f->piece[0].size,
			   netif_ip4_addr(&l->netif)->addr)) {
		bad_frames++;
	} else if (!offload_valid(f)) {
		bad_sums++;
	} else {
		p = wrap(f);
		no_memory += !p;
	}
	if (!p)
		net_frame_free(f);
	else if (l->netif.input(p, &l->netif) != ERR_OK)
		pbuf_free(p);
}

/* Send what waits, as far as the ring has room. */
static void flush(struct link *l)
{
	while (l->first) {
		/* after: what follows each; a frame that was taken is gone */
		struct net_frame *batch[BATCH], *after[BATCH];
		unsigned n = 0, taken;
		int rc;

		for (struct net_frame *f = l->first; f && n < BATCH;
		     f = f->next) {
			batch[n] = f;
			after[n++] = f->next;
		}
		rc = net_send(l->net, batch, n, 0);
		if (rc == -ETIMEDOUT)
			return;
		taken = rc > 0 ? (unsigned)rc : 1;
		if (rc < 0) /* refused for good, or the interface is down */
			net_frame_free(batch[0]);
		l->first = after[taken - 1];
		l->waiting -= taken;
	}
}

void stack_wake(void)
{
	event_signal(&wake);
}

static unsigned links_open;

static void flush_all(void)
{
	netif_poll_all(); /* what the guest sends to itself */
	for (struct link *l = stack_links; l; l = l->next)
		if (l->first)
			flush(l);
}

void stack_flush(void)
{
	flush_all();
	if (!links_open)
		event_signal(&wake); /* for alone_task */
}

static err_t output(struct netif *netif, struct pbuf *p)
{
	struct link *l = netif->state;
	struct net_frame *f;

	if (l->waiting >= BACKLOG)
		return ERR_MEM;
	f = offload_frame(l, p);
	if (!f)
		return ERR_MEM;
	f->next = NULL;
	if (l->first)
		l->last->next = f;
	else
		l->first = f;
	l->last = f;
	if (++l->waiting >= BATCH)
		flush(l);
	return ERR_OK;
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
	netif->linkoutput = output;
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
	rc = net_filter(l->net, true, clock_deadline(10 * FATA_NS_PER_S));
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

/* The deadline of lwIP's next timer. */
static uint64_t timer_deadline(void)
{
	u32_t ms = sys_timeouts_sleeptime();

	return ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE
		       ? FATA_FOREVER
		       : clock_deadline(ms * FATA_NS_PER_MS);
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

		sys_check_timeouts();
		offload_push();
		flush_all();
		event_wait(&wake, &seen, tcp_active_pcbs || tcp_tw_pcbs
						 ? timer_deadline()
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

	links_open += !rc;
	event_signal(&wake);
	while (!rc) {
		struct event_wait w[] = {
			{net_readable(l->net), 0},
			{net_changed(l->net), 0},
			{&wake, 0},
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
			receive(l, frames[i]);
		sys_check_timeouts();
		offload_push();
		stack_flush();
		if (n == ROUND)
			fata_yield();
		else
			event_wait_any(w, l->first ? 4 : 3, timer_deadline());
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

static bool has_address(void)
{
	for (struct link *l = stack_links; l; l = l->next)
		if (netif_is_up(&l->netif) &&
		    !ip4_addr_isany_val(*netif_ip4_addr(&l->netif)))
			return true;
	return false;
}

int stack_wait_address(void)
{
	uint64_t deadline = clock_deadline(wait_ns);

	while (!has_address()) {
		uint64_t seen = event_count(&stack_changed);
		int rc = has_address()
				 ? 0
				 : event_wait(&stack_changed, &seen, deadline);

		if (rc)
			return rc == -ETIMEDOUT ? -ENETUNREACH : rc;
	}
	return 0;
}
